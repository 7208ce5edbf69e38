import math

import pytest
from affine import Affine
from rasterio.crs import CRS

from smalti.raster.grid import Grid, degree_m, pixel_size_m
from smalti.tiling import Window

UTM = Grid(100, 200, Affine(0.5, 0, 500000, 0, -0.5, 5000000), CRS.from_epsg(32633))


def test_crop_keeps_the_place() -> None:
    part = UTM.crop(Window(10, -4, 5, 6))
    assert (part.height, part.width) == (5, 6)
    assert part.xy(0, 0) == UTM.xy(-4, 10) == (499998, 4999995)
    assert UTM.col_row(*UTM.xy(3.25, 7)) == (3.25, 7)


def test_resized_keeps_the_corners() -> None:
    small = UTM.resized(30, 40)
    assert small.xy(40, 30) == pytest.approx(UTM.xy(200, 100))


def test_pixel_size_in_metres() -> None:
    assert pixel_size_m(UTM) == 0.5
    assert pixel_size_m(Grid(3, 4)) is None
    assert pixel_size_m(Grid(3, 4, Affine.scale(2))) is None
    feet = Grid(3, 4, Affine(1, 0, 2e6, 0, -1, 3e5), CRS.from_epsg(2263))
    assert pixel_size_m(feet) == pytest.approx(0.3048, abs=1e-4)


def test_geographic_pixels_are_measured_at_their_latitude() -> None:
    degree = Grid(2, 2, Affine(1e-5, 0, 15, 0, -1e-5, 60 + 1e-5), CRS.from_epsg(4326))
    assert degree_m(60) == pytest.approx((55800, 111412), rel=1e-4)
    assert pixel_size_m(degree) == pytest.approx(math.sqrt(0.558 * 1.11412), rel=1e-4)


def test_mercator_pixels_shrink_towards_the_pole() -> None:
    y = 8399737.9  # latitude 60
    assert pixel_size_m(Grid(2, 2, Affine(1, 0, 0, 0, -1, y), CRS.from_epsg(3857))) == pytest.approx(0.5, rel=1e-4)
