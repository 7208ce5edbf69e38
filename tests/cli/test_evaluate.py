import json
import shutil

import numpy as np
import pyogrio.raw
import pytest
import rasterio
import shapely
from click.testing import CliRunner
from PIL import Image

import smalti as sm
from smalti.cli.evaluate import command
from smalti.errors import (
    DataError,
    InputError,
    LabelError,
    ModelError,
    OptionError,
    OutputError,
    RasterError,
    RecipeError,
)
from smalti.workflows.eval_data import read_specs
from tests.tiny import tiny_model

COLORS = ((0, 0, 255), (255, 60, 195), (0, 120, 135))  # of the tiny model's classes


@pytest.fixture
def model(tmp_path):
    return tiny_model(tmp_path / "tiny.onnx")


@pytest.fixture
def data(tmp_path):
    """Two images whose brightest band is the class; the second one's labels are wrong in its first ten columns."""
    random = np.random.default_rng(0)
    for k, name in enumerate(("a", "b")):
        blocks = random.integers(0, 3, (5, 7)).repeat(16, 0).repeat(16, 1)
        image = np.where(np.arange(3) == blocks[..., None], 200, 50).astype(np.uint8)
        truth = blocks.astype(np.uint8)
        truth[:, : 10 * k] = (truth[:, : 10 * k] + 1) % 3
        for folder, pixels in (("images", image), ("masks", truth)):
            (tmp_path / "town" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "town" / folder / f"{name}.png")
    return tmp_path / "town"


def run(*words):
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def test_scores_table_json_and_page(model, data, tmp_path):
    result = run(
        model, data, "--split", "two drawn images", "--json", tmp_path / "s.json", "--report", tmp_path / "r.html"
    )
    assert result.exit_code == 0
    told = json.loads((tmp_path / "s.json").read_text())
    assert next(s["value"] for s in told["scores"] if s["name"] == "OA") == round(1 - 800 / (2 * 80 * 112), 4)
    assert [row["name"] for row in told["images"]] == ["images/a.png", "images/b.png"]
    assert "two drawn images" in result.output and "overall accuracy 95.54" in result.output
    page = (tmp_path / "r.html").read_text()
    assert "two drawn images" in page and "images/b.png" in page and "<script" not in page


def test_parts_scored_together_are_told(model, data, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    shutil.copytree(data, root / "val")
    alone = run(model, root)
    assert not alone.stderr and "not stated" in alone.stdout
    shutil.copytree(data, root / "train")
    both = run(model, root)
    assert "has folders of training (2 images), validation (2 images), scored together" in both.stderr
    assert "training and validation together" in both.stdout
    shutil.rmtree(root / "val")
    assert "has a folder of training (2 images); scores on training images" in run(model, root).stderr


def test_an_image_that_does_not_fit_is_told_before_the_first_one_is_scored(model, data, monkeypatch):
    Image.fromarray(np.zeros((80, 112, 3), np.uint16)[..., 0]).save(data / "images" / "b.png")
    monkeypatch.setattr("smalti.workflows.evaluate.evaluate_pairs", None)
    with pytest.raises(InputError, match=r"b\.png: its"):
        run(model, data)


def test_unknown_labels_are_told_before_the_first_image_is_scored(model, data, monkeypatch):
    monkeypatch.setattr("smalti.workflows.evaluate.evaluate_pairs", None)
    mask = np.array(Image.open(data / "masks" / "b.png"))
    mask[50:, 3] = 7
    Image.fromarray(mask).save(data / "masks" / "b.png")
    told = r"b\.png: unknown class value 7 in 30 pixels, first at row 50, column 3; expected 0 to 2 or 255"
    with pytest.raises(LabelError, match=told):
        run(model, data)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_bands_are_chosen_as_for_a_map(model, data):
    plain = run(model, data).output
    for path in (data / "images").iterdir():
        swapped = np.moveaxis(np.asarray(Image.open(path)), -1, 0)[[2, 0, 1]]
        path.unlink()
        with rasterio.open(path.with_suffix(".tif"), "w", "GTiff", 112, 80, 3, dtype="uint8") as file:
            file.write(swapped)
            file.descriptions = ("one", "two", "three")
    with pytest.raises(RasterError, match=r"a\.tif: its bands do not fit.* choose with --bands .*: 1,2,3 if the first"):
        run(model, data)
    assert run(model, data, "--bands", "2, three,1").output == plain.replace(".png", ".tif")
    assert run(model, data, "--dataset", "inria:val", "--bands", "1,2,3").exit_code == 2
    (data / "a.toml").touch()
    assert "`bands` of its sources" in run(model, data / "a.toml", "--bands", "1,2,3").stderr


def test_features_that_lie_on_no_image_are_told_and_several_layers_need_a_name(model, data, tmp_path):
    shutil.rmtree(data / "masks")
    (data / "labels").mkdir()
    for left in (900, 10):
        shape = shapely.to_wkb(np.array([shapely.box(left, 5, left + 20, 25)]))
        value = [np.array(["most red"], object)]
        with pytest.warns(UserWarning, match="'crs' was not provided"):
            pyogrio.raw.write(data / "labels" / "a.gpkg", shape, value, ["class"], geometry_type="Polygon", crs=None,
                              layer=f"from {left}", append=left == 10)  # fmt: skip
    with pytest.raises(LabelError, match="has the layers from 900, from 10; give `layer`"):
        run(model, data)
    for left, told in ((900, "a.gpkg: no feature lies on an image"), (10, "")):
        (tmp_path / "spec.toml").write_text(f'layer = "from {left}"\nbackground = "most blue"')
        result = run(model, data, "--labels", tmp_path / "spec.toml")
        assert result.exit_code == 0 and told in result.stderr and bool(told) == bool(result.stderr)


def test_colour_coded_labels_score_the_same(model, data):
    plain = run(model, data).output
    for path in (data / "masks").iterdir():
        ids = np.asarray(Image.open(path))
        Image.fromarray(np.array(COLORS, np.uint8)[ids]).save(path)
    assert run(model, data).output == plain


def test_labels_written_otherwise(model, data, tmp_path):
    plain = run(model, data).output
    for path in (data / "masks").iterdir():
        Image.fromarray(np.asarray(Image.open(path)) + 10).save(path)
    with pytest.raises(LabelError):
        run(model, data)
    (tmp_path / "labels.toml").write_text('[ids]\n10 = 0\n11 = "most green"\n12 = "2"\n')
    assert run(model, data, "--labels", tmp_path / "labels.toml").output == plain


def test_values_of_an_attribute_stand_beside_those_of_tasks(tmp_path):
    (tmp_path / "a.toml").write_text('attribute = "kind"\n[values]\nHut = "house"\n[values.height]\nscale = 0.1\n')
    specs = read_specs(tmp_path / "a.toml")
    assert specs.labels.values == {"Hut": "house"} and specs.values["height"].scale == 0.1


def test_a_class_left_out_is_told(model, data):
    assert "left out: most red" in run(model, data, "--leave-out", "most red").output
    with pytest.raises(DataError, match="'clutter' is not a class"):
        run(model, data, "--leave-out", "clutter")


def test_augmentation_is_in_the_protocol(model, data):
    assert "mean of 2, 4 or 8 flips and turns" in run(model, data, "--tta").output


def test_bad_input_is_named(model, data, tmp_path):
    with pytest.raises(ModelError):
        run(tmp_path / "nowhere.onnx", data)
    with pytest.raises(DataError, match="no such folder"):
        run(model, tmp_path / "nowhere")
    (tmp_path / "labels.toml").write_text("colours = 1")
    with pytest.raises(RecipeError, match="colours: Extra inputs"):
        run(model, data, "--labels", tmp_path / "labels.toml")
    with pytest.raises(RecipeError, match="cannot be read"):
        run(model, data, "--labels", tmp_path / "nowhere.toml")
    Image.new("L", (9, 9)).save(data / "masks" / "a.png")
    with pytest.raises(LabelError, match="9x9"):
        run(model, data, "--json", tmp_path / "s.json")
    assert not (tmp_path / "s.json").exists()


@pytest.mark.parametrize("pixels", ["0", "1001"])
def test_a_boundary_is_as_wide_as_in_python(model, data, pixels):
    result = run(model, data, "--boundary", pixels)
    assert result.exit_code == 2 and "not in the range 1<=x<=1000" in result.stderr
    with pytest.raises(OptionError, match=f"boundary is {pixels}; expected a whole number from 1 to 1000"):
        sm.evaluate(model, data, boundary=int(pixels))


def test_labels_and_notes_are_not_replaced(model, data, tmp_path, monkeypatch):
    monkeypatch.setattr("smalti.workflows.evaluate.evaluate_pairs", None)
    before = {path: path.read_bytes() for path in sorted((data / "masks").iterdir())}
    (tmp_path / "notes.html").write_text("mine")
    (tmp_path / "labels.json").write_text('{"type": "FeatureCollection", "features": []}')
    (tmp_path / "settings.json").write_text('{"mine": 1}')
    (tmp_path / "s.json").write_text('{"model": "m", "scores": []}')
    (tmp_path / "own").mkdir()
    shutil.copy(data / "masks" / "a.png", tmp_path / "own" / "images_a.png")
    for words, told in (
        (("--pictures", tmp_path / "own"), "images_a.png: exists and was not written by smalti"),
        (("--pictures", data / "masks"), "masks: is for images or labels of"),
        (("--pictures", data / "images"), "images: is for images or labels of"),
        (("--pictures", data / "gt"), "gt: is for images or labels of"),
        (("--report", tmp_path / "notes.html"), "not a page of this program"),
        (("--json", tmp_path / "labels.json"), "holds no scores"),
        (("--json", tmp_path / "settings.json"), "holds no scores"),
        (("--json", tmp_path / "s.json", "--against", tmp_path / "s.json"), "replace the scores to compare with"),
        (("--json", tmp_path / "new", "--report", tmp_path / "new"), "scores and page cannot be one file"),
        (("--json", data / "masks" / "a.png"), "holds no scores"),
        (("--json", tmp_path), "is a directory"),
        (("--json", tmp_path / "notes.html" / "s.json"), "not a directory"),
    ):
        with pytest.raises(OutputError, match=told):
            run(model, data, *words)
    assert {path: path.read_bytes() for path in before} == before
    assert (tmp_path / "notes.html").read_text() == "mine"


def test_pictures_scores_and_pages_of_ours_are_replaced(model, data, tmp_path):
    words = ("--pictures", tmp_path / "maps", "--json", tmp_path / "s.json", "--report", tmp_path / "r.html")
    for _ in range(2):
        assert run(model, data, *words).exit_code == 0
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {"images_a.png", "images_b.png"}
