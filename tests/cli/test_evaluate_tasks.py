"""`smalti evaluate` and `smalti map` with a model of several tasks."""

import json

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from PIL import Image

from smalti.card import Task
from smalti.cli.evaluate import command as evaluate
from smalti.cli.map import command as map_command
from smalti.errors import DataError, LabelError, ModelError, OutputError
from tests.tiny import tiny_card, tiny_model

HEIGHT = Task(name="height", kind="value", unit="m", quantity="height", minimum=0.0)
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def model(tmp_path):
    """Its height is the mean of the bands, of 0 to 1, times 10."""
    return tiny_model(tmp_path / "two.onnx", tiny_card(tasks=(*tiny_card().tasks, HEIGHT), scale=10 / 255))


def write_heights(path, heights, unit="m"):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = {"height": heights.shape[0], "width": heights.shape[1], "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", driver="GTiff", nodata=np.nan, **shape) as file:
        file.write(heights.astype(np.float32), 1)
        file.units = (unit,)


@pytest.fixture
def data(tmp_path):
    """Two images whose brightest band is the class; heights are half a metre above those that the model answers."""
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        blocks = random.integers(0, 3, (5, 7)).repeat(16, 0).repeat(16, 1)
        image = np.where(np.arange(3) == blocks[..., None], 200, 50).astype(np.uint8)
        for folder, pixels in (("images", image), ("masks", blocks.astype(np.uint8))):
            (tmp_path / "town" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "town" / folder / f"{name}.png")
        write_heights(tmp_path / "town" / "height" / f"{name}.tif", image.mean(2) / 255 * 10 + 0.5)
    return tmp_path / "town"


def run(command, *words):
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def test_all_tasks_are_scored_and_told(model, data, tmp_path):
    result = run(evaluate, model, data, "--json", tmp_path / "s.json", "--report", tmp_path / "r.html")
    assert result.exit_code == 0
    told = json.loads((tmp_path / "s.json").read_text())
    assert told["tasks"]["landcover"]["main"]["value"] == 1
    assert told["tasks"]["height"]["main"]["value"] == pytest.approx(0.5, rel=1e-4)
    assert told["tasks"]["height"]["images"][1]["name"] == "images/b.png"
    assert "height in m" in result.output and "at least 1 m" in result.output
    page = (tmp_path / "r.html").read_text()
    assert '<h2 class="part">landcover</h2>' in page and '<h2 class="part">height</h2>' in page


def test_a_task_without_truth_is_told_about_and_not_scored(model, data):
    for path in (data / "height").iterdir():
        path.unlink()
    result = run(evaluate, model, data)
    assert "no label folder beside it (height)" in result.output and "overall accuracy" in result.output
    for path in (data / "masks").iterdir():
        path.unlink()
    with pytest.raises(DataError):
        run(evaluate, model, data)


def test_heights_written_in_another_unit_need_a_scale(model, data, tmp_path):
    heights = np.asarray(Image.open(data / "images" / "a.png")).mean(2) / 255 * 10
    for name in ("a", "b"):
        write_heights(data / "height" / f"{name}.tif", heights * 10, "dm")
    with pytest.raises(LabelError, match="its values are in dm"):
        run(evaluate, model, data)
    (tmp_path / "labels.toml").write_text("[values.height]\nscale = 0.1\n")
    told = run(evaluate, model, data, "--labels", tmp_path / "labels.toml").output
    assert "RMSE (m)" in told


def test_thresholds_are_stated_and_checked(model, data):
    assert "at least 3 m" in run(evaluate, model, data, "--above", "height=3").output
    assert run(evaluate, model, data, "--above", "height=-3").exit_code == 2
    with pytest.raises(ModelError, match="no task 'depth'"):
        run(evaluate, model, data, "--above", "depth=3")
    with pytest.raises(DataError, match="the eigen crop is made for 640x480"):
        run(evaluate, model, data, "--crop", "eigen")


def test_delta_against_single_runs(model, data, tmp_path):
    run(evaluate, model, data, "--json", tmp_path / "single.json")
    told = json.loads((tmp_path / "single.json").read_text())
    told["tasks"]["height"]["main"]["value"] = 1.0
    (tmp_path / "single.json").write_text(json.dumps(told))
    result = run(
        evaluate, model, data, "--against", tmp_path / "single.json", "--json", tmp_path / "s.json"
    )  # twice as good in one of two tasks
    assert "Delta_m +25.00 %: landcover mIoU +0.00 %" in result.output
    assert json.loads((tmp_path / "s.json").read_text())["delta_m"] == pytest.approx(0.25, rel=1e-4)


def test_pictures_of_heights_go_from_the_least_to_the_most(model, data, tmp_path):
    run(evaluate, model, data, "--pictures", tmp_path / "seen")
    names = sorted(path.name for path in (tmp_path / "seen").iterdir())
    assert names == ["images_a.png", "images_a_height.png", "images_b.png", "images_b_height.png"]


def test_one_command_maps_every_task_and_shows_them(model, data, tmp_path):
    out = tmp_path / "maps" / "a.tif"
    result = run(map_command, data / "images" / "a.png", "-o", out, "--model", model, "--report")
    assert result.exit_code == 0 and "a_height.tif: height in m" in result.output
    with rasterio.open(out) as classes, rasterio.open(out.with_stem("a_height")) as heights:
        assert np.array_equal(classes.read(1), np.asarray(Image.open(data / "masks" / "a.png")))
        truth = np.asarray(Image.open(data / "images" / "a.png")).mean(2) / 255 * 10
        assert heights.read(1) == pytest.approx(truth, abs=1e-4)
        assert float(heights.tags(1)["STATISTICS_MAXIMUM"]) == pytest.approx(heights.read(1).max())
    page = out.with_suffix(".html").read_text()
    assert "<h2>Height</h2>" in page and "shaded from the north-west" in page


def test_no_map_replaces_a_scene_or_another_map(model, data, tmp_path):
    scene = data / "images" / "town_height.tif"
    Image.open(data / "images" / "a.png").save(scene)
    run(map_command, scene, "-o", scene.with_name("town.tif"), "--model", model)
    result = CliRunner().invoke(
        map_command, [str(scene), "-o", str(scene.with_name("town.tif")), "--model", str(model)]
    )
    assert result.exit_code and "which is read for this map" in result.output
    Image.open(scene).save(data / "images" / "town.tif")
    with pytest.raises(OutputError, match="two scenes would be mapped to it"):
        run(map_command, scene, scene.with_name("town.tif"), "-o", tmp_path / "maps", "--model", model)
