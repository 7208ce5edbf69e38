"""Predicts a tile of a mosaic as a part of the whole: the network's tiles lie on one lattice over all output tiles.

An output tile is predicted from all of the network's tiles that reach into it, and cut out. Its pixels are those that
one map of everything would have, to the last bit, so that there is no border between two output tiles.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from smalti.arrays import Floats, Mask
from smalti.card import Card
from smalti.enlarge import FACTORS, Enlarged
from smalti.predicting import predict_pixels, window_rows
from smalti.scene import Predictor, Read, Summary, Write
from smalti.tiling import Window

_REACH = max(FACTORS) // 2
"""How far a coarse answer lies, at most, from a pixel that is interpolated from it."""


@dataclass(slots=True)
class _Cut:
    """Writes the part of finished windows that lies in the tile."""

    write: Write
    tile: Window
    """The tile in pixels of what is predicted."""
    written: int = 0
    reported: int = 0

    def __call__(self, window: Window, values: Mapping[str, Floats], valid: Mask) -> None:
        cut = window.intersect(self.tile)
        if cut is not None:
            here = cut.within(window)
            parts = values if cut == window else _part(values, cut, here)
            self.write(cut.shift(-self.tile.row, -self.tile.col), parts, valid[here])
            self.written += cut.height * cut.width

    def report(self, progress: Callable[[int], None]) -> None:
        """Reports the pixels that were written since the last report."""
        written = self.written
        progress(written - self.reported)
        self.reported = written


def _part(values: Mapping[str, Floats], cut: Window, here: tuple[slice, slice]) -> Mapping[str, Floats]:
    """The values in a smaller window, which is `here` in that of all."""
    if isinstance(values, Enlarged):
        return values.cut(cut)
    return {name: each[:, *here] for name, each in values.items()}


def predict_part(
    read: Read,
    window: Window,
    predict: Predictor,
    write: Write,
    *,
    rows: tuple[int, int],
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Predicts a window of a mosaic, as `predict_pixels` does a scene.

    `read` takes windows of the mosaic, `write` gets those of the part, between two `rows` of it: its first or last
    one, or the first of a window.
    """
    around = lattice_around(predict.card, window)
    cut = _Cut(write, window.shift(-around.row, -around.col))
    begin, end = cut.tile.row + rows[0], cut.tile.row + rows[1]
    summary = predict_pixels(
        lambda each: read(each.shift(around.row, around.col)),
        around.height,
        around.width,
        predict,
        cut,
        rows_done=max(row for row in window_rows(around.height, predict) if row <= begin),
        rows_end=None if rows[1] == window.height else end,
        progress=None if progress is None else lambda _: cut.report(progress),
    )
    return replace(summary, pixels=cut.written)


def lattice_around(card: Card, window: Window) -> Window:
    """The part of the lattice of the network's tiles that a window of a mosaic depends on."""
    row, height = _along(card, window.row, window.bottom)
    col, width = _along(card, window.col, window.right)
    return Window(row, col, height, width)


def _along(card: Card, begin: int, end: int) -> tuple[int, int]:
    """First pixel and length: whole steps of tiles whose shared pixels at both ends lie beyond the window, and beyond
    the answers that its pixels are interpolated from."""
    step = card.tile - card.overlap
    first = (begin - _REACH - card.overlap) // step * step
    steps = -(-(end + _REACH + card.overlap - card.tile - first) // step)
    return first, max(steps, 0) * step + card.tile
