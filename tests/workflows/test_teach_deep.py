"""Deep lessons of a project."""

import sys
from pathlib import Path

import numpy as np
import pytest

import smalti as sm
from smalti.errors import LabelError, MissingExtraError, ModelError, OptionError
from smalti.lessons.lesson import DeepScore
from smalti.runtime.models import verify
from smalti.training.model_file import ModelWeights
from smalti.workflows.teach_deep import STATE
from tests.lessons.places import CLASSES, LINES, SIDE, Line, noisy_scene, stroke_file

MANY: list[Line] = [(10 + side, 10 + 12 * k, 60 + side, 12 + 12 * k, name)
                    for side, name in ((0, "smooth"), (100, "noise")) for k in range(13)]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene, strokes on it, and a project that has learned them."""
    folder = tmp_path_factory.mktemp("deep")
    noisy_scene(folder / "scene.tif")
    stroke_file(folder / "strokes.gpkg", MANY)
    add = [(folder / "scene.tif", folder / "strokes.gpkg")]
    sm.teach(folder / "project", folder / "quick.onnx", add=add, classes=CLASSES)
    return folder


@pytest.mark.slow
def test_a_deep_lesson_becomes_an_ordinary_model(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeepScore, "kept", True)  # the quick lesson leaves nothing to gain here
    notes: list[str] = []
    done = sm.teach(
        place / "project", place / "own.onnx", deep=True, minutes=0.3, progress=lambda each: notes.append(str(each))
    )
    assert done.deep is not None and done.deep.strokes == 6 and "deep lesson: " in str(done).splitlines()[-1]
    assert any(note.startswith("deep: step ") for note in notes)
    found = sm.predict(noisy_scene(place / "other.tif", border=60, seed=1), done.path)
    assert (found.classes == (np.arange(SIDE) >= 60)).mean() > 0.9
    card = verify(done.path).card
    assert card.class_task().labels == ("smooth", "noise") and "taught from landcover" in card.origin.recipe
    assert "held out; they chose step" in card.origin.scores[0].protocol
    ModelWeights(verify(done.path))  # a training can start from it
    again = sm.teach(place / "more", place / "again.onnx", model=str(done.path),
                     add=[(place / "scene.tif", place / "strokes.gpkg")])  # fmt: skip
    assert again.parent == "own" and again.by_stroke.parent > 0.9


@pytest.mark.slow
def test_one_that_is_no_better_leaves_the_quick_model(place: Path) -> None:
    (place / "deep").mkdir()
    done = sm.teach(place / "project", place / "deep" / "quick.onnx", deep=True, minutes=0.02)
    assert done.deep is not None and not done.deep.kept and (place / "project" / STATE).is_file()
    assert str(done).splitlines()[-1] == "the deep lesson is no better: the model is that of the quick one"
    assert done.path.read_bytes() == (place / "quick.onnx").read_bytes()


def test_too_few_strokes_are_one_line(place: Path, tmp_path: Path) -> None:
    stroke_file(tmp_path / "few.gpkg", LINES)
    add = [(place / "scene.tif", tmp_path / "few.gpkg")]
    with pytest.raises(LabelError, match=r"has 12 strokes; a deep lesson holds out .* at least 5: paint more"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, classes=CLASSES, deep=True)
    assert not (tmp_path / "own.onnx").exists()


def test_a_model_that_holds_no_weights_is_refused_before_anything_is_computed(place: Path, tmp_path: Path) -> None:
    add = [(place / "scene.tif", place / "strokes.gpkg")]
    with pytest.raises(ModelError, match=r"was taught from landcover .* give the parent"):
        sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=add, model=str(place / "quick.onnx"), deep=True)
    assert not (tmp_path / "p" / "features").exists() and (tmp_path / "p" / "strokes" / "strokes.gpkg").exists()


def test_minutes_and_the_extra_are_checked_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="minutes 0"):
        sm.teach(place / "project", place / "no.onnx", deep=True, minutes=0)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="train"):
        sm.teach(place / "project", place / "no.onnx", deep=True)
