"""Values that arrive window by window on one grid, resampled to another grid of the same extent.

Memory does not grow with the height of the grids: kept are the last rows and columns of the windows before, as many as
the next pixels are interpolated from. Windows come as `plan_tiles` finishes them: in rows, from left to right. Invalid
pixels have no share in any value.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats, Mask
from smalti.taps import Taps, squeeze, taps
from smalti.tiling import Window

_MOST = 1 << 21
"""Values that are resampled at once."""
_VALID = ""
"""The name under which validity is resampled like any values: no task has it."""
Piece = tuple[Window, dict[str, Floats], Mask]
"""A window of the target, its values (K, H, W), and where it has any (H, W)."""


class Axis:
    """Which pixels of the source those of the target are made of, along one axis."""

    def __init__(self, source: int, target: int, by: float | None = None) -> None:
        """Numbers of pixels, and how many of the source one of the target is as wide as, if both do not end alike."""
        self._source, self._target, self._by = source, target, source / target if by is None else by
        index, _ = taps(0, target, self._by, source)
        self._least, self._most = index.min(axis=1), index.max(axis=1)

    def complete(self, end: int) -> int:
        """How many pixels of the target are made of the first `end` pixels of the source alone."""
        return int(np.searchsorted(self._most, end))

    def first(self, pixel: int) -> int:
        """The first pixel of the source that a pixel of the target, or a later one, is made of."""
        return int(self._least[pixel]) if pixel < self._target else self._source

    def taps(self, begin: int, end: int) -> Taps:
        """The taps of some pixels of the target."""
        return taps(begin, end - begin, self._by, self._source)


@dataclass(frozen=True, slots=True)
class Held:
    """Values (K, H, W) of a window of the source."""

    window: Window
    values: Mapping[str, NDArray[Any]]


class Along(Protocol):
    """Which pixels of the source those of the target are made of, along one axis; see `Axis`."""

    def complete(self, end: int) -> int:
        """How many pixels of the target are made of the first `end` pixels of the source alone."""
        ...

    def first(self, pixel: int) -> int:
        """The first pixel of the source that a pixel of the target, or a later one, is made of."""
        ...


class Carry:
    """Keeps of windows of a source what later pixels of a target are made of, too."""

    def __init__(self, rows: Along, cols: Along, width: int, rows_done: int = 0) -> None:
        """`width` is that of the source. The first `rows_done` rows of the target are left out."""
        self._rows, self._cols, self._width, self._done = rows, cols, width, rows_done
        self._above: Held | None = None
        self._below: Held | None = None
        self._left: Held | None = None

    def add(self, window: Window, values: Mapping[str, NDArray[Any]]) -> tuple[Held, Window] | None:
        """Adds the next window, values (K, H, W); returns the window of the target that is final now, if there is one,
        with what it is made of.

        These windows cover each pixel of the target once, row by row, from left to right.
        """
        if window.col == 0:
            self._above, self._below, self._left = self._below, None, None
        held = self._joined(window, values)
        begin = max(self._rows.complete(window.row), self._done) if window.row else self._done
        end = self._rows.complete(window.bottom)
        first, last = self._cols.complete(window.col) if window.col else 0, self._cols.complete(window.right)
        self._keep(held, max(begin, end), last)
        return (held, Window(begin, first, end - begin, last - first)) if end > begin and last > first else None

    def _joined(self, window: Window, values: Mapping[str, NDArray[Any]]) -> Held:
        """The window with the rows above it and the columns beside it that were kept."""
        if above := self._above:
            cols = slice(window.col, window.right)
            values = {
                name: np.concatenate([above.values[name][..., cols], each], axis=1) for name, each in values.items()
            }
            window = Window(above.window.row, window.col, window.bottom - above.window.row, window.width)
        if left := self._left:
            values = {name: np.concatenate([left.values[name], each], axis=2) for name, each in values.items()}
            window = Window(window.row, left.window.col, window.height, window.right - left.window.col)
        return Held(window, values)

    def _keep(self, held: Held, next_row: int, next_col: int) -> None:
        """Keeps what later windows need."""
        window = held.window
        row, col = min(self._rows.first(next_row), window.bottom), min(self._cols.first(next_col), window.right)
        beside = {name: each[..., col - window.col :].copy() for name, each in held.values.items()}
        self._left = Held(Window(window.row, col, window.height, window.right - col), beside)
        if self._below is None:
            rows = window.bottom - row
            below = {name: np.empty((len(each), rows, self._width), each.dtype) for name, each in held.values.items()}
            self._below = Held(Window(row, 0, rows, self._width), below)
        for name, each in held.values.items():
            self._below.values[name][..., window.col : window.right] = each[:, row - window.row :]


class Regrid:
    """Resamples windows from a source to a target."""

    def __init__(self, source: tuple[int, int], target: tuple[int, int], rows_done: int = 0) -> None:
        """`source` and `target`: rows and columns. The first `rows_done` rows of the target are left out."""
        self._rows, self._cols = Axis(source[0], target[0]), Axis(source[1], target[1])
        self._carry = Carry(self._rows, self._cols, source[1], rows_done)

    def add(self, window: Window, values: Mapping[str, Floats], valid: Mask) -> Iterator[Piece]:
        """Adds the next window, values (K, H, W) and validity (H, W); yields the pixels of the target that are final.

        These cover each pixel of the target once, in windows as high as their row, from left to right.
        """
        found = self._carry.add(window, {**values, _VALID: valid[None].astype(np.float32)})
        if found is not None:
            held, target = found
            channels = max(1, sum(len(each) for each in held.values.values()))
            step = max(1, _MOST // (target.height * channels))
            for col in range(target.col, target.right, step):
                yield self._piece(held, Window(target.row, col, target.height, min(step, target.right - col)))

    def _piece(self, held: Held, target: Window) -> Piece:
        """The values of a window of the target."""
        top, left = held.window.row, held.window.col
        rows, row_shares = self._rows.taps(target.row, target.bottom)
        cols, col_shares = self._cols.taps(target.col, target.right)
        begin, end = int(cols.min()), int(cols.max()) + 1
        down, right = (rows - top, row_shares), (cols - begin, col_shares)
        cut = {name: each[..., begin - left : end - left] for name, each in held.values.items()}
        valid = cut.pop(_VALID)
        if valid.all():
            everywhere = np.ones((target.height, target.width), bool)
            return target, {name: squeeze(each, down, right) for name, each in cut.items()}, everywhere
        share = squeeze(valid, down, right)[0]
        seen: NDArray[np.bool_] = share > 0
        divisor = np.where(seen, share, 1)
        known = {name: np.where(valid, each, 0) for name, each in cut.items()}
        return (
            target,
            {name: np.asarray(squeeze(each, down, right) / divisor, np.float32) for name, each in known.items()},
            seen,
        )


def first_row(starts: list[int], source: int, target: int, rows_done: int) -> int:
    """The row of the source from which on windows must be added again where `rows_done` rows of the target are done.

    `starts` are the first rows of the windows.
    """
    axis = Axis(source, target)
    needed = axis.first(rows_done)
    return max(start for start in starts if start <= needed)
