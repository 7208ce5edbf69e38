"""`smalti photos`."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from smalti.cli.photos import command
from smalti.errors import BusyError, DataError, OutputError, SmaltiError
from smalti.lock import hold
from smalti.photos import run
from smalti.photos.cache import NAME
from smalti.photos.listing import Shot
from smalti.photos.read import open_photo
from smalti.workflows import photos as workflow
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

    monkeypatch.setattr(workflow, "open_ranker", open_fake)
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
        "1 photo stands alone: compared with none, not rated",
        "4 photos in 2 series by time and similarity, ranked by fake (ffffffff)",
    ]


def test_all_that_can_be_asked_for(folder: Path, call: Call, tmp_path: Path) -> None:
    best = folder / "best"
    done = call(folder, "--report", "--csv", tmp_path / "photos.csv", "--xmp", "--copy-picks", best)
    assert done.exit_code == 0, done.exception
    assert {path.name for path in best.glob("[!.]*")} == {"1.jpg", "1.jpg.xmp"}  # the other one was compared with none
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
    assert "is missing" in refused(call(tmp_path / "gone"), DataError)


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


def choices_of(path: Path, *entries: dict[str, object]) -> Path:
    path.write_text(json.dumps({"smalti": "choices 1", "photos": list(entries)}))
    return path


def entry(photo: Path, verdict: str | None, series: str | None = None) -> dict[str, object]:
    content = open_photo(Shot(photo, (photo,))).photo.content
    return {"content": content, "file": photo.name, "verdict": verdict, "series": series, "at": 1}


def test_all_outputs_follow_the_choices(folder: Path, call: Call, tmp_path: Path) -> None:
    gone = entry(folder / "2.jpg", "pick") | {"content": "0" * 32}
    file = choices_of(tmp_path / "c.json", entry(folder / "0.jpg", "pick"), entry(folder / "2.jpg", "reject"), gone)
    best, table = tmp_path / "best", tmp_path / "t.csv"
    call(folder, "--xmp", "--copy-picks", tmp_path / "former")
    assert 'xmp:Rating="5"' in (folder / "1.jpg.xmp").read_text()
    done = call(folder, "--choices", file, "--report", "--csv", table, "--xmp", "--copy-picks", best)
    assert done.exit_code == 0, done.exception
    assert done.output.splitlines()[0] == "0.jpg: your choice, of 3"
    assert f"{file}: 2 verdicts, 1 choice about photos that are not here" in done.output
    assert {path.name for path in best.glob("*.jpg")} == {"0.jpg"}
    for name, rating in (("0", "5"), ("1", "3"), ("2", "-1")):
        assert f'xmp:Rating="{rating}"' in (folder / f"{name}.jpg.xmp").read_text()
    with table.open(encoding="utf-8-sig", newline="") as lines:
        verdicts = {Path(row["file"]).name: row["verdict"] for row in csv.DictReader(lines)}
    assert {name: verdicts[name] for name in ("0.jpg", "1.jpg", "2.jpg")} == {
        "0.jpg": "pick",
        "1.jpg": "alternate",
        "2.jpg": "reject",
    }


def test_a_copy_that_is_no_pick_any_more_is_named_and_stays(folder: Path, call: Call, tmp_path: Path) -> None:
    best = tmp_path / "best"
    assert "no longer a pick" not in call(folder, "--copy-picks", best).output
    file = choices_of(tmp_path / "c.json", entry(folder / "0.jpg", "pick"))
    done = call(folder, "--choices", file, "--copy-picks", best)
    assert f"{best}: copied before, no longer a pick, not removed: 1.jpg\n" in done.output
    assert {path.name for path in best.glob("*.jpg")} == {"0.jpg", "1.jpg"}
    (best / "1.jpg").write_bytes(b"something of the user's own")
    assert "no longer a pick" not in call(folder, "--choices", file, "--copy-picks", best).output


def test_a_series_is_told_with_what_was_chosen_in_it(folder: Path, call: Call, tmp_path: Path) -> None:
    hand = [entry(folder / "0.jpg", None, "s"), entry(folder / "other.png", None, "s")]
    done = call(folder, "--choices", choices_of(tmp_path / "c.json", *hand))
    assert "0 verdicts, 1 series made by hand" in done.output and "best of 4" in done.output  # 1 and 2 went with 0
    file = choices_of(tmp_path / "c.json", entry(folder / "1.jpg", "reject"))
    assert "2.jpg: the best of those you left, of 3\n" in call(folder, "--choices", file).output
    file = choices_of(tmp_path / "c.json", *[entry(folder / f"{k}.jpg", "reject") for k in range(3)])
    assert "0.jpg: you left no pick, of 3\n" in call(folder, "--choices", file).output


def test_a_bad_file_of_choices_is_refused_before_the_first_photo(folder: Path, call: Call, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("series,order\r\n")
    assert "holds no choices" in refused(call(folder, "--choices", tmp_path / "c.csv"), DataError)
    assert "cannot be read" in refused(call(folder, "--choices", tmp_path / "gone.json"), DataError)
    assert not (folder / NAME).exists()


@pytest.mark.parametrize("name", ["0.jpg", "new.jpg", "notes.txt", "clip.mov"])
def test_a_table_never_replaces_what_is_no_table_of_ours(folder: Path, call: Call, name: str) -> None:
    (folder / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert "is the name of a photo" in (message := refused(call(folder, "--csv", folder / name), OutputError)) or (
        "is not a table" in message
    )
    assert {path: path.read_bytes() for path in folder.iterdir()} == before  # refused before anything was looked at


def test_a_table_of_ours_is_written_anew_also_through_a_link(folder: Path, call: Call, tmp_path: Path) -> None:
    for _ in range(2):
        assert call(folder, "--csv", tmp_path / "photos.csv").exit_code == 0
    (tmp_path / "linked.csv").symlink_to(folder / "0.jpg")
    assert "is not a table" in refused(call(folder, "--csv", tmp_path / "linked.csv"), OutputError)


def test_a_page_of_somebody_else_stays(folder: Path, call: Call) -> None:
    (folder / "smalti-photos.html").write_text("mine")
    assert "is not a page" in refused(call(folder, "--report"), OutputError)


def test_ratings_that_are_kept_are_counted(folder: Path, call: Call) -> None:
    sidecar = folder / "0.jpg.xmp"
    assert call(folder, "--xmp").exit_code == 0
    sidecar.write_text(sidecar.read_text().replace('xmp:Rating="-1"', 'xmp:Rating="4"'))
    assert "kept existing ratings and labels: 1 (see --overwrite-ratings)" in call(folder, "--xmp").output
    assert 'xmp:Rating="4"' in sidecar.read_text()
    assert "kept" not in call(folder, "--xmp", "--overwrite-ratings").output
    assert 'xmp:Rating="-1"' in sidecar.read_text()


def test_copies_into_a_folder_of_photos_hide_none_of_them(folder: Path, call: Call) -> None:
    save(folder / "family" / "mine.jpg", scene(7))
    assert "5 photos" in call(folder, "--copy-picks", folder / "family").output
    again = call(folder).output
    assert "5 photos" in again and "left out: copies made by --copy-picks: 1" in again


def test_singles_are_copied_where_that_is_asked_for(folder: Path, call: Call, tmp_path: Path) -> None:
    call(folder, "--copy-picks", tmp_path / "best", "--copy-unrated")
    assert {path.name for path in (tmp_path / "best").glob("[!.]*")} == {"1.jpg", "other.png"}


def test_what_is_left_out_is_counted(folder: Path, call: Call) -> None:
    save(folder / "@eaDir" / "thumb.jpg", scene(1))
    (folder / "clip.mp4").touch()
    assert "left out: by --exclude: 1, in @eaDir: 1, movies: 1" in call(folder, "--exclude", "0.*").output


def test_ctrl_c_says_that_the_run_can_be_resumed(folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(workflow, "rank_listed", stop)
    done = call(folder)
    assert done.exit_code == 130 and "the same command resumes" in done.stderr


def test_whatever_a_library_raises_is_one_row(folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    real = run.pixels

    def fail(opened: Any) -> Any:
        if opened.photo.path.name == "0.jpg":
            raise EOFError("no more\nbytes")
        return real(opened)

    monkeypatch.setattr(run, "pixels", fail)
    done = call(folder)
    assert done.exit_code == 3 and "1.jpg: best of 2" in done.stdout
    assert done.stderr == f"smalti: {folder / '0.jpg'}: cannot be processed (EOFError: no more); export it as JPEG\n"


def test_libraries_print_nothing(folder: Path) -> None:
    """libjpeg warns past Python, into the terminal; only our own line may be there."""
    content = (folder / "0.jpg").read_bytes()
    (folder / "0.jpg").write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    code = (
        "import sys; from smalti.workflows import photos as photo_folder; from tests.photos.shots import FakeRanker\n"
        "photo_folder.open_ranker = lambda *_, **__: FakeRanker()\n"
        "from smalti.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "photos", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 3, done.stderr
    assert done.stderr == f"smalti: {folder / '0.jpg'}: is damaged and cannot be decoded; copy it again\n"


@pytest.mark.parametrize("option", ["--overwrite-ratings", "--copy-unrated"])
def test_an_option_without_the_one_it_is_about(folder: Path, call: Call, option: str) -> None:
    assert call(folder, option).exit_code == 2


def test_duplicates_are_counted(folder: Path, call: Call) -> None:
    for name in ("1 (1).jpg", "1 (2).jpg"):
        (folder / name).write_bytes((folder / "1.jpg").read_bytes())
    assert "1.jpg: best of 5 (2 duplicate; 1 soft; too close to call: 2.jpg)" in call(folder).output


def test_a_table_never_takes_the_place_of_a_sidecar_a_pipe_or_the_page(folder: Path, call: Call) -> None:
    assert "sidecar" in refused(call(folder, "--csv", folder / "0.jpg.xmp"), OutputError)
    os.mkfifo(folder / "pipe.csv")
    assert "is not a table" in refused(call(folder, "--csv", folder / "pipe.csv"), OutputError)
    done = call(folder, "--report", "--csv", folder / "smalti-photos.html")
    assert done.exit_code == 2 and "is the page that --report writes" in done.output


def test_a_folder_of_photos_where_the_page_keeps_its_pictures_is_not_hidden(folder: Path, call: Call) -> None:
    other = folder / "smalti-photos_files" / "mine.jpg"
    other.parent.mkdir()
    other.write_bytes((folder / "0.jpg").read_bytes())
    assert "contains mine.jpg, but is the folder of the page's pictures" in refused(
        call(folder, "--report"), OutputError
    )
    assert [path.name for path in other.parent.iterdir()] == ["mine.jpg"]


def test_a_place_that_cannot_be_written_is_told_before_a_photo_is_looked_at(
    folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK or Path(path) != folder)
    monkeypatch.setattr(workflow, "rank_listed", None)
    for options in (
        ["--csv", folder / "t.csv"],
        ["--csv", folder / "new" / "t.csv"],
        ["--copy-picks", folder / "best"],
    ):
        assert "permission denied in" in refused(call(folder, *options), OutputError)
