"""Which photos lie in a folder."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smalti.errors import DataError, RasterError
from smalti.photos import listing
from smalti.photos.listing import MARK, companions, left_out_line, list_photos, note_copy, note_folder, survey
from smalti.photos.read import open_photo


def names(folder: Path, *files: str) -> list[list[str]]:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return [[str(f.relative_to(folder)) for f in shot.files] for shot in list_photos(folder)]


def test_photos_below_the_folder_without_what_is_hidden_or_no_photo(tmp_path: Path) -> None:
    found = names(tmp_path, "b.JPG", "a/c.png", "a/._c.png", ".trash/d.jpg", "e.txt", "a/f.heic", "g.tiff", "g.xmp")
    assert found == [["a/c.png"], ["a/f.heic"], ["b.JPG"], ["g.tiff"]]


def test_raw_and_jpeg_of_one_name_and_place_are_one_photo(tmp_path: Path) -> None:
    found = names(tmp_path, "a.CR2", "a.jpg", "b.nef", "x/a.dng", "c.heic", "c.DNG", "d.png", "d.arw", "e.jpg", "e.png")
    assert ["a.jpg", "a.CR2"] in found and ["c.heic", "c.DNG"] in found
    assert ["d.png"] in found and ["d.arw"] in found  # no camera writes a PNG beside its RAW
    assert [shot for shot in found if len(shot) == 1] == [
        ["b.nef"],
        ["d.arw"],
        ["d.png"],
        ["e.jpg"],
        ["e.png"],
        ["x/a.dng"],
    ]


def test_a_raw_and_a_jpeg_are_paired_whatever_the_capitals_of_their_name(tmp_path: Path) -> None:
    found = names(tmp_path, "IMG_1.CR2", "img_1.jpg", "b.jpg", "B.jpg", "B.CR2")
    assert found == [["B.jpg", "B.CR2"], ["b.jpg"], ["img_1.jpg", "IMG_1.CR2"]]


def test_only_the_copies_that_were_made_are_left_out(tmp_path: Path) -> None:
    """A folder of the user's own that the picks went to is looked at like any other."""
    names(tmp_path, "a.jpg", "best/mine.jpg", "best/a.jpg", "best/edited.jpg")
    for name in ("a.jpg", "edited.jpg"):
        note_copy(tmp_path / "best" / name)
    with (tmp_path / "best" / MARK).open("a") as notes:
        notes.write('["x", "a"]\n[null, "a"]\n[1e400, "a"]\n{}\n3\n[1, 2, 3]\n' + "[" * 100_000 + '\n[12, "cut off')
    (tmp_path / "best" / "edited.jpg").write_bytes(b"another")
    found = survey(tmp_path)
    assert [str(shot.path.relative_to(tmp_path)) for shot in found.shots] == [
        "a.jpg",
        "best/edited.jpg",
        "best/mine.jpg",
    ]
    assert found.left_out == {"copies made by --copy-picks": 1}


def test_a_folder_of_ours_is_left_out_whole(tmp_path: Path) -> None:
    names(tmp_path, "a.jpg", "thumbs/b.jpg", "thumbs/more/c.jpg")
    note_folder(tmp_path / "thumbs")
    assert [shot.path.name for shot in list_photos(tmp_path)] == ["a.jpg"]


@pytest.mark.parametrize(
    "place",
    [
        "@eaDir",
        "#recycle",
        "$RECYCLE.BIN",
        "x.lrdata",
        "__MACOSX",
        "darktable_exported",
        "Previews.LRDATA",
        "@EADIR",
        "@SynoResource",
        "RECYCLER",
        "My.photoslibrary",
        "~snapshot",
        "THMBNL",
        "Thumbnails",
    ],
)
def test_folders_that_hold_no_photos_of_their_own_are_left_out_and_counted(tmp_path: Path, place: str) -> None:
    names(tmp_path, "a.jpg", f"sub/{place}/b.jpg", f"sub/{place}/more/c.png", f"sub/{place}/notes.txt")
    found = survey(tmp_path)
    assert [shot.path.name for shot in found.shots] == ["a.jpg"]
    assert list(found.left_out.values()) == [2] and place.lower()[-6:] in str(found.left_out).lower()


@pytest.mark.parametrize("picks", [False, True])
def test_a_folder_that_may_be_listed_but_not_entered_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picks: bool
) -> None:
    names(tmp_path, "a.jpg", "sub/b.jpg", "sub/more/c.jpg")
    if picks:
        note_copy(tmp_path / "sub" / "b.jpg")
    ask = {"stat": os.stat, "lstat": os.lstat}

    def refuse(which: str) -> Callable[..., os.stat_result]:
        def answer(path: str | Path, *args: object, **more: object) -> os.stat_result:
            if str(path).startswith(str(tmp_path / "sub") + os.sep):
                raise PermissionError(13, "Permission denied", str(path))
            return ask[which](path, *args, **more)

        return answer

    for which in ask:
        monkeypatch.setattr(os, which, refuse(which))
    found = {shot.path.name for shot in survey(tmp_path).shots}
    assert {"a.jpg", "b.jpg"} <= found


def test_movies_and_other_files_are_counted_and_what_belongs_to_a_photo_is_not(tmp_path: Path) -> None:
    names(tmp_path, "a.heic", "a.MOV", "a.aae", "a.heic.xmp", "IMG_1.HEIC", "IMG_O1.AAE", "b.mov", "c.MP4", "d.txt")
    assert survey(tmp_path).left_out == {"movies": 2, "other files": 1}
    assert left_out_line({"movies": 2, "other files": 1000}) == "other files: 1,000, movies: 2"


@pytest.mark.parametrize("between", ["", ".supplemental-metadata", ".supplemental-me", ".s"])
def test_what_google_exports_beside_a_photo_belongs_to_it(tmp_path: Path, between: str) -> None:
    names(tmp_path, "IMG_1.jpg", f"IMG_1.jpg{between}.json", "x.json", "IMG_1.jpg.other.json")
    assert [path.name for path in companions(tmp_path)["img_1.jpg"]] == [f"IMG_1.jpg{between}.json"]
    assert survey(tmp_path).left_out == {"other files": 2}


def test_patterns_exclude_files_and_folders(tmp_path: Path) -> None:
    names(tmp_path, "a.jpg", "a-edited.jpg", "old/b.jpg", "old/c.jpg", "x/old/d.jpg")
    found = survey(tmp_path, ["*-edited*", "x/old"])
    assert [shot.path.name for shot in found.shots] == ["a.jpg", "b.jpg", "c.jpg"]
    assert found.left_out == {"by --exclude": 2}


@pytest.mark.parametrize("ending", ["webp", "avif", "gif", "bmp", "jp2", "JPE", "hif", "jfif", "mpo", "apng", "GPR"])
def test_kinds_that_can_be_read_are_photos(tmp_path: Path, ending: str) -> None:
    assert names(tmp_path, f"a.{ending}") == [[f"a.{ending}"]]


def test_numbers_in_names_count_by_their_value(tmp_path: Path) -> None:
    wanted = ["IMG_1.jpg", "IMG_1 (1).jpg", "IMG_2.jpg", "IMG_10.jpg"]
    assert names(tmp_path, *wanted) == [[name] for name in wanted]


def test_a_photo_that_is_linked_to_is_listed_once(tmp_path: Path) -> None:
    names(tmp_path, "z.jpg", "sub/y.jpg")
    (tmp_path / "a.jpg").symlink_to(tmp_path / "z.jpg")
    (tmp_path / "sub" / "b.jpg").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "round.jpg").symlink_to(tmp_path / "round.jpg")
    (tmp_path / "folder").symlink_to(tmp_path / "sub")
    found = survey(tmp_path)
    assert [shot.path.name for shot in found.shots] == ["round.jpg", "y.jpg", "z.jpg"]
    assert found.left_out == {"links to photos that are listed": 2, "linked folders": 1}


def test_pairs_by_the_names_of_a_pixel_and_by_folders(tmp_path: Path) -> None:
    found = names(
        tmp_path,
        "PXL_20230101_120000123.RAW-01.COVER.jpg",
        "PXL_20230101_120000123.RAW-02.ORIGINAL.dng",
        "PXL_2.RAW-01.MP.COVER.jpg",
        "PXL_2.RAW-02.ORIGINAL.dng",
        "RAW/IMG_1.NEF",
        "JPG/IMG_1.jpg",
        "trip/raw/IMG_2.CR3",
        "trip/IMG_2.JPG",
        "a/IMG_3.NEF",
        "b/IMG_3.JPG",
    )
    pairs = [files for files in found if len(files) == 2]
    assert sorted(pairs) == [
        ["JPG/IMG_1.jpg", "RAW/IMG_1.NEF"],
        ["PXL_2.RAW-01.MP.COVER.jpg", "PXL_2.RAW-02.ORIGINAL.dng"],
        ["PXL_20230101_120000123.RAW-01.COVER.jpg", "PXL_20230101_120000123.RAW-02.ORIGINAL.dng"],
        ["trip/IMG_2.JPG", "trip/raw/IMG_2.CR3"],
    ]
    assert ["a/IMG_3.NEF"] in found and ["b/IMG_3.JPG"] in found


def test_what_cannot_be_listed_or_leads_nowhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(folder: Path, onerror: Callable[[OSError], None]) -> Iterator[tuple[str, list[str], list[str]]]:
        onerror(PermissionError(13, "Permission denied", str(tmp_path / "locked")))
        yield str(folder), [], ["a.jpg", "pipe.jpg", "link.jpg"]

    (tmp_path / "locked").mkdir()
    (tmp_path / "a.jpg").touch()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    monkeypatch.setattr(listing.os, "walk", walk)
    found = list_photos(tmp_path)
    assert [shot.path.name for shot in found] == ["a.jpg", "link.jpg", "locked"]
    with pytest.raises(RasterError, match="locked: is a folder that cannot be listed"):
        open_photo(found[2])


def test_a_folder_without_photos_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match="holds no photo"):
        list_photos(tmp_path)
    with pytest.raises(DataError, match="is missing"):
        list_photos(tmp_path / "gone")
    with pytest.raises(DataError, match="is a file"):
        list_photos(tmp_path / "notes.txt")
