"""Maps of models whose answers are blended on a coarse grid, beside those of the same models with all they have."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from smalti.averaged import Averaged
from smalti.card import UNLIKE, Card
from smalti.mapping.rasters import Wanted
from smalti.mapping.run import Scatter, map_scene
from smalti.mapping.spool import Spool
from smalti.mapping.strips import map_strip, plan_strips
from smalti.mapping.unlike import read_unlike
from smalti.predicting import first_rows
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.raster.resample import Resampled
from smalti.raster.scaled import Scaled
from smalti.runtime.open import open_model
from smalti.scene import Predictor, Summary, coarse_of
from tests.coarse import FACTOR, coarse_card, coarse_model
from tests.tiny import unlike_above

ALL = Wanted(confidence=True, probabilities=True, uncertainty=True)
Opened = Callable[[], AbstractContextManager[Reader]]


class Whole:
    """A model without its coarse answers."""

    def __init__(self, predict: Predictor) -> None:
        self._predict = predict

    @property
    def card(self) -> Card:
        return self._predict.card

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        return self._predict(batch)


def opened_model(folder: Path, around: float) -> Predictor:
    path = coarse_model(folder / "coarse.onnx", coarse_card(unlike=unlike_above(0.5)), around=around)
    found = open_model(str(path), threads=1)
    assert coarse_of(found) is not None
    return found


@pytest.fixture(scope="module")
def predict(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return opened_model(tmp_path_factory.mktemp("models"), 0.0)


@pytest.fixture(scope="module")
def by_tile(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """Its answers depend on where in which tile a pixel lies."""
    return opened_model(tmp_path_factory.mktemp("models"), 1.0)


def write_scene(path: Path, height: int, width: int, nodata: bool = False) -> Path:
    """Soft patches, so that neighbouring blocks have the same class or another one."""
    random = np.random.default_rng(height)
    coarse = random.random((3, height // 11 + 3, width // 11 + 3)).repeat(11, axis=1).repeat(11, axis=2)
    pixels = (np.clip(coarse + random.normal(0, 0.1, coarse.shape), 0.01, 1) * 255).astype(np.uint8)[:, 5:, 3:]
    pixels = pixels[:, :height, :width]
    if nodata:
        pixels[:, 20:61, 11:60] = 0
        pixels[:, -3:] = 0
    place = {"crs": "EPSG:32633", "transform": Affine(0.3, 0, 5e5, 0, -0.3, 5e6), "nodata": 0 if nodata else None}
    with rasterio.open(path, "w", "GTiff", width, height, 3, dtype="uint8", **place) as file:
        file.write(pixels)
    return path


def mapped(reader: Reader, predict: Predictor, output: Path, wanted: Wanted = ALL, **more: Any) -> Summary:
    summary = map_scene(reader, predict, output, {"scene": 1}, wanted, **more)
    assert summary is not None
    return summary


def bands(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        found: np.ndarray = file.read()
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def padded(path: Path) -> Path:
    """A scene mirrored to whole coarse pixels at its end: what the network sees of it."""
    pixels = bands(path)
    more = [(0, 0), *((0, -side % FACTOR) for side in pixels.shape[1:])]
    with rasterio.open(path) as file:
        profile = file.profile
    pixels = np.pad(pixels, more, "reflect" if min(pixels.shape[1:]) > 1 else "edge")
    profile |= {"height": pixels.shape[1], "width": pixels.shape[2]}
    with rasterio.open(path.with_name("padded.tif"), "w", **profile) as file:
        file.write(pixels)
    return path.with_name("padded.tif")


COMPLETE = [(size, False) for size in ((32, 32), (16, 20), (1, 1), (3, 70), (33, 31), (150, 70), (101, 203))]
WITH_GAPS = [(size, True) for size in ((32, 32), (33, 31), (150, 70), (101, 203))]


@pytest.mark.parametrize(("size", "nodata"), COMPLETE + WITH_GAPS, ids=str)
def test_maps_are_those_of_the_whole_model(
    predict: Predictor, tmp_path: Path, size: tuple[int, int], nodata: bool
) -> None:
    """Probabilities differ by rounding, and where tiles end: there the whole model knows nothing of pixels beyond."""
    scene = write_scene(tmp_path / "scene.tif", *size, nodata)
    with open_raster(scene) as reader:
        mapped(reader, predict, tmp_path / "coarse.tif")
        mapped(reader, predict, tmp_path / "alone.tif", Wanted())
    with open_raster(padded(scene)) as reader:
        mapped(reader, Whole(predict), tmp_path / "whole.tif")
    found, expected = bands(tmp_path / "coarse.tif"), bands(tmp_path / "whole.tif")[:, : size[0], : size[1]]
    np.testing.assert_array_equal(found == 255, expected == 255)  # no data
    np.testing.assert_array_equal(bands(tmp_path / "alone.tif"), found)
    inside = (slice(None), *(slice(side if side >= 32 else max(side - 2, 1)) for side in size))
    assert (found != expected)[inside].mean() <= (1e-4 if max(size) <= 32 else 3e-3)
    for name in ("probabilities", "confidence"):
        whole = bands(tmp_path / f"whole_{name}.tif")[:, : size[0], : size[1]]
        steps = np.abs(bands(tmp_path / f"coarse_{name}.tif").astype(int) - whole)[inside]
        assert steps.max() <= (1 if max(size) <= 32 else 8)


def test_tiles_are_judged_alike(predict: Predictor, tmp_path: Path) -> None:
    with open_raster(write_scene(tmp_path / "scene.tif", 152, 71, nodata=True)) as reader:
        found = mapped(reader, predict, tmp_path / "coarse.tif")
        expected = mapped(reader, Whole(predict), tmp_path / "whole.tif")
    assert (found.pixels, found.tiles, found.skipped) == (expected.pixels, expected.tiles, expected.skipped)
    judged = read_unlike(tmp_path / "coarse.tif")
    assert judged is not None and judged == read_unlike(tmp_path / "whole.tif")


def test_views_are_averaged_on_the_coarse_grid(predict: Predictor, tmp_path: Path) -> None:
    averaged = Averaged(predict)
    batch = np.random.default_rng(0).integers(0, 256, (1, 3, 32, 32)).astype(np.uint8)
    coarse = coarse_of(averaged)
    assert coarse is not None and coarse(batch)["landcover"].shape == (1, 3, 8, 8)
    np.testing.assert_allclose(coarse(batch)[UNLIKE], averaged(batch)[UNLIKE], rtol=1e-6)
    with open_raster(write_scene(tmp_path / "scene.tif", 32, 32)) as reader:
        mapped(reader, averaged, tmp_path / "coarse.tif")
        mapped(reader, Whole(averaged), tmp_path / "whole.tif")
    assert (bands(tmp_path / "coarse.tif") != bands(tmp_path / "whole.tif")).mean() < 1e-3


@pytest.fixture(params=["own pixels", "finer", "coarser", "with gaps"])
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Opened:
    """Opens a scene, as the network sees it."""
    path = write_scene(tmp_path / "scene.tif", 150, 70, request.param == "with gaps")
    metres = {"finer": 0.21, "coarser": 0.47}.get(request.param)
    if metres is None:
        return partial(open_raster, path)
    return lambda: Scaled(open_raster(path), Resampled(open_raster(path), metres), metres, "why")


@pytest.mark.parametrize("metres", [0.15, 0.6])
def test_scaled_scenes_are_resampled_from_the_enlarged_answers(
    predict: Predictor, tmp_path: Path, metres: float
) -> None:
    scene = write_scene(tmp_path / "scene.tif", 152, 72)
    with Scaled(open_raster(scene), Resampled(open_raster(scene), metres), metres, "why") as reader:
        mapped(reader, predict, tmp_path / "coarse.tif")
        mapped(reader, Whole(predict), tmp_path / "whole.tif")
    assert (bands(tmp_path / "coarse.tif") != bands(tmp_path / "whole.tif")).mean() < 3e-3


def scatter(opened: Opened, predict: Predictor, output: Path, only: int | None = None) -> Scatter:
    """Makes the last `only` strips, or all, the last one first, each with a reader of its own."""

    def run(spool: Spool, turn: str, rows: list[int]) -> Summary:
        total = Summary(0, 0.0, 0, 0, 0.0)
        for strip in plan_strips(rows, spool.gaps(), 3)[::-1][:only]:
            with opened() as reader:
                total += map_strip(reader, predict, output, {"scene": 1}, ALL, rows=strip, turn=turn)
        return total

    return run


def test_strips_have_the_bytes_of_a_single_run(opened: Opened, by_tile: Predictor, tmp_path: Path) -> None:
    with opened() as reader:
        mapped(reader, by_tile, tmp_path / "whole" / "map.tif")
        output = tmp_path / "strips" / "map.tif"
        summary = mapped(reader, by_tile, output, scatter=scatter(opened, by_tile, output))
    assert summary.pixels == 150 * 70
    assert contents(output.parent) == contents(tmp_path / "whole")


def test_a_run_goes_on_where_another_was_killed(opened: Opened, by_tile: Predictor, tmp_path: Path) -> None:
    heard: list[int] = []
    output = tmp_path / "again" / "map.tif"

    def killed(spool: Spool, turn: str, rows: list[int]) -> Summary:
        scatter(opened, by_tile, output, only=1)(spool, turn, rows)
        raise KeyboardInterrupt

    with opened() as reader:
        assert len(first_rows(reader, by_tile)) > 2
        mapped(reader, by_tile, tmp_path / "whole" / "map.tif")
        with pytest.raises(KeyboardInterrupt):
            mapped(reader, by_tile, output, scatter=killed)
        mapped(reader, by_tile, output, progress=heard.append)
    assert sum(heard) == 150 * 70
    assert contents(output.parent) == contents(tmp_path / "whole")
