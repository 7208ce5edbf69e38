"""What the plugin asks the program is what its command line takes."""

from pathlib import Path
from typing import Any

import click
import pytest

from smalti.card import Card, Task
from smalti.cli import app, evaluate, models
from smalti.cli import map as map_
from smalti.mapping.rasters import Wanted, products
from smalti_qgis.commands import app_command, card_command, evaluate_command, map_command, page_of
from smalti_qgis.rasters import rasters
from smalti_qgis.scene import SceneError, scene_of
from tests.tiny import tiny_card

HEIGHT = Task(name="height", kind="value", unit="m")
COVER = Task(name="cover", labels=("land", "water"))
ROOF = Task(name="roof", labels=("flat", "steep"))
WHOLE = Task(name="sort", kind="image_classes", labels=("town", "wood"))


def understood(command: click.Command, arguments: list[str]) -> dict[str, Any]:
    """What the command line makes of arguments; nothing is run."""
    program, verb, *rest = arguments
    assert (program, verb) == ("smalti", command.name)
    with command.make_context("smalti", rest) as context:
        return context.params


def test_a_map_with_everything() -> None:
    asked = {"tta": True, "cog": True, "confidence": True, "uncertainty": True, "probabilities": True, "report": True,
             "bands": "3,2,1", "stretch": "2%,98%", "resolution": "0.5", "threads": 2, "polygons": "/o/p.gpkg",
             "min_area": 20.5}  # fmt: skip
    found = understood(map_.command, map_command("smalti", "/a/-s [1].tif", "/o/m.tif", "town", asked))
    assert found["scene"] == ("/a/-s [1].tif",) and found["out"] == "/o/m.tif" and found["model"] == "town"
    assert all(found[name] is True for name in ("tta", "cog", "confidence", "uncertainty", "probabilities", "report"))
    assert found["polygons"] == "/o/p.gpkg" and found["min_area"] == 20.5 and found["threads"] == 2
    assert found["bands"] == ("3", "2", "1") and found["stretch"] == "2%,98%" and found["resolution"] == 0.5


def test_what_is_not_asked_for_is_not_given() -> None:
    asked = {"tta": False, "bands": "", "min_area": 20.0, "polygons": ""}
    assert map_command("smalti", "s.tif", "m.tif", "town", asked) == [
        "smalti", "map", "-o", "m.tif", "--model", "town", "--", "s.tif",
    ]  # fmt: skip


def test_an_evaluation_with_everything(tmp_path: Path) -> None:
    (tmp_path / "l.toml").touch()
    asked = {"tta": True, "dataset": "potsdam:test", "labels": str(tmp_path / "l.toml"), "bands": "1,2,3",
             "resolution": "native", "json": "/o/s.json", "report": "/o/e.html"}  # fmt: skip
    found = understood(evaluate.command, evaluate_command("smalti", "own.onnx", str(tmp_path), asked))
    assert found["model"] == "own.onnx" and found["data"] == tmp_path and found["tta"] is True
    assert found["dataset"] == "potsdam:test" and found["labels"] == tmp_path / "l.toml"
    assert (found["json_file"], found["report"]) == (Path("/o/s.json"), Path("/o/e.html"))


def test_a_card() -> None:
    assert understood(models.command, card_command("smalti", "town")) == {"name": "town", "as_json": True}


def test_the_app(tmp_path: Path) -> None:
    (tmp_path / "-s.tif").touch()
    assert understood(app.command, app_command("smalti", str(tmp_path / "-s.tif")))["scene"] == tmp_path / "-s.tif"


@pytest.mark.parametrize("tasks", [(COVER,), (HEIGHT,), (HEIGHT, COVER), (WHOLE, HEIGHT, ROOF, COVER)])
@pytest.mark.parametrize("more", [(), ("confidence",), ("confidence", "uncertainty", "probabilities")])
def test_the_rasters_are_those_that_are_written(tasks: tuple[Task, ...], more: tuple[str, ...]) -> None:
    card: Card = tiny_card(tasks=tasks)
    expected = products(Path("/o/m.v1.tif"), card, Wanted(**dict.fromkeys(more, True)))
    found = rasters(card.model_dump(mode="json"), "/o/m.v1.tif", dict.fromkeys(more, True))
    assert {raster.path: (raster.form, raster.task["name"]) for raster in found} == {
        path: (product.form, product.task.name) for path, product in expected.items()
    }
    assert found[0].path == Path("/o/m.v1.tif")


def test_without_a_card_the_map_alone_is_expected() -> None:
    assert [raster.path for raster in rasters(None, "/o/m.tif", {"confidence": True})] == [Path("/o/m.tif")]
    assert page_of("/o/m.v1.tif") == Path("/o/m.v1.html")


def test_a_layer_of_a_file_is_a_scene(tmp_path: Path) -> None:
    scene = tmp_path / "Stadt S\u00fcd (2).tif"
    scene.touch()
    assert scene_of("Stadt", "gdal", f"{scene}|option:NUM_THREADS=2") == str(scene)
    for remote in ("/vsicurl/https://host/s.tif", "https://host/s.tif", "NETCDF:s.nc:red"):
        assert scene_of("far", "gdal", remote) == remote


@pytest.mark.parametrize(
    ("provider", "source", "expected"),
    [
        ("wms", "type=xyz&url=x", "layer 'L' comes from wms, not from a file; save it as a GeoTIFF"),
        ("virtualraster", "?crs=x", "layer 'L' comes from virtualraster, not from a file"),
        ("", "", "layer 'L' comes from no provider, not from a file"),
        ("gdal", "/vsimem/s.tif", "layer 'L' is only in QGIS's memory; save it"),
        ("gdal", "<VRTDataset/>", "layer 'L' is computed and not stored; save it"),
        ("gdal", "/no/where.tif", "layer 'L': there is no file /no/where.tif any more; add the layer again"),
    ],
)
def test_other_layers_are_refused_in_one_line(provider: str, source: str, expected: str) -> None:
    with pytest.raises(SceneError, match=expected) as refusal:
        scene_of("L", provider, source)
    assert "\n" not in str(refusal.value)
