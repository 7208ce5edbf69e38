import base64
import io

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from pyproj import Geod
from rasterio.crs import CRS

from smalti.card import Task
from smalti.raster.grid import Grid
from smalti.report.contact_sheet import shrunk_labels
from smalti.report.pictures import (
    NO_DATA,
    WRONG,
    data_uri,
    error_picture,
    fit,
    shrunk_image,
    shrunk_map,
    shrunk_values,
    step_for,
)


class Raster:
    def __init__(self, pixels, valid=None):
        self.pixels, self.grid = pixels, Grid(*pixels.shape[1:])
        self.valid = np.ones(pixels.shape[1:], bool) if valid is None else valid

    def read(self, window):
        return self.pixels[(slice(None), *window.slices())], self.valid[window.slices()]

    def close(self): ...


@pytest.mark.parametrize("limit", [10, 100])
def test_a_shrunk_image_holds_means(limit, monkeypatch):
    monkeypatch.setattr("smalti.report.pictures.STRIP", 16)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 60, 80), dtype=np.uint8)
    picture = shrunk_image(Raster(pixels), limit)
    step = 80 // min(limit, 80)
    rows = 60 // step * step
    means = pixels[:, :rows].reshape(3, rows // step, step, 80 // step, step).mean((2, 4))
    assert np.abs(picture[: rows // step].astype(float) - np.moveaxis(means, 0, -1)).max() <= 0.51


@pytest.mark.parametrize(
    ("height", "width", "limit"), [(49, 50, 25), (33, 9, 32), (90, 1, 18), (1, 90, 7), (53, 3, 10)]
)
def test_squares_that_a_border_cuts_are_means_of_what_there_is(height, width, limit, monkeypatch):
    monkeypatch.setattr("smalti.report.pictures.STRIP", 16)  # the last strip has fewer rows than a square
    random = np.random.default_rng(height)
    pixels = random.integers(0, 256, (3, height, width), dtype=np.uint8)
    step = step_for(height, width, limit)
    picture = shrunk_image(Raster(pixels), limit)
    assert np.abs(picture - np.moveaxis(means(pixels, step), 0, -1)).max() <= 0.51
    values = random.normal(100, 50, (1, height, width)).astype(np.float32)
    assert shrunk_values(Raster(values), limit).values == pytest.approx(means(values, step)[0], rel=1e-5)
    small = shrunk_map(Raster(pixels), limit).classes
    labels = Raster(pixels)
    monkeypatch.setattr(labels, "read", lambda window: pixels[0][window.slices()])
    assert small.shape == picture.shape[:2]
    assert np.array_equal(small, shrunk_labels(labels, height, width, limit))


def means(pixels, step):
    """The mean of each square of each band."""
    rows, cols = (range(0, side, step) for side in pixels.shape[1:])
    return np.array(
        [[[band[r : r + step, c : c + step].mean(dtype=float) for c in cols] for r in rows] for band in pixels]
    )


def test_invalid_pixels_do_not_darken_their_neighbours():
    pixels, valid = np.full((1, 8, 8), 100, np.uint8), np.ones((8, 8), bool)
    valid[:4, 0], valid[4:, :5] = False, False
    pixels[:, ~valid] = 0
    picture = shrunk_image(Raster(pixels, valid), 2)
    assert picture[0, 0].tolist() == [100] * 3 and picture[1, 0].tolist() == [255] * 3


def test_other_types_are_stretched_to_what_is_seen():
    pixels = np.linspace(5000, 6000, 400, dtype=np.float32).reshape(1, 20, 20)
    picture = shrunk_image(Raster(pixels), 100)
    assert picture.min() == 0 and picture.max() == 255


def test_a_shrunk_map_counts_every_pixel(monkeypatch):
    monkeypatch.setattr("smalti.report.pictures.STRIP", 16)
    classes = np.random.default_rng(1).integers(0, 3, (1, 50, 70), dtype=np.uint8)
    valid = np.ones((50, 70), bool)
    valid[:5] = False
    small = shrunk_map(Raster(classes, valid), 20)
    assert small.counts[:3].tolist() == np.bincount(classes[0, 5:].ravel()).tolist()
    assert small.counts[NO_DATA] == 350 and max(small.classes.shape) <= 20 and small.areas is None


def test_a_shrunk_map_measures_every_pixel_where_it_lies(monkeypatch):
    monkeypatch.setattr("smalti.report.pictures.STRIP", 16)
    classes = np.zeros((1, 60, 70), np.uint8)
    classes[:, 30:] = 1
    file = Raster(classes)
    file.grid = Grid(60, 70, Affine(1, 0, 10, 0, -1, 60), CRS.from_epsg(4326))  # 60 degrees north to the equator
    areas = shrunk_map(file, 20).areas
    geod = Geod(ellps="WGS84")
    for k, (north, south) in enumerate(((60, 30), (30, 0))):
        lon = [*range(10, 81), *range(80, 9, -1)]
        truth = abs(geod.polygon_area_perimeter(*_fine(lon, [north] * 71 + [south] * 71))[0])
        assert areas[k] == pytest.approx(truth, rel=1e-4)


def _fine(lon, lat):
    """The outline with a hundred times as many points: geodesics are no parallels."""
    at = np.arange(0, len(lon) - 1, 0.01)
    return np.interp(at, range(len(lon)), lon), np.interp(at, range(len(lat)), lat)


def test_errors_are_red_and_what_does_not_count_is_black():
    task = Task(name="t", labels=("a", "b"))
    picture = np.zeros((1, 3, 3), np.uint8)
    shown = error_picture(picture, np.array([[0, 1, 255]], np.uint8), np.array([[0, 0, 0]], np.uint8), task)
    assert shown[0].tolist() == [[110] * 3, list(WRONG), [0] * 3]


def test_fit_takes_the_nearest():
    assert fit(np.zeros((2, 2, 3), np.uint8), np.zeros((5, 7, 3), np.uint8)).shape == (5, 7, 3)


def test_drawn_pictures_keep_their_colours_exactly():
    picture = np.random.default_rng(2).integers(0, 3, (30, 40, 3), dtype=np.uint8) * 127
    kind, _, text = data_uri(picture, drawn=True).partition(",")
    assert kind == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")), picture)
