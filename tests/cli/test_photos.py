"""`smalti photos`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from smalti.cli import photo_folder
from smalti.cli.photos import command
from smalti.errors import BusyError, DataError, OutputError, SmaltiError
from smalti.jobs import hold
from smalti.photos.cache import NAME
from tests.photos.shots import FakeRanker, blurred, save, scene, tags

Call = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k, sigma in enumerate((2.0, 0.01, 0.02)):
        picture = blurred(scene(1), sigma)
        save(tmp_path / "photos" / f"{k}.jpg", picture, tags(f"2024:05:17 12:00:0{k}"), quality=95)
    save(tmp_path / "photos" / "other.png", scene(2))
    return tmp_path / "photos"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    def open_fake(*_: Any, **__: Any) -> FakeRanker:
        return FakeRanker()

    monkeypatch.setattr(photo_folder, "open_ranker", open_fake)
    return lambda *arguments: CliRunner().invoke(command, [str(a) for a in arguments])


def refused(result: Result, kind: type[SmaltiError]) -> str:
    assert isinstance(result.exception, kind), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_a_line_for_each_series_and_how(folder: Path, call: Call) -> None:
    done = call(folder)
    assert done.exit_code == 0, done.exception
    assert done.output.splitlines() == [
        "1.jpg: best of 3 (1 soft; too close to call: 2.jpg)",
        "other.png: alone",
        "4 photos in 2 series by time and likeness, ranked by fake (ffffffff)",
    ]


def test_all_that_can_be_asked_for(folder: Path, call: Call, tmp_path: Path) -> None:
    best = folder / "best"
    done = call(folder, "--report", "--csv", tmp_path / "photos.csv", "--xmp", "--copy-picks", best)
    assert done.exit_code == 0, done.exception
    assert {path.name for path in best.glob("[!.]*")} == {"1.jpg", "other.png"}
    assert (folder / "smalti-photos.html").is_file() and (tmp_path / "photos.csv").is_file()
    assert (folder / "1.jpg.xmp").is_file()
    again = call(folder)
    assert again.output.splitlines()[-1].startswith("4 photos in 2 series")  # copies and thumbnails are left out


def test_what_cannot_be_read_is_told_and_the_exit_code_says_so(folder: Path, call: Call) -> None:
    (folder / "0.jpg").write_bytes((folder / "0.jpg").read_bytes()[:3000])
    done = call(folder)
    assert done.exit_code == 3
    assert done.stderr == f"smalti: {folder / '0.jpg'}: is truncated (its JPEG has no end); copy it again\n"
    assert "1.jpg: best of 2" in done.stdout


def test_a_folder_without_photos(tmp_path: Path, call: Call) -> None:
    assert "holds no photo" in refused(call(tmp_path), DataError)
    assert "is not there" in refused(call(tmp_path / "gone"), DataError)


def test_a_model_that_is_not_there(folder: Path) -> None:
    done = CliRunner().invoke(command, [str(folder), "--model", "nobody"])
    assert isinstance(done.exception, SmaltiError) and "no model is named 'nobody'" in str(done.exception)


def test_an_output_that_cannot_be_written(folder: Path, call: Call) -> None:
    assert "cannot be written" in refused(call(folder, "--csv", folder / "0.jpg" / "a.csv"), OutputError)
    assert "cannot be written" in refused(call(folder, "--copy-picks", folder / "0.jpg"), OutputError)
    (folder / "smalti-photos_files").touch()
    assert "cannot be written" in refused(call(folder, "--report"), OutputError)


def test_copies_into_the_folder_itself_are_refused(folder: Path, call: Call) -> None:
    done = call(folder, "--copy-picks", folder / ".." / "photos")
    assert done.exit_code == 2 and "is the folder of the photos itself" in done.output


def test_two_runs_at_once(folder: Path, call: Call) -> None:
    with hold(folder / NAME / "looks.sqlite"):
        assert "PID" in refused(call(folder), BusyError)
