"""Classes of a project are changed while it has strokes."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

import smalti as sm
from smalti.errors import LabelError, OptionError
from tests.lessons.places import LINES, SIDE, noisy_scene, stroke_file

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


def test_ids_of_a_raster_do_not_become_other_classes(tmp_path: Path) -> None:
    scene = noisy_scene(tmp_path / "scene.tif")
    ids = np.full((SIDE, SIDE), 255, np.uint8)
    for at in range(10, SIDE - 10, 20):
        ids[at : at + 4, 20:60], ids[at : at + 4, 120:160] = 0, 3
    with rasterio.open(scene) as file:
        kind = file.profile | {"count": 1, "nodata": 255}
    with rasterio.open(tmp_path / "strokes.tif", "w", **kind) as file:
        file.write(ids, 1)
    project, out = tmp_path / "p", tmp_path / "own.onnx"
    sm.teach(project, out, add=[(scene, tmp_path / "strokes.tif")])
    assert sm.teach(project, out, classes={"plants": ["vegetation"]}).classes[3] == "plants"
    with pytest.raises(LabelError, match="holds class ids, and 1 is water"):
        sm.teach(project, out, classes={"ground": ["land", "water"]})
    assert sm.teach(project, out).classes == ("land", "water", "building", "plants", "road")
