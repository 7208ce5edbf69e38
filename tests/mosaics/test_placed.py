from pathlib import Path

import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.warp import transform

from smalti.mosaics.grid import MosaicGrid
from smalti.mosaics.placed import Placed
from smalti.raster.read import open_raster
from smalti.tiling import Window
from tests.mosaics.scenes import LEFT, TOP, UTM, pixels_of, write_scene

MOSAIC = MosaicGrid(CRS.from_string(UTM), 0.5, 128)
ROW, COL = round(-TOP / 0.5), round(LEFT / 0.5)


@pytest.fixture
def pixels() -> np.ndarray:
    return pixels_of(60, 50)


def test_pixels_of_the_grid_are_copied(tmp_path: Path, pixels: np.ndarray) -> None:
    pixels[:, 5:8] = 0
    placed = Placed(open_raster(write_scene(tmp_path / "a.tif", pixels, 10, 20)), MOSAIC)
    found, valid = placed.read(Window(ROW + 5, COL + 10, 80, 80))
    assert np.array_equal(found[:, 5:65, 10:60], pixels)
    assert valid.sum() == 57 * 50
    assert not placed.read(Window(ROW + 500, COL, 10, 10))[1].any()
    placed.close()


def test_another_pixel_size_is_resampled_and_holes_have_no_share(tmp_path: Path) -> None:
    pixels = np.full((3, 60, 60), 200, np.uint8)
    pixels[:, 30:] = 0
    placed = Placed(open_raster(write_scene(tmp_path / "a.tif", pixels, pixel=0.75)), MOSAIC)
    found, valid = placed.read(Window(ROW, COL, 90, 90))
    assert valid[:44].all() and not valid[46:].any()
    assert (found[:, valid] == 200).all()
    placed.close()


def test_another_crs_is_warped_to_where_it_lies(tmp_path: Path) -> None:
    x, y = (round(value[0]) for value in transform(UTM, "EPSG:3857", [LEFT], [TOP]))
    from affine import Affine

    pixels = np.full((3, 200, 200), 20, np.uint8)
    pixels[:, 100:104, 100:104] = 250
    place = Affine(0.7, 0, x, 0, -0.7, y)
    placed = Placed(open_raster(write_scene(tmp_path / "a.tif", pixels, crs="EPSG:3857", transform=place)), MOSAIC)
    found, valid = placed.read(Window(ROW, COL, 220, 220))
    spot = np.argwhere(found[0] > 135).mean(axis=0)
    [east], [north] = transform("EPSG:3857", UTM, [x + 0.7 * 102], [y - 0.7 * 102])
    assert spot[1] + 0.5 == pytest.approx((east - LEFT) / 0.5, abs=0.6)
    assert spot[0] + 0.5 == pytest.approx((TOP - north) / 0.5, abs=0.6)
    assert valid[100:150, 100:150].all()
    placed.close()


def test_a_scene_that_counts_longitudes_beyond_180_lies_where_it_is(tmp_path: Path) -> None:
    from affine import Affine

    mosaic = MosaicGrid(CRS.from_epsg(32601), 10.0, 128)
    place = Affine(1e-4, 0, 183, 0, -1e-4, 45)  # 177 degrees west
    pixels = np.full((3, 300, 300), 20, np.uint8)
    placed = Placed(open_raster(write_scene(tmp_path / "a.tif", pixels, crs="EPSG:4326", transform=place)), mosaic)
    [x], [y] = transform("EPSG:4326", "EPSG:32601", [-176.985], [44.985])
    found, valid = placed.read(Window(round(-y / 10) - 50, round(x / 10) - 50, 100, 100))
    assert valid.all() and (found == 20).all()
    placed.close()
