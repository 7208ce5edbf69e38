"""Square metres of pixels, and of polygons along them.

The area of a polygon is the sum of its pixels' areas: the integral over its inside of the square metres per pixel,
which are known at the nodes of a lattice and bilinear between them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles
from smalti.raster.grid import Grid
from smalti.raster.ground import Ground, ground_of, pixel_vectors
from smalti.tiling import Window

_ERROR = 1e-5
"""Tolerance for a lattice of every other node, relative; with all nodes the error is a quarter of it."""
_NODES = 513
"""Nodes along one axis, at most."""


class PixelAreas:
    """The areas of the pixels of one grid in m²."""

    def __init__(self, grid: Grid, ground: Ground) -> None:
        self._rows, self._cols, self._density = _lattice(grid, ground)
        across = np.diff(self._cols) * (self._density[:, 1:] + self._density[:, :-1]) / 2
        self._west = np.pad(np.cumsum(across, axis=1), ((0, 0), (1, 0)))
        """The area of a row of height 1 from the first column to each node."""

    @property
    def largest(self) -> float:
        """The area of the largest pixel."""
        return float(self._density.max())

    def of_window(self, window: Window) -> Doubles:
        """The area of each pixel (H, W)."""
        rows = _hat(self._rows, np.arange(window.row, window.bottom, dtype=np.float64) + 0.5)
        cols = _hat(self._cols, np.arange(window.col, window.right, dtype=np.float64) + 0.5)
        found: Doubles = rows @ self._density @ cols.T
        return found

    def of_polygons(self, polygons: NDArray[Any]) -> Doubles:
        """The area of each polygon (N), given in pixels: x = column, y = row."""
        import shapely

        if not len(polygons):
            return np.zeros(0)
        spacing = float(np.diff(self._rows).min())
        bounds = shapely.bounds(polygons)
        tall = bounds[:, 3] - bounds[:, 1] > spacing  # straight edges bend where columns are stretched
        if len(self._rows) > 2 and tall.any():
            polygons = polygons.copy()
            polygons[tall] = shapely.segmentize(polygons[tall], spacing)
        found: Doubles = shapely.area(shapely.transform(polygons, self._stretched))
        return found

    def _stretched(self, points: Doubles) -> Doubles:
        """Points (N, 2) with each column moved to the area of the row to the west of it."""
        k, along = _locate(self._cols, points[:, 0])
        i, down = _locate(self._rows, points[:, 1])
        width = self._cols[k + 1] - self._cols[k]

        def west(row: NDArray[np.intp]) -> Doubles:
            left, right = self._density[row, k], self._density[row, k + 1]
            found: Doubles = self._west[row, k] + along * width * (left + along / 2 * (right - left))
            return found

        return np.column_stack(((1 - down) * west(i) + down * west(i + 1), points[:, 1]))


def pixel_areas(grid: Grid) -> PixelAreas | None:
    """The areas of a grid's pixels, or None where `smalti.raster.ground.axes_m` is unknown."""
    ground = ground_of(grid)
    return None if ground is None else PixelAreas(grid, ground)


def _lattice(grid: Grid, ground: Ground) -> tuple[Doubles, Doubles, Doubles]:
    """Rows and columns of the nodes, and the m² per pixel there; as fine as needed."""
    counts = [5, 5]
    while True:
        axes = [_nodes(side, count) for side, count in zip((grid.height, grid.width), counts, strict=True)]
        density = _density(grid, ground, *axes)
        coarse = [_is_coarse(axes[0], density), _is_coarse(axes[1], density.T)]
        finer = [
            2 * count - 1 if bad and count < _NODES and len(nodes) == count else count
            for bad, count, nodes in zip(coarse, counts, axes, strict=True)
        ]
        if finer == counts:
            return axes[0], axes[1], density
        counts = finer


def _nodes(side: int, count: int) -> Doubles:
    """Whole pixels from 0 to `side`."""
    return np.unique(np.round(np.linspace(0, side, count)))


def _density(grid: Grid, ground: Ground, rows: Doubles, cols: Doubles) -> Doubles:
    """The m² per pixel at each node; 0 where there is no ground, as outside of a globe."""
    row, col = (axis.ravel() for axis in np.meshgrid(rows, cols, indexing="ij"))
    by_col, by_row = pixel_vectors(ground, grid, col, row)
    with np.errstate(invalid="ignore", over="ignore"):
        areas = np.linalg.norm(np.cross(by_col, by_row, axis=0), axis=0)
    return np.where(np.isfinite(areas), areas, 0.0).reshape(len(rows), len(cols))


def _is_coarse(nodes: Doubles, density: Doubles) -> bool:
    """Whether linear interpolation between its neighbours misses any other node along the first axis."""
    if len(nodes) < 5:
        return False
    left, here, right = nodes[:-2:2], nodes[1:-1:2], nodes[2::2]
    share = ((here - left) / (right - left))[:, None]
    between = density[:-2:2] * (1 - share) + density[2::2] * share
    return bool((np.abs(between - density[1:-1:2]) > _ERROR * density.max()).any())


def _locate(nodes: Doubles, at: Doubles) -> tuple[NDArray[np.intp], Doubles]:
    """The node at or before each position, and the fraction of the distance to the next one."""
    k = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, len(nodes) - 2)
    return k, (at - nodes[k]) / (nodes[k + 1] - nodes[k])


def _hat(nodes: Doubles, at: Doubles) -> Doubles:
    """The interpolation weight (len(at), len(nodes)) of each node at each position."""
    k, share = _locate(nodes, at)
    weights = np.zeros((len(at), len(nodes)))
    weights[np.arange(len(at)), k] = 1 - share
    weights[np.arange(len(at)), k + 1] = share
    return weights
