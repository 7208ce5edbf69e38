"""Classes of a project are changed while it has strokes."""

from pathlib import Path

import pytest

import smalti as sm
from smalti.errors import LabelError, OptionError
from tests.lessons.places import LINES, noisy_scene, stroke_file

NAMES = {"smooth": "land", "noise": "building"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Has strokes of land and building, which the model has too."""
    scene = noisy_scene(tmp_path / "scene.tif")
    strokes = stroke_file(tmp_path / "strokes.gpkg", [(*line[:4], NAMES[line[4]]) for line in LINES])
    sm.teach(tmp_path / "p", tmp_path / "own.onnx", add=[(scene, strokes)])
    return tmp_path / "p"


def test_strokes_follow_a_class_that_is_merged_or_renamed(project: Path, tmp_path: Path) -> None:
    found = sm.teach(project, tmp_path / "own.onnx", classes={"ground": ["land", "road"]})
    assert found.strokes == 12 and found.classes == ("ground", "water", "building", "vegetation")
    found = sm.teach(project, tmp_path / "own.onnx", classes={"roof": ["building"]})
    assert found.strokes == 12 and found.classes == ("ground", "water", "roof", "vegetation")
    again = sm.teach(project, tmp_path / "again.onnx")
    assert again.classes == found.classes and again.by_stroke == found.by_stroke


@pytest.mark.parametrize(
    ("classes", "error", "says"),
    [
        ({"solar": []}, LabelError, "the new class solar has no strokes"),
        ({"hall": ["building"], "house": ["building"]}, LabelError, "'building' is split into hall, house"),
        ({"building": []}, OptionError, "building is one of the model's own already"),
    ],
)
def test_what_is_refused_changes_nothing(
    project: Path, tmp_path: Path, classes: dict[str, list[str]], error: type[Exception], says: str
) -> None:
    before = (project / "teach.toml").read_bytes()
    with pytest.raises(error, match=says):
        sm.teach(project, tmp_path / "own.onnx", classes=classes)
    assert (project / "teach.toml").read_bytes() == before
    assert sm.teach(project, tmp_path / "own.onnx").strokes == 12


def test_a_name_that_is_free_again_may_be_given_to_a_new_class(project: Path, tmp_path: Path) -> None:
    found = sm.teach(project, tmp_path / "own.onnx", classes={"ground": ["land"], "land": []})
    assert found.classes == ("ground", "water", "building", "vegetation", "road", "land")
