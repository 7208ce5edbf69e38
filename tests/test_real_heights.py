"""`benchmarks/real_heights.py`: what heights are compared with, and the pixel sizes of the recipe that it trains."""

import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from affine import Affine

from smalti.synth.world.setting import setting_of
from smalti.training.recipe import read_pixels

ROOT = Path(__file__).parents[1]
TOOL = runpy.run_path(str(ROOT / "benchmarks" / "real_heights.py"))
GROUND, BUILDING, VEGETATION, UNCLASSIFIED = 0, 2, 3, 255


def place(name: str, heights: list[list[float]], classes: list[list[int]]):
    return TOOL["Place"](name, Path(name), np.array(heights, np.float32), np.array(classes, np.uint8))


HERE = place("here", [[0, 0, 4, 8], [1, 9, np.nan, 5]], [[0, 0, 2, 2], [3, 3, 3, 255]])
THERE = place("there", [[0.5, 5, 6, 12]], [[0, 2, 3, 3]])


def rows(predicted: list[list[float]]):
    return {row.part: row for row in TOOL["rows"](HERE, np.array(predicted, np.float32), [THERE])}


def test_a_model_is_beside_the_mean_of_each_true_class_at_the_other_places() -> None:
    found = rows([[0, 0, 5, 7], [0, 9, 99, 99]])  # unknown heights and classes do not count
    building, vegetation, trees, every = (found[name] for name in ("building", "vegetation", "trees", "all"))
    assert (building.pixels, building.mean, building.rmse) == (2, 6, 1)
    assert building.correlation == pytest.approx(1)
    assert building.class_mean == pytest.approx(np.sqrt((1 + 9) / 2))  # 5 m there
    assert building.own_mean == pytest.approx(2) and building.beats
    assert vegetation.pixels == 2 and vegetation.class_mean == pytest.approx(np.sqrt((64 + 0) / 2))  # 9 m there
    assert trees.pixels == 1 and trees.correlation is None and trees.class_mean == pytest.approx(0)
    assert not trees.beats  # no better than right
    errors = [0.5, 0.5, 1, 3, 8, 0]
    assert every.pixels == 6 and every.class_mean == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    mean = (0.5 + 5 + 6 + 12) / 4
    assert every.one_mean == pytest.approx(np.sqrt(np.mean(np.square(np.array([0, 0, 4, 8, 1, 9]) - mean))))


def test_what_is_nowhere_else_has_no_mean_and_nothing_to_beat() -> None:
    only_ground = place("elsewhere", [[0.0]], [[0]])
    found = {row.part: row for row in TOOL["rows"](HERE, HERE.height, [only_ground])}
    assert found["building"].class_mean is None and found["building"].beats is None
    assert found["building"].rmse == 0 and found["ground"].beats is False
    lines = TOOL["markdown"]({"here": {"model": list(found.values())}})
    assert "| building | 2 | 6.00 | 0.00 | 1.00 | - | 2.00 | 6.32 | - |" in lines
    plain = json.loads(json.dumps(TOOL["plain"]({"here": {"model": list(found.values())}}), allow_nan=False))
    assert plain["here"]["model"][0]["beats_class_mean"] is None


def test_places_are_read_with_their_heights_and_classes(tmp_path: Path) -> None:
    for folder in ("images", "ndsm", "masks"):
        (tmp_path / folder).mkdir()
    heights = {"height": 2, "width": 3, "dtype": "float32", "nodata": -9999, "transform": Affine(0.5, 0, 0, 0, -0.5, 0)}
    for name in ("oregon_autzen_0.6m", "france_plain_0.5m"):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), np.zeros((2, 3, 3), np.uint8))
        cv2.imwrite(str(tmp_path / "masks" / f"{name}.png"), np.array([[0, 2, 255], [3, 255, 255]], np.uint8))
        with rasterio.open(tmp_path / "ndsm" / f"{name}.tif", "w", count=1, **heights) as file:
            file.write(np.array([[[0, 5, 7], [9, 3, -9999]]], np.float32))
    places = TOOL["read_places"](tmp_path)
    assert list(places) == ["france_plain", "oregon_autzen"]
    counted = {name: int(each.parts()["all"].sum()) for name, each in places.items()}
    assert counted == {"france_plain": 3, "oregon_autzen": 5}  # there all that has no class is vegetation
    assert places["oregon_autzen"].parts()["trees"].sum() == 3
    assert [each.name for each in TOOL["others"](places, "oregon_autzen")] == ["france_plain"]


def test_all_that_teaches_heights_is_near_half_a_metre() -> None:
    recipe = read_pixels(ROOT / "recipes" / "town.toml")
    low, high = recipe.card.resolution
    sources = [
        source
        for source in recipe.data.train
        if (source.kind == "drawn" and not source.tasks) or (source.kind == "folder" and source.also)
    ]
    assert len(sources) == 5
    for source in sources:
        if source.kind == "folder":
            pixels = [0.6] if source.places == ("oregon_autzen",) else [0.5]
        elif source.style == "town":
            pixels = [0.3]
        else:
            pixels = [setting_of(seed, source.climate, source.sensor).sensor.pixel for seed in source.seeds]
        assert low * 0.8 < min(pixels) / source.scale[1] and max(pixels) / source.scale[0] < high * 1.2
