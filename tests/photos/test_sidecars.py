import re
import xml.etree.ElementTree as ET

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from smalti.errors import OutputError
from smalti.photos.decisions import FIELDS, MARKS, is_decided
from smalti.photos.formats.xmp import NAMESPACES, RDF, XMP, values_in, with_values
from smalti.photos.sidecars import write_sidecars
from tests.photos.results import draw, photo, ranked, result

ADOBE = """\ufeff<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.0">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about='' xmlns:xap="http://ns.adobe.com/xap/1.0/"
    xmlns:crs='http://ns.adobe.com/camera-raw-settings/1.0/' crs:Note=" xap:Rating='1' "
    xap:Rating = '{rating}' crs:Exposure="+0.35">
   <!-- > mine < -->
   <crs:ToneCurve><rdf:Seq><rdf:li>0, 0&#xA;ü</rdf:li></rdf:Seq></crs:ToneCurve>
   <xap:Label>{label}</xap:Label>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""
BARE = b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description r:about=""%b</r:RDF>'


def marks(path):
    (description,) = ET.parse(path).getroot().iter(f"{{{RDF}}}Description")
    return description.get(f"{{{XMP}}}Rating"), description.get(f"{{{XMP}}}Label")


def one(tmp_path, verdict="pick"):
    return result((ranked(photo(draw(tmp_path / "1.JPG")), verdict),))


@pytest.mark.parametrize(
    ("verdict", "wanted"), [("pick", ("5", "Green")), ("alternate", ("3", "Yellow")), ("reject", ("-1", "Red"))]
)
def test_each_verdict_has_its_rating_and_label(tmp_path, verdict, wanted):
    assert write_sidecars(one(tmp_path, verdict)).left == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.JPG", "1.JPG.xmp"]
    assert marks(tmp_path / "1.JPG.xmp") == wanted


def test_a_raw_has_the_names_of_all_three_programs(tmp_path):
    jpeg, raw = draw(tmp_path / "1.JPG"), tmp_path / "1.NEF"
    raw.write_bytes(b"raw")
    write_sidecars(result((ranked(photo(jpeg, raw), "reject"),)))
    sidecars = sorted(tmp_path.glob("*.xmp"))
    assert [path.name for path in sidecars] == ["1.JPG.xmp", "1.NEF.xmp", "1.xmp"]
    assert {marks(path) for path in sidecars} == {("-1", "Red")}
    assert 'SidecarForExtension="NEF"' in sidecars[2].read_text()
    assert raw.read_bytes() == b"raw"


def test_a_new_sidecar_reads_as_one_would_write_it(tmp_path):
    write_sidecars(one(tmp_path))
    written = (tmp_path / "1.JPG.xmp").read_text()
    assert ' xmp:Rating="5" xmp:Label="Green" MicrosoftPhoto:Rating="99" digiKam:PickLabel="3"' in written


def test_in_a_sidecar_that_is_there_nothing_else_changes(tmp_path):
    sidecar = tmp_path / "1.JPG.XMP"
    sidecar.write_text(ADOBE.format(rating="0", label=""), "utf-8")
    sidecar.chmod(0o640)
    assert write_sidecars(one(tmp_path)).left == ()
    written = sidecar.read_text("utf-8")
    added = re.search(r" xmlns:MicrosoftPhoto=.* smalti:Verdict=\"pick\"", written)
    assert added and written.replace(added[0], "") == ADOBE.format(rating="5", label="Green")
    assert sidecar.stat().st_mode & 0o777 == 0o640
    before = sidecar.stat().st_mtime_ns
    assert write_sidecars(one(tmp_path)).left == () and sidecar.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "decision",
    [
        'xmp:Rating="2"',
        'xmp:Label="Blau"',
        'MicrosoftPhoto:Rating="25"',
        'digiKam:PickLabel="1"',
        'xmp:Rating="-1"',
        'xmpDM:pick="1"',
        'photomechanic:ColorClass="3"',
    ],
)
@pytest.mark.parametrize("where", ["sidecar", "photo"])
def test_what_a_person_decided_stays(tmp_path, decision, where):
    prefix = decision.partition(":")[0]
    attributes = f' xmlns:{prefix}="{NAMESPACES[prefix]}" {decision}/>'.encode()
    found = one(tmp_path, "reject")
    sidecar = tmp_path / "1.JPG.xmp"
    if where == "sidecar":
        sidecar.write_bytes(BARE % attributes)
    else:
        Image.new("RGB", (60, 40)).save(
            tmp_path / "1.JPG", xmp=b'<x:xmpmeta xmlns:x="adobe:ns:meta/">%b</x:xmpmeta>' % (BARE % attributes)
        )
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert write_sidecars(found).kept == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert write_sidecars(found, overwrite=True).kept == 0
    assert values_in(sidecar.read_bytes(), FIELDS) == MARKS["reject"]
    assert (tmp_path / "1.JPG").read_bytes() == before[tmp_path / "1.JPG"]


def test_the_rating_in_exif_is_a_decision_too(tmp_path):
    exif = Image.Exif()
    exif[0x4746] = 4
    Image.new("RGB", (60, 40)).save(tmp_path / "2.JPG", exif=exif)
    assert write_sidecars(result((ranked(photo(tmp_path / "2.JPG"), "reject"),))).kept == 1


def test_a_rating_in_percent_is_a_decision_too(tmp_path):
    exif = Image.Exif()
    exif[0x4749] = 75
    Image.new("RGB", (60, 40)).save(tmp_path / "2.JPG", exif=exif)
    assert write_sidecars(result((ranked(photo(tmp_path / "2.JPG"), "reject"),))).kept == 1


@pytest.mark.parametrize("ending", ["webp", "avif", "heic"])
def test_a_rating_in_the_exif_of_other_formats_is_a_decision_too(tmp_path, ending):
    exif, picture, path = Image.Exif(), Image.new("RGB", (64, 64)), tmp_path / f"1.{ending}"
    for rating, kept in ((4, 1), (0, 0)):
        exif[0x4746] = rating
        if ending == "heic":
            heif = pytest.importorskip("pillow_heif")
            heif.from_pillow(picture).save(path, exif=exif.tobytes())
        else:
            picture.save(path, exif=exif)
        assert write_sidecars(result((ranked(photo(path), "reject"),))).kept == kept
    content = path.read_bytes()
    for length in (0, 13, 40, len(content) // 2):  # a damaged file has no rating, and raises nothing
        path.write_bytes(content[:length])
        assert not is_decided(path)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["xmp", "exif"])
def test_a_rating_in_a_png_is_a_decision_too(tmp_path, kind, compressed):
    path, notes, exif = tmp_path / "1.png", PngInfo(), Image.Exif()
    if kind == "exif":
        exif[0x4746] = 4
    else:
        packet = BARE % b' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>'
        text = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{packet.decode()}</x:xmpmeta>'
        notes.add_itxt("XML:com.adobe.xmp", text, zip=compressed)
    Image.new("RGB", (60, 40)).save(path, pnginfo=notes, exif=exif)
    assert write_sidecars(result((ranked(photo(path), "reject"),))).kept == 1


@pytest.mark.parametrize(
    "content",
    [
        ADOBE.format(rating="4", label="").encode("utf-16"),
        b'<?xml version="1.0" encoding="latin-1"?>'
        + BARE % b' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>',
        BARE
        % b' xmlns:x="http://ns.adobe.com/xap/1.0/"><x:Label><r:Alt><r:li>Red</r:li></r:Alt></x:Label></r:Description>',
    ],
)
def test_a_rating_that_cannot_be_understood_is_a_decision_too(tmp_path, content):
    jpeg, raw = draw(tmp_path / "1.JPG"), tmp_path / "1.NEF"
    raw.write_bytes(b"raw")
    (tmp_path / "1.xmp").write_bytes(content)
    written = write_sidecars(result((ranked(photo(jpeg, raw), "reject"),)))
    assert (written.kept, written.left) == (1, ()) and len(list(tmp_path.glob("*.xmp"))) == 1


@pytest.mark.parametrize("name", ["1.xmp", "1.XMP"])
def test_a_sidecar_named_without_the_ending_of_its_photo_counts(tmp_path, name):
    sidecar = tmp_path / name
    sidecar.write_bytes(BARE % b' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>')
    found = one(tmp_path, "reject")
    assert write_sidecars(found).kept == 1 and not (tmp_path / "1.JPG.xmp").exists()
    write_sidecars(found, overwrite=True)
    assert values_in(sidecar.read_bytes(), FIELDS) == values_in((tmp_path / "1.JPG.xmp").read_bytes(), FIELDS)


def test_a_sidecar_of_a_raw_alone_is_not_that_of_another_photo(tmp_path):
    (tmp_path / "1.NEF").write_bytes(b"raw")
    write_sidecars(result((ranked(photo(tmp_path / "1.NEF")),)))
    assert write_sidecars(one(tmp_path, "reject")).left == () and marks(tmp_path / "1.JPG.xmp") == ("-1", "Red")
    assert marks(tmp_path / "1.xmp") == ("5", "Green")


def test_a_read_only_sidecar_is_left_alone_and_named(tmp_path):
    sidecar = tmp_path / "1.JPG.xmp"
    sidecar.write_bytes(BARE % b"/>")
    sidecar.chmod(0o444)
    (left,) = write_sidecars(one(tmp_path)).left
    assert (left.path, left.reason) == (sidecar, "left unchanged: is read-only")
    assert sidecar.read_bytes() == BARE % b"/>"


def test_fields_of_others_that_say_nothing_are_no_change(tmp_path):
    write_sidecars(one(tmp_path))
    sidecar = tmp_path / "1.JPG.xmp"
    sidecar.write_bytes(with_values(sidecar.read_bytes(), {"xmpDM:pick": "0", "photomechanic:Tagged": "False"}))
    assert write_sidecars(one(tmp_path, "reject")).kept == 0 and marks(sidecar) == ("-1", "Red")


def test_a_decision_about_one_file_of_a_photo_holds_for_all(tmp_path):
    jpeg, raw = draw(tmp_path / "1.JPG"), tmp_path / "1.NEF"
    raw.write_bytes(b"raw")
    (tmp_path / "1.xmp").write_bytes(BARE % b' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>')
    assert write_sidecars(result((ranked(photo(jpeg, raw), "reject"),))).kept == 1
    assert len(list(tmp_path.glob("*.xmp"))) == 1


def test_what_smalti_wrote_is_no_decision_until_somebody_changes_it(tmp_path):
    sidecar = tmp_path / "1.JPG.xmp"
    for verdict in ("pick", "reject", "unrated", "alternate"):
        assert write_sidecars(one(tmp_path, verdict)).kept == 0
        assert values_in(sidecar.read_bytes(), FIELDS) == MARKS[verdict]
    sidecar.write_bytes(with_values(sidecar.read_bytes(), {"Rating": "1"}))
    assert write_sidecars(one(tmp_path, "pick")).kept == 1
    assert marks(sidecar) == ("1", "Yellow")


def test_what_was_not_compared_gets_no_sidecar(tmp_path):
    assert write_sidecars(one(tmp_path, "unrated")).kept == 0
    assert [path.name for path in tmp_path.iterdir()] == ["1.JPG"]


@pytest.mark.parametrize(
    "rest",
    [
        b"/>",
        b"></r:Description>",
        b' xmlns:x="http://ns.adobe.com/xap/1.0/"><x:Label/></r:Description>',
        b'/><r:Description xmlns:q="http://ns.adobe.com/xap/1.0/" q:Rating="2"/>',
        b'><x:Other xmlns:x="urn:y"><r:Description x:Rating="1"/></x:Other></r:Description>',
    ],
)
def test_values_are_found_or_added(rest):
    packet = BARE % rest
    done = with_values(packet, {"Rating": "5", "Label": "Green"})
    assert with_values(done, {"Rating": "5", "Label": "Green"}) == done
    assert done.count(b":Rating=") == packet.count(b'x:Rating="1"') + 1 and b"Green" in done
    ET.fromstring(done)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", None),
        (b"not xml", "not well-formed XML"),
        (b"<a/>", "contains no XMP"),
        (b'<!DOCTYPE a [<!ENTITY e "x">]>' + BARE % b"/>", "DOCTYPE"),
        (ADOBE.encode("utf-16"), "not UTF-8"),
        (b'<?xml version="1.0" encoding="latin-1"?>' + BARE % b"/>", "latin-1"),
        (BARE % b' xmlns:xmp="urn:other"/>', "another namespace"),
        (
            BARE % b' xmlns:xmp="http://ns.adobe.com/xap/1.0/"><xmp:Label><a/></xmp:Label></r:Description>',
            "plain value",
        ),
    ],
)
def test_what_cannot_be_understood_is_left_alone_and_named(tmp_path, content, reason):
    sidecar = tmp_path / "1.JPG.xmp"
    sidecar.write_bytes(content)
    left = write_sidecars(one(tmp_path), overwrite=True).left
    assert [entry.path for entry in left] == ([sidecar] if reason else [])
    if reason:
        assert reason in left[0].reason and "\n" not in left[0].reason
        assert sidecar.read_bytes() == content
    else:
        assert marks(sidecar) == ("5", "Green")


def test_a_sidecar_of_two_photos_keeps_the_first_verdict(tmp_path):
    shots = [tmp_path / "1.NEF", tmp_path / "1.CR2"]
    for shot in shots:
        shot.write_bytes(b"raw")
    left = write_sidecars(result((ranked(photo(shots[0])), ranked(photo(shots[1]), "reject")))).left
    assert [entry.path.name for entry in left] == ["1.xmp"] and marks(tmp_path / "1.xmp") == ("5", "Green")


def test_what_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("smalti.files.publish", refuse)
    with pytest.raises(OutputError, match=r"1\.JPG\.xmp: cannot be written: read-only"):
        write_sidecars(one(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["1.JPG"]
