"""Two maps of one place compared: which class became which, as a layer and as a table."""

import numpy as np
from numpy.typing import NDArray

from smalti.app.folders import Folders
from smalti.app.jobs.layers import MAP, read_layers
from smalti.app.jobs.table import Stored
from smalti.app.problems import ProblemError
from smalti.card import Task
from smalti.files import beside, guarded
from smalti.lock import hold
from smalti.mapping.spool import begin_spool
from smalti.products import Product
from smalti.raster.grid import Grid
from smalti.raster.mark import state
from smalti.raster.palette import task_colors
from smalti.raster.place import find_spot
from smalti.raster.read import open_raster
from smalti.raster.upright import Turn
from smalti.raster.write import write_raster
from smalti.tiling import Window
from smalti.workflows.progress import Meter, Show

CHANGE = "change"
_BECAME = " → "
_MOST = 254
"""Pairs of classes that a byte can name beside no data."""


def change_task(before: Task, after: Task) -> Task:
    """The classes of a change layer: every pair, in the order of the classes before; ProblemError for too many."""
    if len(before.labels) * len(after.labels) > _MOST:
        raise ProblemError(422, f"{len(before.labels)} x {len(after.labels)} classes are too many to compare")
    labels = tuple(f"{one}{_BECAME}{other}" for one in before.labels for other in after.labels)
    return Task(name=CHANGE, labels=labels, colors=task_colors(after) * len(before.labels))


def _product(task: Task) -> Product:
    """The change layer, shown without what stayed the same."""
    same = (k for k, label in enumerate(task.labels) if len(set(label.split(_BECAME, 1))) == 1)
    return Product(task, "classes", tuple(same))


def place_of(before: Grid, after: Grid) -> tuple[int, int]:
    """Row and column of the later map's first pixel in the earlier one; ProblemError where pixels do not coincide."""
    if before.georeferenced != after.georeferenced:
        raise ProblemError(422, "only one of the maps has a georeference; compare maps of one scene")
    if not before.georeferenced:
        if (before.height, before.width) != (after.height, after.width):
            raise ProblemError(422, "the maps have no georeference and another size; compare maps of one scene")
        return 0, 0
    spot = find_spot(after, before)
    if spot is None or spot.turn != Turn():
        raise ProblemError(422, "the pixels of the maps do not coincide; bring the scenes onto one grid: gdalwarp -tap")
    return spot.row, spot.col


def shared_window(before: Grid, after: Grid) -> Window:
    """What both maps cover, in pixels of the earlier one; ProblemError for nothing."""
    row, col = place_of(before, after)
    shared = Window(0, 0, before.height, before.width).intersect(Window(row, col, after.height, after.width))
    if shared is None:
        raise ProblemError(422, "the maps have no pixel in common; compare maps of one place")
    return shared


def compare(job: Stored, folders: Folders, report: Show) -> None:
    """Writes the change layer of two finished maps."""
    (layer,) = read_layers(job.spec)
    output = folders.job(job.id) / MAP
    old, new = (folders.job(job.spec[name]) / MAP for name in ("before", "after"))
    count = job.spec["after_classes"]
    with hold(output), open_raster(old, expand=False) as before, open_raster(new, expand=False) as after:
        if state(output, "") != "missing":
            return
        shared = shared_window(before.grid, after.grid)
        row, col = place_of(before.grid, after.grid)
        grid = before.grid.crop(shared)
        meter = Meter(report, CHANGE, grid.height * grid.width, "Pix")

        def rows(begin: int, end: int) -> NDArray[np.uint8]:
            window = Window(shared.row + begin, shared.col, end - begin, shared.width)
            first, seen = before.read(window)
            second, also = after.read(window.shift(-row, -col))
            pair = first[0].astype(np.uint16) * count + second[0]
            return np.where(seen & also, pair, layer.product.nodata).astype(np.uint8)[None]

        def counted(begin: int, end: int) -> NDArray[np.uint8]:
            meter((end - begin) * grid.width / 2)  # each row is read twice: written, and compared
            return rows(begin, end)

        scratch = beside(output, "partial")
        with guarded(output):
            scratch.mkdir(exist_ok=True)
            begin_spool(scratch)
        write_raster(output, grid, product=_product(layer.product.task), rows=counted, scratch=scratch)
        for left in scratch.iterdir():
            left.unlink()
        scratch.rmdir()
