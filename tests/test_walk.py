"""A new user's walk: data, training, scores, export, map; each command takes what the one before has left."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely

from smalti.cli import group
from smalti.synth import CLASSES

pytestmark = pytest.mark.slow  # it trains

RECIPE = """
[card]
name = "walk"
tile = 64
overlap = 16

[[card.tasks]]
name = "landcover"
labels = ["land", "water", "building", "vegetation", "road"]
colors = ["#D9C7A0", "#3F8FC4", "#C8553D", "#5E9E4F", "#6B6B70"]

[net]
name = "ued"
encoder = "mobilenetv2"  # bounded activations: after a few steps an export can already be compared

[data]
absent = ["*"]  # a small town need not have all classes

[[data.train]]
path = ["train"]
kind = "folder"

[[data.validation]]
path = ["validation"]
kind = "folder"

[train]
steps = 4
batch = 4
crop = 64
epoch_steps = 4
ema = 0.0
accelerator = "cpu"
"""


def smalti(*arguments: str) -> None:
    group(list(arguments), standalone_mode=False)


def test_from_own_images_to_a_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text(RECIPE)
    for seed, place in enumerate(("train", "validation", "test")):
        Path(place).mkdir()
        smalti("draw", f"{place}/town.tif", "--size", "128", "--seed", str(seed))

    smalti("train", "own.toml")
    smalti("evaluate", "runs/walk/best", "test", "--json", "scores.json", "--report", "scores.html")
    smalti("export", "runs/walk/best", "own.onnx", "--scores", "scores.json")
    smalti("map", "test/town.tif", "-o", "map.tif", "--model", "own.onnx", "--polygons", "map.gpkg", "--report")
    smalti("models", "own.onnx")

    scores = json.loads(Path("scores.json").read_text())
    assert np.sum(scores["confusion"]["counts"]) == 128 * 128
    with rasterio.open("map.tif") as made, rasterio.open("test/town.tif") as scene:
        assert (made.crs, made.transform, made.shape) == (scene.crs, scene.transform, scene.shape)
        assert made.colormap(1)[2] == (0xC8, 0x55, 0x3D, 255)
        assert [made.tags(1)[f"CLASS_{k}"] for k in range(5)] == list(CLASSES)
        classes = made.read(1)
    assert np.bincount(classes.ravel(), minlength=5).sum() == np.bincount(classes.ravel(), minlength=5)[:5].sum()
    meta, _, shapes, fields = pyogrio.raw.read("map.gpkg")
    found = dict(zip(meta["fields"], fields, strict=True))
    assert set(found["class"]) <= set(CLASSES)
    area = shapely.area(shapely.from_wkb(shapes)).sum()
    assert area == pytest.approx(classes.size * 0.09, rel=1e-6)
