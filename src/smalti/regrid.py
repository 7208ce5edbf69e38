"""Values that arrive window by window on one grid, resampled to another grid of the same extent.

Memory does not grow with the height of the grids: kept are the last rows and columns of the windows before, as many as
the next pixels are interpolated from. Windows come as `plan_tiles` finishes them: in rows, from left to right. Invalid
pixels have no share in any value.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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

    def __init__(self, source: int, target: int) -> None:
        self._source, self._target = source, target
        index, _ = taps(0, target, source / target, source)
        self._least, self._most = index.min(axis=1), index.max(axis=1)

    def complete(self, end: int) -> int:
        """How many pixels of the target are made of the first `end` pixels of the source alone."""
        return int(np.searchsorted(self._most, end))

    def first(self, pixel: int) -> int:
        """The first pixel of the source that a pixel of the target, or a later one, is made of."""
        return int(self._least[pixel]) if pixel < self._target else self._source

    def taps(self, begin: int, end: int) -> Taps:
        """The taps of some pixels of the target."""
        return taps(begin, end - begin, self._source / self._target, self._source)


@dataclass(frozen=True, slots=True)
class _Held:
    """Values of a window of the source that are still needed."""

    window: Window
    values: Mapping[str, Floats]


class Regrid:
    """Resamples windows from a source to a target."""

    def __init__(self, source: tuple[int, int], target: tuple[int, int], rows_done: int = 0) -> None:
        """`source` and `target`: rows and columns. The first `rows_done` rows of the target are left out."""
        self._rows, self._cols = Axis(source[0], target[0]), Axis(source[1], target[1])
        self._width, self._done = source[1], rows_done
        self._above: _Held | None = None
        self._below: _Held | None = None
        self._left: _Held | None = None

    def add(self, window: Window, values: Mapping[str, Floats], valid: Mask) -> Iterator[Piece]:
        """Adds the next window, values (K, H, W) and validity (H, W); yields the pixels of the target that are final.

        These cover each pixel of the target once, in windows as high as their row, from left to right.
        """
        if window.col == 0:
            self._above, self._below, self._left = self._below, None, None
        held = self._joined(window, {**values, _VALID: valid[None].astype(np.float32)})
        begin = max(self._rows.complete(window.row), self._done) if window.row else self._done
        end = self._rows.complete(window.bottom)
        first, last = self._cols.complete(window.col) if window.col else 0, self._cols.complete(window.right)
        self._keep(held, max(begin, end), last)
        if end > begin:
            channels = max(1, sum(len(each) for each in held.values.values()))
            step = max(1, _MOST // ((end - begin) * channels))
            for col in range(first, last, step):
                yield self._piece(held, Window(begin, col, end - begin, min(step, last - col)))

    def _joined(self, window: Window, values: Mapping[str, Floats]) -> _Held:
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
        return _Held(window, values)

    def _keep(self, held: _Held, next_row: int, next_col: int) -> None:
        """Keeps what later windows need."""
        window = held.window
        row, col = min(self._rows.first(next_row), window.bottom), min(self._cols.first(next_col), window.right)
        beside = {name: each[..., col - window.col :].copy() for name, each in held.values.items()}
        self._left = _Held(Window(window.row, col, window.height, window.right - col), beside)
        if self._below is None:
            rows = window.bottom - row
            below = {name: np.empty((len(each), rows, self._width), np.float32) for name, each in held.values.items()}
            self._below = _Held(Window(row, 0, rows, self._width), below)
        for name, each in held.values.items():
            self._below.values[name][..., window.col : window.right] = each[:, row - window.row :]

    def _piece(self, held: _Held, target: Window) -> Piece:
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
