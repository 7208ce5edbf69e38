"""A glance at a scene: windows spread over it, and the range of their values."""

import numpy as np

from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.raster.stretch import percentile
from smalti.tiling import Window

SIDE = 192
"""Side of the windows in pixels."""
WINDOWS = 16
_PERCENT = 1.0
"""What is left out at each end of the range of values."""
_NARROW = 95
"""Bytes from the first to the last one of a range that is narrow: images of places that `landcover` learned from have
more, but for one of 200."""


def windows_over(grid: Grid) -> list[Window]:
    """Windows spread over a scene, from top to bottom."""
    side = min(SIDE, grid.height, grid.width)
    down, across = _counts(grid.height / side, grid.width / side)
    rows = np.linspace(0, grid.height - side, down).astype(int).tolist()
    cols = np.linspace(0, grid.width - side, across).astype(int).tolist()
    return [Window(row, col, side, side) for row in rows for col in cols]


def _counts(down: float, across: float) -> tuple[int, int]:
    """Rows and columns of windows: at most `WINDOWS`, as far apart along both axes, few where they would overlap."""
    rows = min(max(1, round((WINDOWS * down / across) ** 0.5)), WINDOWS)
    cols = max(1, WINDOWS // rows)
    return min(rows, int(np.ceil(down))), min(cols, int(np.ceil(across)))


def narrow_range(reader: Reader) -> tuple[int, int] | None:
    """The first and the last value of a scene of bytes that uses few of them: it is dim, hazy or flat.

    None for all others. Of each band a percent is left out at both ends, and pixels that are black in all bands.
    """
    if reader.dtype != np.uint8:
        return None
    counts = np.zeros((len(reader.bands), 256), np.int64)
    for window in windows_over(reader.grid):
        pixels, valid = reader.read(window)
        seen = pixels[:, valid & (pixels.max(axis=0) > 0)]
        counts += [np.bincount(band, minlength=256) for band in seen]
    if not counts.any():
        return None
    low = min(percentile(band, _PERCENT) for band in counts)
    high = max(percentile(band, 100 - _PERCENT) for band in counts)
    return (int(low), int(high)) if high - low < _NARROW else None
