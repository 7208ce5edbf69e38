"""Weighted sums that resample arrays from one grid of pixels to another one of the same extent."""

from collections.abc import Iterator
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

Taps = tuple[NDArray[np.intp], NDArray[np.float32]]
"""For each pixel of an axis those of the source that it is made of, and their weights (both pixels, taps)."""


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


def squeeze(values: NDArray[Any], down: Taps, right: Taps) -> NDArray[Any]:
    """Weighted sums of (C, H, W) values along both axes, first along the one that leaves less to do."""
    if len(down[0]) > values.shape[1]:
        return _along_rows(_along_columns(values, right), down)
    return _along_columns(_along_rows(values, down), right)


def _along_rows(values: NDArray[Any], down: Taps) -> NDArray[Any]:
    return _added(values[:, index] * share[:, None] for index, share in _each(down))


def _along_columns(values: NDArray[Any], right: Taps) -> NDArray[Any]:
    return _added(values[..., index] * share for index, share in _each(right))


def _each(along: Taps) -> Iterator[Taps]:
    index, share = along
    return zip(index.T, share.T, strict=True)


def _added(parts: Iterator[NDArray[Any]]) -> NDArray[Any]:
    total = next(parts)
    for part in parts:
        total += part
    return total
