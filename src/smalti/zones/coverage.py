"""The exact fraction of each pixel that a polygon covers.

Each edge adds the area to the right of it, signed by its direction, to the pixels of its rows; edges of a closed ring
cancel outside of it. So no pixel is subdivided, and holes and parts need no treatment of their own. It is the method of
anti-aliased fonts in float64; `exactextract` gives the same fractions.
"""

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles
from smalti.tiling import Window

SNAP = 1e-9
"""A fraction so close to 0 or 1 is 0 or 1: coordinates of polygons are not more exact than that."""


def coverage(edges: Doubles, window: Window) -> Doubles:
    """The covered fraction (H, W) of each pixel of a window.

    Args:
        edges: (N, 4) x, y, x, y in pixels (x = column, y = row) of all rings of a polygon that reach into the rows of
            the window, also of those left of it. Seen with y upwards, outlines run clockwise, and holes
            counterclockwise.
        window: of the map.
    """
    shift = np.array((window.col, window.row, window.col, window.row))
    rows, lo, hi, rise = _by_row(edges - shift, window.height)
    left, inside = _beside(lo, hi, window.width)
    size = window.width + 1
    found = np.zeros(window.height * size)
    found += np.bincount(rows * size, rise * left, len(found))
    at, low, high, part = _by_column(rows, lo, hi, rise * inside, window.width)
    middle = (low + high) / 2 - np.floor(low)
    cell = at * size + np.floor(low).astype(np.intp)
    found += np.bincount(cell, part * (1 - middle), len(found))
    found += np.bincount(cell + 1, part * middle, len(found))
    fractions: Doubles = np.cumsum(found.reshape(window.height, size), axis=1)[:, :-1].clip(0, 1)
    fractions[fractions < SNAP] = 0
    fractions[fractions > 1 - SNAP] = 1
    return fractions


def _by_row(edges: Doubles, height: int) -> tuple[NDArray[np.intp], Doubles, Doubles, Doubles]:
    """The edges cut at each row: row, smallest and largest x there, and how far y rises, signed."""
    up = edges[:, 1] > edges[:, 3]
    x, y, x_end, y_end = np.where(up[:, None], edges[:, [2, 3, 0, 1]], edges).T  # each from top to bottom
    level = y == y_end
    slope = np.divide(x_end - x, y_end - y, out=np.zeros(len(x)), where=~level)
    first = np.floor(y.clip(0, height)).astype(np.intp)
    count = np.ceil(y_end.clip(0, height)).astype(np.intp) - first
    of, row = _repeated(np.where(level, 0, count), first)
    top, bottom = np.maximum(y[of], row), np.minimum(y_end[of], row + 1)
    least, most = np.minimum(x, x_end)[of], np.maximum(x, x_end)[of]
    one, other = (np.clip(x[of] + (at - y[of]) * slope[of], least, most) for at in (top, bottom))
    rise = (bottom - top) * np.where(up, -1, 1)[of]
    return row, np.minimum(one, other), np.maximum(one, other), rise


def _beside(lo: Doubles, hi: Doubles, width: int) -> tuple[Doubles, Doubles]:
    """How much of each piece lies left of the window, and how much in its columns; the rest is right of it."""
    span = hi - lo
    upright = span == 0
    safe = np.where(upright, 1, span)
    left = np.where(upright, lo < 0, (-lo / safe).clip(0, 1))
    right = np.where(upright, lo >= width, ((hi - width) / safe).clip(0, 1))
    return left, (1 - left - right).clip(0, 1)


def _by_column(
    rows: NDArray[np.intp], lo: Doubles, hi: Doubles, rise: Doubles, width: int
) -> tuple[NDArray[np.intp], Doubles, Doubles, Doubles]:
    """The pieces in the window cut at each column: row, smallest and largest x, and how far y rises, signed."""
    keep = (rise != 0) & (hi >= 0) & (lo < width)
    rows, lo, hi, rise = rows[keep], lo[keep].clip(0, width), hi[keep].clip(0, width), rise[keep]
    first = np.floor(lo).astype(np.intp)
    count = np.maximum(np.ceil(hi).astype(np.intp) - first, 1)
    of, col = _repeated(count, first)
    low, high = np.maximum(lo[of], col), np.minimum(hi[of], col + 1)
    span = (hi - lo)[of]
    share = np.divide(high - low, span, out=np.ones(len(of)), where=span > 0)
    return rows[of], low, high, rise[of] * share


def _repeated(count: NDArray[np.intp], first: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Each index as often as its count says, and with it the numbers from its first one on."""
    of = np.repeat(np.arange(len(count)), count)
    begin = np.cumsum(count) - count
    return of, np.arange(len(of)) - begin[of] + first[of]
