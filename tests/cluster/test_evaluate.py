"""Evaluations whose images are counted by the workers of a cluster."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

import smalti as sm
from smalti.errors import OptionError, RasterError
from tests.tiny import tiny_card, tiny_model


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """Four images of two places with labels, the tallest one first, and a model."""
    for name, height in (("east_1", 150), ("east_2", 40), ("west_1", 60), ("west_2", 50)):
        rng = np.random.default_rng(height)
        write(tmp_path / "town" / "images" / f"{name}.tif", rng.integers(1, 255, (3, height, 60), np.uint8))
        write(tmp_path / "town" / "masks" / f"{name}.tif", rng.integers(0, 2, (1, height, 60), np.uint8))
    tiny_model(tmp_path / "tiny.onnx", tiny_card(tile=32, overlap=8))
    return tmp_path / "town"


def write(path: Path, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    bands, height, width = pixels.shape
    shape = {"height": height, "width": width, "count": bands, "dtype": "uint8"}
    place = {"crs": "EPSG:32633", "transform": Affine(0.3, 0, 5e5, 0, -0.3, 5e6)}
    with rasterio.open(path, "w", driver="GTiff", **shape, **place) as file:
        file.write(pixels)


def scores(found: sm.Evaluation) -> list[dict[str, Any]]:
    return [result.to_dict() for result in found.results]


def test_scores_are_those_of_one_process(town: Path, tmp_path: Path, scheduler: str) -> None:
    asked: dict[str, Any] = {"tta": True, "by": "place"}
    alone = sm.evaluate(tmp_path / "tiny.onnx", town, **asked, json=tmp_path / "alone.json")
    heard: list[sm.Progress] = []
    found = sm.evaluate(
        tmp_path / "tiny.onnx", town, **asked, json=tmp_path / "both.json", report=tmp_path / "page.html",
        scheduler=scheduler, progress=heard.append,
    )  # fmt: skip
    assert scores(found) == scores(alone) and str(found) == str(alone)
    assert [row["name"] for row in scores(found)[0]["images"]] == [f"images/{name}.tif" for name in
            ("east_1", "east_2", "west_1", "west_2")]  # fmt: skip
    both, one = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("both", "alone"))
    assert {**both, "seconds": 0} == {**one, "seconds": 0}
    assert "<html" in (tmp_path / "page.html").read_text()
    assert (heard[-1].done, heard[-1].total, heard[-1].unit) == (4, 4, "images")


def test_an_error_of_an_image_ends_it(town: Path, tmp_path: Path, scheduler: str) -> None:
    image = town / "images" / "east_2.tif"
    image.write_bytes(image.read_bytes()[:-3000])
    with pytest.raises(RasterError) as alone:
        sm.evaluate(tmp_path / "tiny.onnx", town)
    with pytest.raises(RasterError) as caught:
        sm.evaluate(tmp_path / "tiny.onnx", town, scheduler=scheduler)
    assert str(caught.value) == str(alone.value)


def test_pictures_and_other_kinds_of_models_are_refused(town: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--pictures are made by this process alone; omit --scheduler"):
        sm.evaluate(tmp_path / "tiny.onnx", town, pictures=tmp_path / "maps", scheduler="local:2")
    with pytest.raises(OptionError, match="--scheduler is for models that map; bestshot ranks photos"):
        sm.evaluate("bestshot", town, scheduler="local:2")
