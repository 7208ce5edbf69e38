"""The grid of a scene, and of a job's map in it."""

from affine import Affine
from rasterio.crs import CRS

from smalti.app.schemas import Scene
from smalti.raster.grid import Grid
from smalti.tiling import Window


def scene_grid(scene: Scene) -> Grid:
    """The grid of a registered scene."""
    crs = CRS.from_wkt(scene.crs.wkt) if scene.crs else None
    return Grid(scene.height, scene.width, Affine(*scene.transform), crs)


def window_of(numbers: list[int]) -> Window:
    """The window of column, row, width, height."""
    col, row, width, height = numbers
    return Window(row, col, height, width)
