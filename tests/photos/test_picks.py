import os

import pytest

from smalti.errors import DataError, OutputError
from smalti.photos.picks import copy_picks
from tests.photos.results import draw, photo, ranked, result


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def test_only_picks_are_copied_with_all_their_files_and_times(tmp_path):
    jpeg, raw = draw(tmp_path / "in" / "1.jpg"), tmp_path / "in" / "1.CR2"
    raw.write_bytes(b"raw")
    os.utime(raw, (1_600_000_000, 1_600_000_000))
    other = draw(tmp_path / "in" / "2.jpg")
    found = result((ranked(photo(jpeg, raw)), ranked(photo(other), "alternate")))
    assert copy_picks(found, tmp_path / "out") == (tmp_path / "out" / "1.jpg", tmp_path / "out" / "1.CR2")
    assert listing(tmp_path / "out") == ["1.CR2", "1.jpg"]
    assert (tmp_path / "out" / "1.CR2").stat().st_mtime == 1_600_000_000
    assert copy_picks(found, tmp_path / "out") == ()


def test_the_same_name_from_two_folders_gives_two_copies(tmp_path):
    shots = []
    for place in ("a", "b"):
        jpeg, raw = draw(tmp_path / place / "1.jpg"), tmp_path / place / "1.nef"
        raw.write_bytes(place.encode())  # only the RAWs differ
        shots.append(photo(jpeg, raw))
    found = result(*[(ranked(shot),) for shot in shots])
    copy_picks(found, tmp_path / "out")
    assert listing(tmp_path / "out") == ["1-2.jpg", "1-2.nef", "1.jpg", "1.nef"]
    assert (tmp_path / "out" / "1-2.nef").read_bytes() == b"b"
    assert copy_picks(found, tmp_path / "out") == ()


def test_what_belongs_to_a_pick_goes_with_it(tmp_path):
    shot = draw(tmp_path / "in" / "IMG_1.jpg")
    beside = ("IMG_1.MOV", "IMG_1.AAE", "IMG_O1.aae", "IMG_1.wav", "IMG_1.jpg.xmp", "IMG_1.xmp")
    for name in (*beside, "IMG_2.MOV", "IMG_1.txt"):
        (tmp_path / "in" / name).write_text(name)
    found = result((ranked(photo(shot)),))
    made = []
    copy_picks(found, tmp_path / "out", made=made.append)
    assert listing(tmp_path / "out") == sorted(("IMG_1.jpg", *beside)) == sorted(path.name for path in made)
    (tmp_path / "in" / "IMG_1.xmp").write_text("edited since")
    assert copy_picks(found, tmp_path / "out") == ()  # the photo is there, and what is there stays
    assert (tmp_path / "out" / "IMG_1.xmp").read_text() == "IMG_1.xmp"


def test_a_name_that_a_movie_of_another_photo_has_is_taken(tmp_path):
    shot = draw(tmp_path / "in" / "IMG_1.jpg")
    for place in ("in", "out"):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / "IMG_1.MOV").write_text(place)
    copy_picks(result((ranked(photo(shot)),)), tmp_path / "out")
    assert listing(tmp_path / "out") == ["IMG_1-2.MOV", "IMG_1-2.jpg", "IMG_1.MOV"]


def test_what_was_not_compared_is_copied_where_that_is_asked_for(tmp_path):
    found = result((ranked(photo(draw(tmp_path / "1.jpg")), "unrated"),))
    assert copy_picks(found, tmp_path / "out") == ()
    assert copy_picks(found, tmp_path / "out", unrated=True) == (tmp_path / "out" / "1.jpg",)


def test_what_is_there_stays(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "1.jpg").write_text("mine")
    copy_picks(result((ranked(photo(draw(tmp_path / "1.jpg"))),)), tmp_path / "out")
    assert (tmp_path / "out" / "1.jpg").read_text() == "mine"
    assert (tmp_path / "out" / "1-2.jpg").read_bytes() == (tmp_path / "1.jpg").read_bytes()


def test_a_photo_copied_onto_itself_is_no_copy(tmp_path):
    shot = draw(tmp_path / "1.jpg")
    assert copy_picks(result((ranked(photo(shot)),)), tmp_path) == ()
    assert listing(tmp_path) == ["1.jpg"]


def test_a_failed_copy_has_no_name(tmp_path, monkeypatch):
    def half(source, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("smalti.photos.picks.shutil.copy2", half)
    with pytest.raises(OutputError, match="no space left"):
        copy_picks(result((ranked(photo(draw(tmp_path / "1.jpg"))),)), tmp_path / "out")
    assert listing(tmp_path / "out") == []


def test_bad_places_are_one_line(tmp_path):
    shot = photo(draw(tmp_path / "1.jpg"))
    with pytest.raises(OutputError, match="cannot be written"):
        copy_picks(result((ranked(shot),)), tmp_path / "1.jpg")
    shot.path.unlink()
    with pytest.raises(DataError, match=r"1\.jpg: no longer exists"):
        copy_picks(result((ranked(shot),)), tmp_path / "out")
