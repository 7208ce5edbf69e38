"""Which pixels of a map do not count where others lie.

A valid pixel counts unless a later map has a valid pixel at its centre. A pixel without data counts, as such, unless
any other map has a valid one there, or a later map has one at all.
"""

from collections import OrderedDict
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from smalti.arrays import Doubles, Mask
from smalti.raster.grid import Grid
from smalti.raster.place import apply, near_to, project
from smalti.raster.read import FileReader
from smalti.tiling import Window
from smalti.zones.maps import MapFile, open_map

_OPEN = 16
"""Other maps that are open at once."""
_SPARSE = 17
"""Places along each side of a window by which it is found to lie beside another map."""
_WIDER = 0.2
"""How much more, as a share, the window may reach than these places tell."""


class Overlaps:
    """The overlaps of many maps."""

    def __init__(self, maps: Sequence[MapFile]) -> None:
        import shapely

        self._maps = maps
        boxes = [(k, each.extent.box(shift)) for k, each in enumerate(maps) if each.extent for shift in _shifts(each)]
        self._of = np.array([k for k, _ in boxes], int)
        self._tree = shapely.STRtree([box for _, box in boxes])
        self._anywhere = [k for k, each in enumerate(maps) if each.extent is None]

    def hidden(self, number: int) -> "Hidden":
        """What other maps hide of one."""
        own = self._maps[number]
        if own.extent is None:
            near: Any = range(len(self._maps))
        else:
            near = {*self._of[self._tree.query(own.extent.box(0.0))].tolist(), *self._anywhere}
        others = [(self._maps[k], k > number) for k in sorted(near) if k != number]
        return Hidden(own.grid, others)


def _shifts(each: MapFile) -> tuple[float, ...]:
    return each.extent.shifts() if each.extent else ()


class Hidden:
    """What other maps hide of one map."""

    def __init__(self, grid: Grid, others: Sequence[tuple[MapFile, bool]]) -> None:
        """`others` are the maps that may touch it, each with whether it is a later one."""
        self._grid, self._others = grid, others
        self._open: OrderedDict[str, FileReader] = OrderedDict()

    def mask(self, window: Window, valid: Mask) -> Mask | None:
        """Where pixels (H, W) of a window, valid or not, do not count; None for nowhere."""
        found: Mask | None = None
        for other, later in self._others:
            if (later or not valid.all()) and self._may_touch(window, other.grid):
                cols, rows = self._there(_places(window, window.height, window.width), other.grid).T
                here, theirs = (each.reshape(valid.shape) for each in self._valid(other, cols, rows))
                hides = theirs | (here & ~valid) if later else theirs & ~valid
                found = hides if found is None else found | hides
        return found

    def _may_touch(self, window: Window, other: Grid) -> bool:
        there = self._there(_places(window, _SPARSE, _SPARSE), other)
        there = there[np.isfinite(there).all(axis=1)]
        if not len(there):
            return False
        low, high = there.min(axis=0), there.max(axis=0)
        wider = (high - low) * _WIDER + 1
        return bool((low - wider < (other.width, other.height)).all() and (high + wider > 0).all())

    def _there(self, pixels: Doubles, other: Grid) -> Doubles:
        """Places (N, 2: column, row) of this map on another one."""
        points = apply(self._grid.transform, pixels)
        if self._grid.crs is not None and other.crs is not None and self._grid.crs != other.crs:
            points = project(points, self._grid.crs.to_wkt(), other.crs.to_wkt())
        return apply(~other.transform, near_to(other, points))

    def _valid(self, other: MapFile, cols: Doubles, rows: Doubles) -> tuple[Mask, Mask]:
        """Whether another map has a pixel, and a valid one, at places (N)."""
        here = (cols >= 0) & (rows >= 0) & (cols < other.grid.width) & (rows < other.grid.height)  # NaN is not
        theirs = np.zeros(len(cols), bool)
        if here.any():
            col, row = np.floor(cols[here]).astype(int), np.floor(rows[here]).astype(int)
            top, left = int(row.min()), int(col.min())
            box = Window(top, left, int(row.max()) - top + 1, int(col.max()) - left + 1)
            _, valid = self._reader(other.path).read(box)
            theirs[here] = valid[row - top, col - left]
        return here, theirs

    def _reader(self, path: str) -> FileReader:
        if path not in self._open:
            self._open[path] = open_map(path)
            if len(self._open) > _OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(path)
        return self._open[path]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for reader in self._open.values():
            reader.close()


def _places(window: Window, down: int, across: int) -> Doubles:
    """Places (down * across, 2: column, row) spread evenly over a window: the centres of as many parts."""
    row = window.row + (np.arange(down) + 0.5) * window.height / down
    col = window.col + (np.arange(across) + 0.5) * window.width / across
    cols, rows = np.meshgrid(col, row)
    return np.column_stack((cols.ravel(), rows.ravel()))
