"""Vectorizes a class map strip by strip, without seams, gaps or overlaps."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.errors import RasterError, Warn
from smalti.errors import warn as issue
from smalti.polygons.areas import pixel_areas
from smalti.polygons.join import Areas, Joiner
from smalti.polygons.merge import merged
from smalti.polygons.rules import Rules
from smalti.polygons.simplify import simplified
from smalti.polygons.trace import trace
from smalti.raster.grid import Grid
from smalti.raster.ground import pixel_size_m, why_no_metres
from smalti.tiling import Window, strips

STRIP_PIXELS = 1 << 22
"""Pixels traced at once; memory grows with them and with the areas that are still open, not with the scene."""
TOLERANCE = 2.0
"""Pixels: enough to straighten most pixel stairs; a house of 3 x 3 pixels keeps its corners."""

ReadClasses = Callable[[Window], NDArray[np.uint8]]
Strips = Iterator[NDArray[np.uint8]]


def polygons(
    read_classes: ReadClasses,
    grid: Grid,
    task: Task,
    out_path: str | Path,
    *,
    min_area_m2: float = 0.0,
    simplify_m: float | None = None,
    layer: str | None = None,
    strip_pixels: int = STRIP_PIXELS,
    warn: Warn = issue,
) -> int:
    """Writes the areas of each class as polygons; returns their number.

    The polygons cover exactly the pixels that have a class. Borders between two polygons are simplified for both
    together (coverage simplification). Attributes: class, class_id, area_m2 (null where the grid has no metres).

    Args:
        read_classes: returns the class ids (H, W), uint8, of a window inside the grid.
        grid: of the class map.
        task: its classes; `task.ignore` and other ids without a label get no polygon.
        out_path: the ending gives the format: .gpkg, .parquet, .geojson or .fgb.
        min_area_m2: smaller areas are merged into a neighbour (see `polygons.merge`), unless all around is no data.
        simplify_m: tolerance in metres; None is 2 pixels, 0 for no simplification.
        layer: name of the layer; None is the task's name.
        strip_pixels: pixels traced at once.
        warn: called with warnings.

    Raises:
        RasterError: metres are requested and the grid has none.
        OutputError: the file cannot be written.
        MissingExtraError: .parquet without pyarrow.
    """
    from smalti.polygons.file import VectorFile

    check_metres(grid, min_area_m2, simplify_m)
    rules = Rules(len(task.labels), _tolerance(grid, simplify_m), min_area_m2, pixel_areas(grid))
    with VectorFile(Path(out_path), grid, layer or task.name, warn) as file:
        for areas in complete_areas(_strips(read_classes, grid, strip_pixels), rules):
            file.add(areas.polygons, areas.classes, task.labels, rules.measure(areas.polygons))
        file.commit()
        return file.count


def check_metres(grid: Grid, min_area_m2: float = 0.0, simplify_m: float | None = None) -> None:
    """RasterError where metres are requested and the grid has none; reads no pixel."""
    if not (min_area_m2 or simplify_m) or pixel_size_m(grid) is not None:
        return
    what = "there is no smallest area in square metres" if min_area_m2 else "borders cannot be simplified by metres"
    raise RasterError(f"{what} for this map: {why_no_metres(grid)}; omit it")


def _tolerance(grid: Grid, simplify_m: float | None) -> float:
    """The tolerance in pixels."""
    if simplify_m is None:
        return TOLERANCE
    return simplify_m / (pixel_size_m(grid) or 1.0)


def _strips(read: ReadClasses, grid: Grid, strip_pixels: int) -> Strips:
    height = max(1, strip_pixels // grid.width)
    return (read(window) for window in strips(grid.height, grid.width, height))


def complete_areas(strips: Strips, rules: Rules) -> Iterator[Areas]:
    """The areas of strips of classes (H, W) from top to bottom, as soon as they are complete."""
    if rules.least_m2 and rules.ground is not None:
        strips = merged(strips, rules.labels, rules.least_m2, rules.ground)
    joiner, row = Joiner(rules), 0
    for above, strip, below in _with_neighbours(strips):
        pieces = trace(strip, above, below)
        yield joiner.add(pieces, simplified(pieces, row, rules), row)
        row += len(strip)
    yield joiner.finish()


def _with_neighbours(
    strips: Strips,
) -> Iterator[tuple[NDArray[np.uint8] | None, NDArray[np.uint8], NDArray[np.uint8] | None]]:
    """Each strip between the row above it and the row below it."""
    above, strip = None, next(strips)
    for following in strips:
        yield above, strip, following[0]
        above, strip = strip[-1], following
    yield above, strip, None
