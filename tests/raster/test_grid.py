import pytest
from affine import Affine
from rasterio.crs import CRS

from smalti.raster.grid import Grid
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
