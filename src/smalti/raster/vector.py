"""A class map becomes polygons: strip by strip, without seams, gaps or overlaps."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.errors import RasterError
from smalti.raster.areas import pixel_areas
from smalti.raster.grid import Grid
from smalti.raster.ground import pixel_size_m, why_no_metres
from smalti.raster.join import Areas, Joiner
from smalti.raster.trace import trace
from smalti.tiling import Window

STRIP_PIXELS = 1 << 22
"""Pixels traced together; memory grows with them and with the areas that are still open, not with the scene."""
TOLERANCE = 2.0
"""Pixels: enough to turn most stairs of pixels into straight lines; a house of 3 x 3 pixels keeps its corners."""
_HALO = 256  # rows beyond a strip that small areas are looked at in

Read = Callable[[Window], NDArray[np.uint8]]


def polygons(
    read_classes: Read,
    grid: Grid,
    task: Task,
    out_path: str | Path,
    min_area_m2: float = 0.0,
    simplify_m: float | None = None,
    layer: str | None = None,
    strip_pixels: int = STRIP_PIXELS,
) -> int:
    """Writes the areas of each class as polygons and answers how many.

    `read_classes` gives the class ids (H, W) of a window inside the grid; `task.ignore` and other ids without a label
    get no polygon. The ending of `out_path` tells the format: .gpkg, .parquet, .geojson or .fgb. Attributes: class,
    class_id, area_m2 (null without a CRS).

    Areas below `min_area_m2` become part of their largest neighbour, so that no gap arises; an island amid no data
    is left out. Borders are simplified together with both their neighbours (coverage simplification; tolerance
    `simplify_m`, by default 2 pixels, 0 for none). Raises RasterError where metres are asked for and the grid has
    no CRS, OutputError where the file cannot be written, MissingExtraError for .parquet without pyarrow.
    """
    from smalti.raster.vector_file import VectorFile

    tolerance = _tolerance(grid, simplify_m)
    least = _least_pixels(grid, min_area_m2)
    joiner = Joiner(tolerance)
    ground = pixel_areas(grid)
    with VectorFile(Path(out_path), grid, layer or task.name) as file:

        def write(areas: Areas) -> None:
            keep = (areas.classes < len(task.labels)) & (areas.pixels >= least)
            shapes = areas.polygons[keep]
            square_m = np.full(len(shapes), np.nan) if ground is None else ground.of_polygons(shapes)
            file.add(shapes, areas.classes[keep], task.labels, square_m)

        for row, above, strip, below in _strips(read_classes, grid, task, least, strip_pixels):
            pieces = trace(strip, above, below)
            write(joiner.add(pieces, _simplified(pieces.polygons, row, tolerance), row))
        write(joiner.finish())
        file.commit()
        return file.count


def _tolerance(grid: Grid, simplify_m: float | None) -> float:
    """The tolerance in pixels."""
    if simplify_m is None or simplify_m == 0:
        return TOLERANCE if simplify_m is None else 0.0
    size = pixel_size_m(grid)
    if size is None:
        raise RasterError(f"borders cannot be simplified by metres: {why_no_metres(grid)}; leave the tolerance out")
    return simplify_m / size


def _least_pixels(grid: Grid, min_area_m2: float) -> int:
    """The pixels of the smallest area to keep."""
    if not min_area_m2:
        return 0
    size = pixel_size_m(grid)
    if size is None:
        raise RasterError(f"a smallest area in square metres has no meaning: {why_no_metres(grid)}; leave it out")
    return int(np.ceil(min_area_m2 / size**2 - 1e-6))


def _strips(
    read: Read, grid: Grid, task: Task, least: int, strip_pixels: int
) -> Iterator[tuple[int, NDArray[np.uint8] | None, NDArray[np.uint8], NDArray[np.uint8] | None]]:
    """First row, the row of classes above, the strip, and the row below."""
    height = max(1, strip_pixels // grid.width)
    above, row, strip = None, 0, _strip(read, grid, task, least, 0, height)
    while True:
        after = row + len(strip)
        following = _strip(read, grid, task, least, after, height) if after < grid.height else None
        yield row, above, strip, None if following is None else following[0]
        if following is None:
            return
        above, row, strip = strip[-1], after, following


def _strip(read: Read, grid: Grid, task: Task, least: int, row: int, height: int) -> NDArray[np.uint8]:
    """The rows of classes from `row`, small areas given to their largest neighbour."""
    if least <= 1:
        return read(Window(row, 0, min(height, grid.height - row), grid.width))
    from rasterio.features import sieve

    halo = min(least, _HALO)  # an area of n pixels is n rows high at most
    top, bottom = max(0, row - halo), min(grid.height, row + height + halo)
    classes = read(Window(top, 0, bottom - top, grid.width))
    valid = classes < len(task.labels)
    merged: NDArray[np.uint8] = np.where(valid, sieve(classes, least, mask=valid, connectivity=4), classes)
    return merged[row - top :][:height]


def _simplified(found: NDArray[Any], row: int, tolerance: float) -> NDArray[Any]:
    """The polygons of a strip simplified together, its outer border left as it is, in pixels of the scene."""
    import shapely

    if tolerance:
        found = shapely.coverage_simplify(found, tolerance, simplify_boundary=False)
    if row:
        found = shapely.transform(found, lambda points: points + np.array((0, row)))
    return found
