"""Probabilities on a coarse grid, enlarged to a map: by bilinear interpolation, as a network's last upsampling does.

Pixels are areas: with a factor of 4 the middles of four pixels of the map lie at 1/8, 3/8, 5/8 and 7/8 of the way from
the middle of one coarse pixel to that of the next. What lies between four neighbouring coarse pixels is a cell. Where
all four have the same best class, so has each pixel of the cell, as a mean of them: of most cells, only the class is
repeated.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats, Mask
from smalti.products import best_class
from smalti.regrid import Axis, Carry, Held
from smalti.tiling import Window

FACTORS = (2, 4, 8)
"""Pixels of a map along a side of a coarse pixel."""
_UNSURE = np.uint8(255)
"""In place of a class: its lead is so small that rounding could end it. No class has this id."""
_LEAD = np.float32(1e-6)
"""The least lead of a class that interpolation cannot end: eight times the rounding of three products and sums."""
_WHOLE = np.float32(0.999)
"""A sum of probabilities that is 1 but for rounding, which is left as it is: whether a window has gaps elsewhere must
not change the last bit of a pixel."""
_AT_ONCE = 1 << 13
"""Cells that are interpolated at once, so that they stay in the processor's cache."""
_MASK = "mask"


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of some pixels of a map, along one axis."""

    begin: int
    """The first one: cell k lies between the coarse pixels k - 1 and k, of which the ones beyond a border are those at
    the border."""
    count: int
    cut: slice
    """The pixels, of those of all these cells."""

    @classmethod
    def of(cls, begin: int, end: int, factor: int) -> "_Cells":
        """Those of the pixels from `begin` to `end`."""
        half = factor // 2
        first, last = (begin + half) // factor, (end - 1 + half) // factor
        start = begin + half - first * factor
        return cls(first, last - first + 1, slice(start, start + end - begin))

    def corners(self, top: int, size: int) -> NDArray[np.intp]:
        """The coarse pixels around the cells, of an axis of `size` of them, counted from `top`."""
        return np.clip(np.arange(self.begin - 1, self.begin + self.count), 0, size - 1) - top


class Enlarged(Mapping[str, Floats]):
    """The interpolated probabilities (K, H, W) of a window by task: each is computed when it is asked for."""

    def __init__(self, held: Held, target: Window, size: tuple[int, int], factor: int, complete: bool) -> None:
        """`held` has the coarse pixels that the window `target` is made of, on a grid of `size`.

        Where the scene has gaps, and is not `complete`, coarse pixels within them may have no probabilities at all.
        """
        self._rows = _Cells.of(target.row, target.bottom, factor)
        self._cols = _Cells.of(target.col, target.right, factor)
        rows = self._rows.corners(held.window.row, size[0])
        cols = self._cols.corners(held.window.col, size[1])
        self._corners: dict[str, Floats] = {name: each[:, rows[:, None], cols] for name, each in held.values.items()}
        self._factor, self._complete, self._made_of = factor, complete, (held, size)

    def cut(self, target: Window) -> "Enlarged":
        """Those of a smaller window."""
        held, size = self._made_of
        return Enlarged(held, target, size, self._factor, self._complete)

    def __iter__(self) -> Iterator[str]:
        return iter(self._corners)

    def __len__(self) -> int:
        return len(self._corners)

    def __getitem__(self, name: str) -> Floats:
        corners = self._corners[name]
        (classes, *_), rows, cols, factor = corners.shape, self._rows, self._cols, self._factor
        wide = np.empty((classes, rows.count + 1, cols.count, factor), np.float32)
        for k, share in enumerate(_shares(factor)):
            wide[..., k] = _mixed(corners[:, :, :-1], corners[:, :, 1:], share)
        wide = wide.reshape(classes, rows.count + 1, cols.count * factor)[..., cols.cut]
        large = np.empty((classes, rows.count, factor, wide.shape[2]), np.float32)
        for k, share in enumerate(_shares(factor)):
            large[:, :, k] = _mixed(wide[:, :-1], wide[:, 1:], share)
        large = large.reshape(classes, rows.count * factor, wide.shape[2])[:, rows.cut]
        if not self._complete:
            total = large.sum(axis=0)
            large /= np.where((total > 0) & (total < _WHOLE), total, 1)
        return large

    def best_class(self, name: str, out: NDArray[np.uint8]) -> None:
        """Fills `out` (H, W) with what `best_class` finds in the interpolated probabilities of a task."""
        corners, factor = self._corners[name], self._factor
        rows, cols = self._rows.count, self._cols.count
        sure = _sure_classes(corners)
        common = sure[:-1, :-1]
        mixed = common == _UNSURE
        for other in (sure[:-1, 1:], sure[1:, :-1], sure[1:, 1:]):
            mixed |= common != other
        word = np.dtype(f"u{factor}")  # the pixels of a cell in one row
        large = np.empty((rows, factor, cols), word)
        large[:] = (common.astype(word) * word.type(int("01" * factor, 16)))[:, None]
        row, col = np.nonzero(mixed)
        for at in range(0, len(row), _AT_ONCE):
            part = row[at : at + _AT_ONCE], col[at : at + _AT_ONCE]
            for k, ids in enumerate(_between(corners, *part, factor)):
                large[part[0], k, part[1]] = ids.view(word)[:, 0]
        out[:] = large.view(np.uint8).reshape(rows * factor, cols * factor)[self._rows.cut, self._cols.cut]


def _shares(factor: int) -> list[np.float32]:
    """The share of the further one of two coarse pixels in each pixel between them."""
    return [np.float32((2 * k + 1) / (2 * factor)) for k in range(factor)]


def _mixed(near: Floats, far: Floats, share: np.float32) -> Floats:
    found: Floats = near * (1 - share)
    found += far * share
    return found


def _sure_classes(values: Floats) -> NDArray[np.uint8]:
    """The best class (H, W) of (K, H, W), or `_UNSURE`."""
    found = best_class(values)
    best, second = values[0].copy(), np.full(values.shape[1:], -np.inf, np.float32)
    for each in values[1:]:
        np.maximum(second, np.minimum(best, each), out=second)
        np.maximum(best, each, out=best)
    best -= second
    found[~(best > _LEAD)] = _UNSURE
    return found


def _between(corners: Floats, row: NDArray[np.intp], col: NDArray[np.intp], factor: int) -> Iterator[NDArray[np.uint8]]:
    """The best classes of some cells, for each row of their pixels (cells, factor); computed as all pixels are."""
    width, shares = corners.shape[2], _shares(factor)
    flat, place = corners.reshape(len(corners), -1), row * width + col
    upper, lower = np.empty((2, len(corners), factor, len(place)), np.float32)
    for line, first in ((upper, place), (lower, place + width)):
        near, far = flat[:, first], flat[:, first + 1]  # K,cells
        for k, share in enumerate(shares):
            line[:, k] = _mixed(near, far, share)
    for share in shares:
        yield np.ascontiguousarray(best_class(_mixed(upper, lower, share)).T)


@dataclass(frozen=True, slots=True)
class _OfMask:
    """An axis of the map's own pixels, of which as many are final as of the enlarged ones."""

    axis: Axis
    factor: int

    def complete(self, end: int) -> int:
        return self.axis.complete(-(-end // self.factor))

    def first(self, pixel: int) -> int:
        return pixel


class Enlarger:
    """Enlarges windows of a coarse grid, and keeps what the next ones need; see `Carry`."""

    def __init__(self, size: tuple[int, int], factor: int, rows_done: int = 0) -> None:
        """`size` is that of the map, rows and columns; its first `rows_done` rows are left out."""
        self._scene, self._factor = Window(0, 0, *size), factor
        self._coarse = height, width = (-(-size[0] // factor), -(-size[1] // factor))
        rows, cols = Axis(height, size[0], 1 / factor), Axis(width, size[1], 1 / factor)
        self._values = Carry(rows, cols, width, rows_done)
        self._masks = Carry(_OfMask(rows, factor), _OfMask(cols, factor), size[1], rows_done)

    def add(self, window: Window, values: Mapping[str, Floats], valid: Mask) -> tuple[Window, Enlarged, Mask] | None:
        """Adds the next window: coarse probabilities (K, H, W), and validity of the map's pixels that they stand for.

        Returns the window of the map that is final now, if there is one.
        """
        found = self._values.add(window, values)
        large = window.times(self._factor).intersect(self._scene)
        seen = None if large is None else self._masks.add(large, {_MASK: valid[None]})
        if found is None or seen is None:
            return None
        held, target = found
        mask: Mask = seen[0].values[_MASK][0][target.within(seen[0].window)]
        return target, Enlarged(held, target, self._coarse, self._factor, bool(mask.all())), mask
