"""`evaluate` of the Python API."""

import inspect
import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

import smalti as sm
from smalti.errors import DataError, DataWarning, LabelError, OptionError, OutputError, ResolutionWarning
from smalti.workflows.evaluate_options import EvaluateOptions
from smalti.workflows.settings import as_settings
from tests.tiny import tiny_card, tiny_model, write_classes


@pytest.fixture
def model(tmp_path: Path) -> sm.OpenModel:
    return sm.open_model(tiny_model(tmp_path / "tiny.onnx", tiny_card()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("images", "masks"):
        (tmp_path / "data" / name).mkdir(parents=True)
    for k in range(2):
        pixels = np.random.default_rng(k).integers(0, 255, (9, 10, 3), np.uint8).repeat(10, 0).repeat(10, 1)
        Image.fromarray(pixels).save(tmp_path / "data" / "images" / f"{k}.png")
        Image.fromarray(pixels.argmax(2).astype(np.uint8)).save(tmp_path / "data" / "masks" / f"{k}.png")
    return tmp_path / "data"


def test_scores_the_table_and_a_dict(
    model: sm.OpenModel, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[sm.Progress] = []
    found = sm.evaluate(model, folder, json=tmp_path / "s.json", leave_out=["most blue"], progress=heard.append)
    assert found.scores.miou > 0.95 and found["landcover"].scores is found.scores
    assert "mIoU" in str(found) and "protocol" in str(found) and "2 images" in str(found)
    assert found.to_dict() == json.loads((tmp_path / "s.json").read_text())
    assert repr(found).startswith("Evaluation(tiny: landcover mIoU ") and "<pre>" in found._repr_html_()
    assert heard[-1].title == "evaluate" and heard[-1].done == pytest.approx(2) and heard[-1].total == 2
    assert capfd.readouterr() == ("", "")


def test_what_is_doubtful_is_a_warning(model: sm.OpenModel, folder: Path) -> None:
    folder.rename(folder.parent / "train")
    with pytest.warns(DataWarning, match="scores on training images are too good"):
        sm.evaluate(model, folder.parent)


def test_other_class_names_in_the_ground_truth_are_a_warning(model: sm.OpenModel, folder: Path) -> None:
    for path in sorted((folder / "masks").iterdir()):
        with Image.open(path) as file:
            write_classes(path.with_suffix(".tif"), np.asarray(file), "most red", "most blue", "most green")
        path.unlink()
    with pytest.warns(DataWarning, match=r"0\.tif, .*1\.tif: 1 is 'most blue' in the file and read as 'most green'"):
        sm.evaluate(model, folder)


def test_what_cannot_be_scored(model: sm.OpenModel, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'roads' is not a class") as unknown:
        sm.evaluate(model, folder, leave_out=["roads"])
    assert unknown.value.value == "roads"
    with pytest.raises(OptionError, match="--set changes a recipe"):
        sm.evaluate(model, folder, changes={"train.steps": 3})
    with pytest.raises(
        OptionError, match=r"--part chooses a part of a recipe, but DATA is .*; give the folder of that"
    ):
        sm.evaluate(model, folder, part="validation")
    with pytest.raises(OptionError, match="--tta is for models that map; bestshot ranks photos"):
        sm.evaluate("bestshot", folder, tta=True)
    (tmp_path / "page.html").write_text("my notes")
    with pytest.raises(OutputError, match="is not a page of this program"):
        sm.evaluate(model, folder, report=tmp_path / "page.html")


def test_the_arguments_are_the_options() -> None:
    arguments = set(inspect.signature(sm.evaluate).parameters)
    assert {field.name for field in fields(EvaluateOptions)} == arguments - {"model", "data", "progress"}


def test_changes_of_a_recipe_are_written_as_toml() -> None:
    changes = as_settings({"train.steps": 3, "net.name": "unet", "net.pretrained": False, "data.scales": [0.5, 2]})
    assert changes == ("train.steps=3", 'net.name="unet"', "net.pretrained=false", "data.scales=[0.5, 2]")
    assert as_settings(["a.b=1"]) == ("a.b=1",)


def test_labels_that_allow_several_classes(model: sm.OpenModel, folder: Path, tmp_path: Path) -> None:
    """The same maps against "most blue or not": all of them right, and nothing known of the other two classes."""
    for path in (folder / "masks").iterdir():
        with Image.open(path) as file:
            Image.fromarray((np.asarray(file) == 2).astype(np.uint8)).save(path)
    specs = tmp_path / "labels.toml"
    specs.write_text('ids = { 1 = "most blue", 0 = ["most red", "most green"] }')
    found = sm.evaluate(model, folder, labels=specs, report=tmp_path / "page.html")
    assert found.scores.in_mean == ("most blue",)
    assert found.scores.undecided == ("most red", "most green")
    assert found.scores.mrightness == pytest.approx(found.scores.miou, abs=0.1)
    text = str(found)
    assert "not most blue" in text
    assert "allowed but never certain, so out: most red, most green" in text
    shares = {row["label"]: row["rightness"] for row in found.to_dict()["rightness"]}
    assert set(shares) == {"most blue", "not most blue"}
    page = (tmp_path / "page.html").read_text()
    assert page.count("not most blue") >= 2  # in the table, and in the legend of the tiles
    specs.write_text('ids = { 1 = "most blue", 0 = ["most red", "most gren"] }')
    with pytest.raises(LabelError, match="did you mean most green"):
        sm.evaluate(model, folder, labels=specs)


def test_scores_by_place(model: sm.OpenModel, folder: Path, tmp_path: Path) -> None:
    for kind in ("images", "masks"):
        for k, name in enumerate(("chico_1.png", "bishop_1.png")):
            (folder / kind / f"{k}.png").rename(folder / kind / name)
    with Image.open(folder / "masks" / "chico_1.png") as file:
        Image.fromarray((np.asarray(file) + 1) % 3).save(folder / "masks" / "chico_1.png")  # all of it wrong
    found = sm.evaluate(model, folder, by="place", report=tmp_path / "page.html", json=tmp_path / "s.json")
    places = found["landcover"].places
    assert [row.place for row in places.rows] == ["bishop", "chico"]
    assert places.rows[0].values[0] > 0.95
    assert places.rows[1].values[0] < 0.05
    assert places.worst.place == "chico"
    assert "worst place: chico" in str(found)
    assert json.loads((tmp_path / "s.json").read_text())["worst_place"] == "chico"
    assert "Scores by place" in (tmp_path / "page.html").read_text()
    named = sm.evaluate(model, folder, by="place", place="images")["landcover"].places
    assert [row.place for row in named.rows] == ["images"]
    assert sm.evaluate(model, folder)["landcover"].places is None
    for wrong, text in (({"place": "x"}, "add --by place"), ({"by": "place", "place": "("}, "regular expression")):
        with pytest.raises(OptionError, match=text):
            sm.evaluate(model, folder, **wrong)


def test_images_far_outside_of_the_models_range_are_resampled_for_the_network(tmp_path: Path) -> None:
    model = sm.open_model(tiny_model(tmp_path / "tiny.onnx", tiny_card(resolution=(0.5, 1.0))))
    (tmp_path / "data").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (3, 8, 9), np.uint8).repeat(16, 1).repeat(16, 2)
    place = {"crs": "EPSG:32633", "transform": Affine(0.1, 0, 5e5, 0, -0.1, 5e6)}
    for name, bands in (("a", pixels), ("a_classes", pixels.argmax(0).astype(np.uint8)[None])):
        shape = {"height": 128, "width": 144, "count": len(bands), "dtype": "uint8"}
        with rasterio.open(tmp_path / "data" / f"{name}.tif", "w", driver="GTiff", **shape, **place) as file:
            file.write(bands)
    found = sm.evaluate(model, tmp_path / "data")
    assert "1 image resampled to 0.5 m for the network, scored on their own pixels" in str(found)
    assert "18,432 pixels counted" in str(found) and 0.6 < found.scores.miou < 0.999
    with pytest.warns(ResolutionWarning, match=r"pixels of 0\.1 m"):
        native = sm.evaluate(model, tmp_path / "data", resolution="native")
    assert "resampled" not in str(native) and native.scores.miou > 0.999
    with pytest.raises(OptionError, match="--resolution is for a folder of images; omit it"):
        sm.evaluate(model, tmp_path / "data", dataset="dubai:test", resolution=0.5)
