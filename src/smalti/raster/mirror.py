"""Mirror padding: which pixel of the image fills each pixel beyond its border."""

import numpy as np
from numpy.typing import NDArray

from smalti.tiling import Window


def mirrored(start: int, length: int, size: int) -> NDArray[np.intp]:
    """Indices into an axis of `size` pixels for `length` pixels from `start`, mirrored at both borders.

    The border pixel itself is not repeated (2 1 | 0 1 2 | 1 0); the mirroring repeats as often as needed, and an
    axis of one pixel gives that pixel everywhere.
    """
    if size == 1:
        return np.zeros(length, np.intp)
    period = 2 * (size - 1)
    index = np.arange(start, start + length) % period
    return np.minimum(index, period - index)


def inside(window: Window, height: int, width: int) -> bool:
    """Whether the window lies wholly within an image of that size."""
    return window.row >= 0 and window.col >= 0 and window.bottom <= height and window.right <= width


def source(window: Window, height: int, width: int) -> tuple[Window, NDArray[np.intp], NDArray[np.intp]]:
    """The window inside the image that holds every mirrored pixel, and the rows and columns to take from it."""
    rows = mirrored(window.row, window.height, height)
    cols = mirrored(window.col, window.width, width)
    top, left = int(rows.min()), int(cols.min())
    cut = Window(top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)
    return cut, rows - top, cols - left
