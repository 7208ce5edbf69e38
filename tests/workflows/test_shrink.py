"""`shrink` of the Python API and the command, on tiny models; no speed is measured."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import smalti as sm
from smalti.card import Card, Task
from smalti.cli import group
from smalti.errors import DataError, ExportError, ModelError, OptionError, OutputError, RasterError
from smalti.runtime.models import verify
from smalti.workflows import shrink_work
from smalti.workflows.bench import Bench, Timing
from tests.tiny import tiny_card, tiny_model

TASKS = (*tiny_card().tasks, Task(name="height", kind="value", unit="m"))


@pytest.fixture(autouse=True)
def timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tile takes 8 ms before and 4 ms after."""

    def bench(models: Sequence[str], seconds: float) -> Bench:
        times = dict(zip(models, (8.0, 4.0), strict=True))
        rows = tuple(Timing(name, "onnx", 2, 64, "floats", ms, ms, 0.1, 50, None, 0) for name, ms in times.items())
        return Bench("a machine", "2026-11-28", rows, {name: verify(name).card for name in models})

    monkeypatch.setattr(shrink_work, "bench", bench)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images, and the brightest band of each pixel as its label."""
    for name in ("images", "masks"):
        (tmp_path / "data" / name).mkdir(parents=True)
    for k in range(2):
        pixels = np.random.default_rng(k).integers(0, 255, (13, 13, 3), np.uint8).repeat(10, 0).repeat(10, 1)
        Image.fromarray(pixels).save(tmp_path / "data" / "images" / f"{k}.png")
        Image.fromarray(pixels.argmax(2).astype(np.uint8)).save(tmp_path / "data" / "masks" / f"{k}.png")
    return tmp_path / "data"


def model(folder: Path, **changes: object) -> Path:
    return tiny_model(folder / "tiny.onnx", tiny_card(**changes))  # type: ignore[arg-type]


def test_a_model_in_integers_with_its_card_and_page(folder: Path, tmp_path: Path) -> None:
    parent, out = model(tmp_path), tmp_path / "small.onnx"
    done = sm.shrink(
        parent, out, calibrate=[folder / "images"], data=[folder], loss=5, milliseconds=5, megabytes=1,
        report=tmp_path / "page.html",
    )  # fmt: skip
    assert done.path == out and done.size == out.stat().st_size and done.loss <= 5 and done.missed == ""
    [row] = done.rows
    assert (row.task, row.measure) == ("landcover", "mIoU") and row.before > 0.95
    card: Card = verify(out).card
    assert card.name == "small" and card.origin.recipe.startswith("shrunk from tiny (sha256 ")
    assert "all 1 layers; ranges from 9 tiles of data/images; gate passed" in card.origin.chosen
    assert card.origin.scores[0].name == "landcover mIoU" and "2 images" in card.origin.scores[0].protocol
    assert "mIoU" in str(done) and "after" in str(done)
    page = (tmp_path / "page.html").read_text()
    assert "small, from tiny" in page and page.count("<img") == 16 and "where they differ" in page
    assert "boundary F1 at 3 px" in page
    tile = np.random.default_rng(3).integers(0, 255, (1, 3, 64, 64), np.uint8)
    same = sm.open_model(out)(tile)["landcover"].argmax(1) == sm.open_model(parent)(tile)["landcover"].argmax(1)
    assert same.mean() > 0.97


def test_values_without_labels_pass_by_their_difference_on_drawn_scenes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shrink_work, "SEEDS", range(4))
    done = sm.shrink(model(tmp_path, tasks=TASKS), tmp_path / "small.onnx", loss=10)
    assert [(row.task, row.measure) for row in done.rows] == [("landcover", "agreement"), ("height", "agreement")]
    assert verify(tmp_path / "small.onnx").card.origin.scores[1].name == "height agreement with its parent"


def test_a_gate_or_target_that_is_missed_writes_nothing_unless_asked(folder: Path, tmp_path: Path) -> None:
    parent, out = model(tmp_path), tmp_path / "small.onnx"
    wanted = {"calibrate": [folder / "images"], "data": [folder], "loss": 100, "milliseconds": 3, "megabytes": 1e-6}
    with pytest.raises(ExportError, match=r"not written: a tile takes 4.0 ms .* the target is 3 ms; the file has"):
        sm.shrink(parent, out, **wanted)  # type: ignore[arg-type]
    assert not out.exists()
    done = sm.shrink(parent, out, anyway=True, **wanted)  # type: ignore[arg-type]
    assert out.exists() and "a tile takes 4.0 ms" in done.missed and "written though" in str(done)
    heights = model(tmp_path, tasks=TASKS)
    with pytest.raises(ExportError, match=r"the loss is .* %, 0 % is allowed"):
        sm.shrink(heights, tmp_path / "exact.onnx", calibrate=[folder / "images"], loss=0)


def test_larger_tiles_are_those_of_the_card(folder: Path, tmp_path: Path) -> None:
    sm.shrink(model(tmp_path), tmp_path / "small.onnx", calibrate=[folder / "images"], loss=100, tile=96)
    assert verify(tmp_path / "small.onnx").card.tile == 96
    with pytest.raises(OptionError, match="tile is 70; tiny takes multiples of 32 pixels above 16"):
        sm.shrink(tmp_path / "tiny.onnx", tmp_path / "other.onnx", tile=70)


def test_images_that_do_not_fit_are_refused(folder: Path, tmp_path: Path) -> None:
    four = model(tmp_path, bands=("red", "green", "blue", "nir"))
    with pytest.raises(RasterError, match="its bands do not fit"):
        sm.shrink(four, tmp_path / "small.onnx", calibrate=[folder / "images"])
    with pytest.raises(DataError, match="are not drawn"):
        sm.shrink(four, tmp_path / "small.onnx")
    wide = model(tmp_path, dtype="uint16")
    with pytest.raises(ModelError, match="its pixels are uint8, model small takes uint16"):
        sm.shrink(wide, tmp_path / "small.onnx", calibrate=[folder / "images"])


def test_what_cannot_be_made_smaller_or_written_is_refused(tmp_path: Path) -> None:
    parent = model(tmp_path)
    with pytest.raises(ModelError, match="ranks photos"):
        sm.shrink("bestshot", tmp_path / "small.onnx")
    with pytest.raises(OptionError, match=r"does not end in .onnx"):
        sm.shrink(parent, tmp_path / "small.bin")
    with pytest.raises(OptionError, match="loss is 101; expected percent"):
        sm.shrink(parent, tmp_path / "small.onnx", loss=101)
    (tmp_path / "own.onnx").write_text("mine")
    with pytest.raises(OutputError, match="exists and is not an intact model"):
        sm.shrink(parent, tmp_path / "own.onnx")


def test_the_command_shows_each_step_and_the_result(folder: Path, tmp_path: Path) -> None:
    words = [str(model(tmp_path)), "-o", str(tmp_path / "small.onnx"), "--loss", "5", "--data", str(folder)]
    done = CliRunner().invoke(group, ["shrink", *words, "--calibrate", str(folder / "images")])
    assert done.exit_code == 0, done.output
    assert "8-bit integers: loss" in done.stderr and "mIoU" in done.stdout
    again = CliRunner().invoke(group, ["shrink", *words, "--calibrate", str(folder / "images"), "--mb", "0.000001"])
    assert again.exit_code == 1
