from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp

from smalti.card import Task
from smalti.errors import OutputError
from smalti.products import Product
from smalti.raster.grid import Grid
from smalti.raster.write import Rows, made_by, write_raster

GRID = Grid(700, 90, Affine(0.3, 0, 500000, 0, -0.3, 5000000), CRS.from_epsg(32633))
COVER = Task(name="cover", labels=("land & sand", "water"), colors=((10, 20, 30), (40, 50, 60)))


def rows_of(pixels: np.ndarray[Any, Any]) -> Rows:
    return lambda begin, end: pixels[:, begin:end]


def pixels_of(product: Product, grid: Grid) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 2, (len(product.bands), grid.height, grid.width)).astype(product.dtype)


@pytest.mark.parametrize("cog", [False, True])
def test_a_class_map_has_its_place_colours_and_names(tmp_path: Path, cog: bool) -> None:
    product, path = Product(COVER, "classes"), tmp_path / "map.tif"
    pixels = pixels_of(product, GRID)
    pixels[:, :3] = 255
    write_raster(path, GRID, product, rows_of(pixels), tmp_path, cog, "job 1")
    with rasterio.open(path) as file:
        assert (file.crs, file.transform, file.nodata) == (GRID.crs, GRID.transform, 255)
        assert file.colorinterp == (ColorInterp.palette,)
        assert file.colormap(1)[1] == (40, 50, 60, 255)
        assert file.tags(1) == {"CLASS_0": "land & sand", "CLASS_1": "water"}
        assert file.descriptions == ("cover",)
        assert file.profile["tiled"]
        assert file.compression.name == "deflate"
        assert (file.read() == pixels).all()
        assert bool(file.overviews(1)) == cog
        assert file.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == ("COG" if cog else None)
    assert "<Category>land &amp; sand</Category>" in path.with_name("map.tif.aux.xml").read_text()
    assert made_by(path) == "job 1"
    assert {p.name for p in tmp_path.iterdir()} == {"map.tif", "map.tif.aux.xml"}


def test_probabilities_declare_their_scale(tmp_path: Path) -> None:
    product, path = Product(COVER, "probabilities"), tmp_path / "p.tif"
    write_raster(path, GRID, product, rows_of(pixels_of(product, GRID)), tmp_path)
    with rasterio.open(path) as file:
        assert file.scales == (1 / 250, 1 / 250)
        assert file.descriptions == COVER.labels
        assert file.nodata == 255


@pytest.mark.parametrize("cog", [False, True])
def test_values_without_a_place(tmp_path: Path, cog: bool) -> None:
    product, path = Product(Task(name="height", kind="value", unit="m"), "values"), tmp_path / "height.tif"
    grid = Grid(1, 1)
    pixels = np.full((1, 1, 1), np.nan, np.float32)
    write_raster(path, grid, product, rows_of(pixels), tmp_path, cog)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(path) as file:
        assert (file.units, file.dtypes, file.crs) == (("m",), ("float32",), None)
        assert np.isnan(file.nodata)
        assert np.isnan(file.read()).all()


def test_what_does_not_read_back_is_not_published(tmp_path: Path) -> None:
    product, path = Product(COVER, "classes"), tmp_path / "map.tif"
    rng = np.random.default_rng(0)

    def changing(begin: int, end: int) -> np.ndarray[Any, Any]:
        return rng.integers(0, 2, (1, end - begin, GRID.width), np.uint8)

    with pytest.raises(OutputError, match=r"map\.tif: cannot be written, perhaps the disk is full: rows 0 to 512"):
        write_raster(path, GRID, product, changing, tmp_path)
    assert not path.exists()


def test_a_raster_that_is_not_there_was_made_by_nothing(tmp_path: Path) -> None:
    assert made_by(tmp_path / "map.tif") == ""
