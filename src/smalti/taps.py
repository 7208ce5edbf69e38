"""Weighted sums that resample arrays from one grid of pixels to another one of the same extent."""

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

Taps = tuple[NDArray[np.intp], NDArray[np.float32]]
"""For each pixel of an axis those of the source that it is made of, and their weights (both pixels, taps)."""

_BLOCK = 1 << 16
"""Values that are summed at once: so few stay in the processor's cache, and in memory that is at hand already."""


def taps(begin: int, count: int, by: float, size: int) -> Taps:
    """Of `count` pixels from `begin`, each `by` pixels of the source wide, on an axis of `size` of these.

    A larger pixel is the mean of what it covers, a smaller one is interpolated between two.
    """
    pixels = np.arange(begin, begin + count)[:, None]
    if by > 1:  # what each covers
        low, high = pixels * by, (pixels + 1) * by
        index = np.floor(low).astype(np.intp) + np.arange(ceil(by) + 1)
        share = np.clip(np.minimum(high, index + 1) - np.maximum(low, index), 0, None) / by
    else:  # the nearer of two, the more
        centre = (pixels + 0.5) * by - 0.5
        index = np.floor(centre).astype(np.intp) + np.arange(2)
        share = 1 - np.abs(centre - index)
    return np.clip(index, 0, size - 1), share.astype(np.float32)


def squeeze(
    values: NDArray[Any], down: Taps, right: Taps, kind: type[np.floating] = np.float32
) -> NDArray[np.floating]:
    """Weighted sums of (C, H, W) values along both axes, as `kind`, first along the one that leaves less to do."""
    index, share = down
    channels, height, width = values.shape
    columns_first = len(index) > height
    found = np.empty((channels, len(index), len(right[0])), kind)
    step = max(1, _BLOCK // (channels * max(width, len(right[0]))))
    for row in range(0, len(index), step):
        rows = slice(row, row + step)
        top, bottom = int(index[rows].min()), int(index[rows].max()) + 1
        block, here = values[:, top:bottom].astype(kind), (index[rows] - top, share[rows])
        if columns_first:
            found[:, rows] = _along_rows(_along_columns(block, right), here)
        else:
            found[:, rows] = _along_columns(_along_rows(block, here), right)
    return found


def _along_rows(values: NDArray[Any], down: Taps) -> NDArray[Any]:
    return _added(values, down[0], down[1][..., None], axis=1)


def _along_columns(values: NDArray[Any], right: Taps) -> NDArray[Any]:
    return _added(values, *right, axis=2)


def _added(values: NDArray[Any], index: NDArray[np.intp], share: NDArray[np.float32], axis: int) -> NDArray[Any]:
    """The sum over taps of what they take from an axis; shares can be multiplied with that."""
    total = values.take(index[:, 0], axis)
    total *= share[:, 0]
    part = np.empty_like(total)
    for k in range(1, index.shape[1]):
        values.take(index[:, k], axis, out=part, mode="clip")  # other modes copy `part`
        part *= share[:, k]
        total += part
    return total
