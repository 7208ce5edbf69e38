from pathlib import Path
from typing import Any

import click
import numpy as np
import pyogrio
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner, Result
from PIL import Image

from smalti.card import Task
from smalti.cli import group
from smalti.cli.map import command
from smalti.errors import ModelError, SmaltiError
from tests.tiny import tiny_card, tiny_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "tiny.onnx", tiny_card())


def photo(path: Path, height: int = 50, width: int = 70) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)).save(path)
    return path


def chip(path: Path, pixels: np.ndarray[Any, Any], col: int) -> Path:
    """A georeferenced part of a scene that begins at that column."""
    place = {"crs": "EPSG:32633", "transform": Affine(0.5, 0, 5e5 + col / 2, 0, -0.5, 5e6)}
    shape = {"height": pixels.shape[1], "width": pixels.shape[2], "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", photometric="rgb", **shape, **place) as file:
        file.write(pixels)
    return path


def test_files_on_one_grid_become_one_map_with_polygons_and_a_page(tmp_path: Path, model: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 6, 10), np.uint8).repeat(10, 1).repeat(10, 2)
    whole = chip(tmp_path / "whole.tif", pixels, 0)
    left, right = chip(tmp_path / "a.tif", pixels[..., :40], 0), chip(tmp_path / "b.tif", pixels[..., 40:], 40)
    out = tmp_path / "maps"
    assert smalti_map(whole, "-o", out / "whole.tif", "--model", model).exit_code == 0
    more = ("--mosaic", "--polygons", out / "joined.gpkg", "--min-area", 5, "--report")
    done = smalti_map(left, right, "-o", out / "joined.tif", "--model", model, *more)
    assert done.exit_code == 0, done.output
    assert (out / "joined.html").stat().st_size > 1000
    with rasterio.open(out / "whole.tif") as one, rasterio.open(out / "joined.tif") as joined:
        assert (one.transform, one.crs) == (joined.transform, joined.crs)
        assert (one.read() == joined.read()).all()
    found = pyogrio.read_info(out / "joined.gpkg")
    assert (found["crs"], list(found["fields"])) == ("EPSG:32633", ["class", "class_id", "area_m2"])
    assert f"{found['features']} polygons" in done.stdout
    one = smalti_map(
        whole, "-o", out / "whole.tif", "--model", model, "--polygons", out / "one.gpkg", "--min-area", 1e6
    )
    assert "one.gpkg: 1 polygon\n" in one.stdout


@pytest.mark.parametrize(
    ("verb", "model", "none"), [("map", "tiny", "tiny_fast"), ("mosaic", "models/tiny.onnx", "models/tiny_fast.onnx")]
)
def test_the_fast_form_of_a_model_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, model: str, none: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for name, labels in (("tiny", ("a", "b", "c")), ("tiny_fast", ("d", "e", "f"))):
        task = Task(name="landcover", labels=labels)
        tiny_model(tmp_path / "models" / f"{name}.onnx", tiny_card(name=name, tasks=(task,)))
    scene = chip(tmp_path / "scene.tif", np.full((3, 80, 80), 9, np.uint8), 0)
    out = tmp_path / ("map.tif" if verb == "map" else "maps")
    small = [] if verb == "map" else ["--tile", "128"]
    done = CliRunner().invoke(group, [verb, str(scene), "-o", str(out), "--model", model, "--fast", *small])
    assert done.exit_code == 0, done.output
    with rasterio.open(out if verb == "map" else next((out / "tiles").glob("*.tif"))) as found:
        assert found.tags(1)["CLASS_0"] == "d"
    refused = CliRunner().invoke(group, [verb, str(scene), "-o", str(out), "--model", none, "--fast"])
    assert refused.exit_code == 2
    missing = none.replace("fast", "fast_fast")
    assert f"--fast: no model is named {missing}; choose another --model, or make one with" in refused.output


def smalti_map(*arguments: Any) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_photo_becomes_the_map_that_its_pixels_ask_for(tmp_path: Path, model: Path) -> None:
    scene, out = photo(tmp_path / "a.png"), tmp_path / "new" / "map.tif"
    done = smalti_map(scene, "-o", out, "--model", model, "--threads", 1)
    assert done.exit_code == 0, done.output
    with rasterio.open(out) as file:
        assert (file.read(1) == np.asarray(Image.open(scene)).argmax(2)).mean() > 0.99  # ties apart
    assert done.stdout.startswith(f"{out}: 0.0 MPix in")
    assert done.stderr == f"warning: {scene}: it has no CRS, so its map has none either\n"


def test_one_failing_scene_stops_no_other(tmp_path: Path, model: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.png").write_bytes(b"")
    photo(tmp_path / "in" / "a.png")
    photo(tmp_path / "in" / "c.png")
    done = smalti_map(tmp_path / "in", tmp_path / "none*.tif", "-o", tmp_path / "out", "--model", model, "--tta")
    assert done.exit_code == 3
    assert sorted(p.name for p in (tmp_path / "out").glob("*.tif")) == ["a.tif", "c.tif"]
    errors = [line for line in done.stderr.splitlines() if line.startswith("smalti: ")]
    assert "no file matches" in errors[0]
    assert "b.png: the file is empty" in errors[1]
    assert not (tmp_path / "out" / "b.tif.partial").exists()


def test_errors_of_several_kinds_give_exit_code_1(tmp_path: Path, model: Path) -> None:
    scene = photo(tmp_path / "a.png")
    (tmp_path / "out" / "a.tif").mkdir(parents=True)
    done = smalti_map(scene, tmp_path / "no.png", "-o", tmp_path / "out", "--model", model)
    assert done.exit_code == 1, done.output
    assert "cannot be written: is a directory" in done.stderr


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path, model: Path) -> None:
    scene = photo(tmp_path / "a.png")
    (tmp_path / "file").write_text("")
    done = smalti_map(scene, "-o", tmp_path / "file" / "map.tif", "--model", model)
    assert done.exit_code == 4
    assert done.stderr.count("smalti: ") == 1


def test_a_map_does_not_replace_its_scene(tmp_path: Path, model: Path) -> None:
    scene = photo(tmp_path / "a.tif")
    before = scene.read_bytes()
    assert smalti_map(scene, "-o", scene, "--model", model).exit_code == 4
    assert scene.read_bytes() == before


def test_a_damaged_model_is_refused_before_any_scene(tmp_path: Path, model: Path) -> None:
    model.write_bytes(model.read_bytes()[:-9])
    error = smalti_map(photo(tmp_path / "a.png"), "-o", tmp_path / "map.tif", "--model", model).exception
    assert isinstance(error, ModelError)
    assert isinstance(error, SmaltiError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.png", "-o", "map"), "end it in .tif for a file or in / for a folder"),
        (("a.png", "b.png", "-o", "map.tif"), "2 scenes need a folder"),
        (("a.png", "-o", "map.tif", "--polygons", "map.shp"), "its ending must be one of"),
        (("a.png", "-o", "maps/", "--polygons", "map.gpkg"), "only an ending, such as .gpkg"),
        (("a.png", "-o", "map.tif", "--resolution", "fine"), "neither `auto`, `native` nor a pixel size"),
        (("a.png", "-o", "map.tif", "--stretch", "98%,2%"), "LOW is not below HIGH; expected LOW,HIGH as values or"),
        (("a.png", "-o", "map.tif", "--resolution", "-1"), "neither `auto`, `native` nor a pixel size"),
    ],
)
def test_wrong_usage_is_explained(arguments: tuple[str, ...], message: str) -> None:
    done = smalti_map(*arguments)
    assert done.exit_code == click.UsageError.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_polygons_may_lie_in_the_folder_that_is_made_for_the_map(tmp_path: Path, model: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 6, 4), np.uint8).repeat(10, 1).repeat(10, 2)
    scene, new = chip(tmp_path / "scene.tif", pixels, 0), tmp_path / "new"
    done = smalti_map(scene, "-o", new / "map.tif", "--model", model, "--polygons", new / "map.gpkg")
    assert done.exit_code == 0 and (new / "map.gpkg").is_file()
    done = smalti_map(scene, "-o", new / "other.tif", "--model", model, "--polygons", tmp_path / "none" / "map.gpkg")
    assert isinstance(done.exception, SmaltiError) and not (new / "other.tif").exists()
