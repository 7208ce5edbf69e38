from rasterio.crs import CRS

from smalti.mosaics.grid import Cell, MosaicGrid
from smalti.tiling import Window

GRID = MosaicGrid(CRS.from_epsg(32633), 0.5, 100)


def test_tiles_are_counted_from_the_origin_of_the_crs() -> None:
    assert GRID.window(Cell(0, 0)) == Window(-100, 0, 100, 100)
    assert GRID.bounds(Cell(2, -1)) == (100.0, -50.0, 150.0, 0.0)
    place = GRID.place(GRID.window(Cell(2, -1)))
    assert place.xy(0, 0) == (100.0, 0.0)
    assert place.xy(100, 100) == (150.0, -50.0)


def test_the_tiles_that_a_rectangle_touches() -> None:
    assert list(GRID.cells((-10.0, -10.0, 60.0, 10.0))) == [
        Cell(-1, 0), Cell(0, 0), Cell(1, 0), Cell(-1, -1), Cell(0, -1), Cell(1, -1),
    ]  # fmt: skip
    assert list(GRID.cells((0.0, 0.0, 50.0, 50.0))) == [Cell(0, 0)]  # and none beyond its border
    assert Cell(-1, 7).name == "x-1_y7"
