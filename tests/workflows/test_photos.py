"""`rank_photos` of the Python API."""

from pathlib import Path
from typing import Any

import pytest

import smalti as sm
from smalti.errors import DataError, OptionError, OutputError
from smalti.workflows import photos as workflow
from tests.photos.shots import FakeRanker, blurred, save, scene, tags


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def open_fake(*_: Any, **__: Any) -> FakeRanker:
        return FakeRanker()

    monkeypatch.setattr(workflow, "open_ranker", open_fake)
    for k, sigma in enumerate((2.0, 0.01)):
        save(tmp_path / "photos" / f"{k}.jpg", blurred(scene(1), sigma), tags(f"2024:05:17 12:00:0{k}"), quality=95)
    save(tmp_path / "photos" / "other.png", scene(2))
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    return tmp_path / "photos"


def test_series_picks_and_what_could_not_be_read(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    heard: list[sm.Progress] = []
    found = sm.rank_photos(folder, csv=folder.parent / "t.csv", picks=folder.parent / "best", progress=heard.append)
    assert found.picks == (folder / "1.jpg",) and [copy.name for copy in found.written.copies] == ["1.jpg"]
    assert [unread.path.name for unread in found.unread] == ["broken.jpg"]
    assert repr(found).startswith(f"PhotoRanking({folder}: 3 photos in 2 series")
    assert {now.title for now in heard} == {"photos", "grouping"} and heard[-1].unit == "photos"
    assert capfd.readouterr().out == ""


def test_a_folder_that_does_not_take_sidecars_is_refused_before_the_first_photo(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "locked").mkdir()
    (folder / "locked" / "a.jpg").write_bytes((folder / "0.jpg").read_bytes())
    monkeypatch.setattr("smalti.photos.outputs.os.access", lambda path, mode: Path(path).name != "locked")
    heard: list[sm.Progress] = []
    with pytest.raises(OutputError, match="locked: permission denied, so --xmp cannot write sidecars there"):
        sm.rank_photos(folder, xmp=True, progress=heard.append)
    assert not heard
    sm.rank_photos(folder, xmp=True, exclude=["locked"])


def test_options_that_contradict_each_other_and_places_that_cannot_be(folder: Path) -> None:
    with pytest.raises(OptionError, match="give both"):
        sm.rank_photos(folder, overwrite_ratings=True)
    with pytest.raises(OptionError, match="is the folder of the photos itself"):
        sm.rank_photos(folder, picks=folder)
    with pytest.raises(OutputError, match="is the name of a photo, movie or sidecar"):
        sm.rank_photos(folder, csv=folder / "0.jpg")
    with pytest.raises(DataError):
        sm.rank_photos(folder / "missing")
