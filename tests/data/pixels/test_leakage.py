from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from smalti.data.pixels.leakage import check_apart, footprint
from smalti.errors import DataError
from smalti.raster.grid import Grid
from smalti.training.kinds.pixels.prepare import open_split
from smalti.training.recipe import read_recipe
from tests.training.tiny import write_tiny

UTM = CRS.from_epsg(32633)
PARTS = ("training", "validation")


def grid_at(x: float, y: float, side: int = 100, crs: CRS = UTM) -> Grid:
    return Grid(side, side, Affine(0.5, 0, x, 0, -0.5, y), crs)


def check(first: Grid, second: Grid) -> None:
    check_apart([(Path("one.tif"), first)], [(Path("two.tif"), second)], PARTS)


@pytest.mark.parametrize(("x", "y", "share"), [(5e5, 5e6, "100%"), (500025, 5e6, "50%"), (500045, 5000045, "1%")])
def test_common_ground_is_refused(x: float, y: float, share: str) -> None:
    with pytest.raises(
        DataError, match=rf"one\.tif \(training\) and two\.tif \(validation\) .* {share} of the smaller"
    ):
        check(grid_at(5e5, 5e6), grid_at(x, y))


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("x", "share"), [(500100, "100%"), (499999.5, "50%")])
def test_ground_is_a_share_of_the_smaller_image(x: float, share: str, swapped: bool) -> None:
    large, small = grid_at(5e5, 5e6, side=2000), grid_at(x, 5e6 - 100, side=2)
    with pytest.raises(DataError, match=f"same ground: {share} of the smaller one"):
        check(*((small, large) if swapped else (large, small)))


def test_a_sliver_by_rounding_is_no_common_ground() -> None:
    check(grid_at(5e5, 5e6), grid_at(5e5 + 50 - 0.02, 5e6))  # 0.4 of a thousandth of 50 m
    with pytest.raises(DataError, match="same ground: 0%"):
        check(grid_at(5e5, 5e6), grid_at(5e5 + 50 - 0.2, 5e6))


@pytest.mark.parametrize(("x", "y"), [(500050, 5e6), (5e5, 4999950), (6e5, 5e6)])
def test_neighbours_are_apart(x: float, y: float) -> None:
    check(grid_at(5e5, 5e6), grid_at(x, y))


def test_common_ground_is_seen_through_another_projection() -> None:
    other = CRS.from_epsg(32632)
    (x,), (y,) = transform(UTM, other, [5e5], [5e6])
    with pytest.raises(DataError, match="same ground"):
        check(grid_at(5e5, 5e6), grid_at(x, y, crs=other))
    check(grid_at(5e5, 5e6), grid_at(5e5, 5e6, crs=other))  # the same numbers, six degrees away


LOCAL = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]')


def test_images_of_a_building_site_are_compared_among_themselves() -> None:
    with pytest.raises(DataError, match="50% of the smaller"):
        check(grid_at(0, 0, crs=LOCAL), grid_at(25, 0, crs=LOCAL))
    check(grid_at(0, 0, crs=LOCAL), grid_at(50, 0, crs=LOCAL))
    check(grid_at(5e5, 5e6), grid_at(5e5, 5e6, crs=LOCAL))


def test_a_thousandth_in_common_is_still_rounding() -> None:
    def line(x: float) -> Grid:
        return Grid(1, 1000, Affine(1, 0, x, 0, -1, 0), LOCAL)

    check(line(0), line(999))
    with pytest.raises(DataError, match="same ground"):
        check(line(0), line(998))


def test_an_image_that_reaches_beyond_the_earth_has_no_footprint() -> None:
    seen_from_space = CRS.from_proj4("+proj=ortho +lat_0=0 +lon_0=0 +datum=WGS84")
    inside, beyond = (Grid(10, 10, Affine(size, 0, 0, 0, -size, 0), seen_from_space) for size in (4e5, 7e5))
    assert footprint(inside) is not None and footprint(beyond) is None


def test_images_without_a_place_are_told_apart_by_their_file() -> None:
    check(Grid(9, 9), Grid(9, 9))
    with pytest.raises(DataError, match=r"one\.tif is among the images for training and for validation \(1 in all\)"):
        check_apart([(Path("one.tif"), Grid(9, 9))], [(Path("./one.tif"), Grid(9, 9))], PARTS)


def write_town(folder: Path, x: float) -> None:
    for kind, bands in (("images", 3), ("masks", 1)):
        (folder / kind).mkdir(parents=True)
        profile = {"driver": "GTiff", "height": 40, "width": 40, "count": bands, "dtype": "uint8", "crs": UTM}
        with rasterio.open(folder / kind / "a.tif", "w", transform=Affine(1, 0, x, 0, -1, 5e6), **profile) as file:
            file.write(np.ones((bands, 40, 40), np.uint8))


def test_a_recipe_whose_parts_overlap_is_refused(tmp_path: Path) -> None:
    path = write_tiny(tmp_path)
    write_town(tmp_path / "west", 5e5)
    write_town(tmp_path / "east", 5e5 + 30)
    recipe = read_recipe(path, ['data.train.0.path=["west"]', 'data.validation.0.path=["east"]'])
    with pytest.raises(DataError, match=r"west.*\(training\) and .*east.*\(validation\) show the same ground: 25%"):
        open_split(recipe, recipe.make_card(""))
