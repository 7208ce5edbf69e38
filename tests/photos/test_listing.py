"""Which photos lie in a folder."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smalti.errors import DataError, RasterError
from smalti.photos import listing
from smalti.photos.listing import MARK, list_photos
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


def test_what_was_made_here_is_left_out(tmp_path: Path) -> None:
    assert names(tmp_path, "a.jpg", "best/a.jpg", f"best/{MARK}", "best/more/b.jpg") == [["a.jpg"]]
    assert [shot.path.name for shot in list_photos(tmp_path / "best")] == ["a.jpg", "b.jpg"]


def test_a_folder_to_leave_out(tmp_path: Path) -> None:
    names(tmp_path, "a.jpg", "out/b.jpg")
    assert [shot.path.name for shot in list_photos(tmp_path, [tmp_path / "out"])] == ["a.jpg"]


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
    with pytest.raises(DataError, match="is not there"):
        list_photos(tmp_path / "gone")
    with pytest.raises(DataError, match="is a file"):
        list_photos(tmp_path / "notes.txt")
