"""Predicts a whole scene onto its own grid, whatever pixel size its network sees."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from smalti.arrays import Floats, Mask
from smalti.card import Card
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.raster.scaled import Scaled
from smalti.regrid import Axis, Regrid, first_row
from smalti.scene import Judged, Predictor, Summary, Write, predict_scene
from smalti.tiling import Window, spans


class Composed(Reader):
    """A raster of several images that are predicted each by itself."""

    @abstractmethod
    def predicted(
        self,
        predict: Predictor,
        write: Write,
        *,
        rows_done: int,
        rows_end: int | None,
        progress: Callable[[int], None] | None,
    ) -> Summary:
        """Predicts it, as `predict_reader` does."""


def predict_reader(
    reader: Reader,
    predict: Predictor,
    write: Write,
    *,
    rows_done: int = 0,
    rows_end: int | None = None,
    progress: Callable[[int], None] | None = None,
    judged: Judged | None = None,
) -> Summary:
    """Predicts a scene as `predict_scene` does; windows and counts of pixels are those of the scene's own grid.

    Windows begin at the rows of `first_rows`. Of a `Scaled` scene the network's probabilities, or values, are resampled
    to that grid; `judged` is called with windows of the grid that the network sees (see `network_grid`), and for
    a `Composed` one not at all.
    """
    if isinstance(reader, Composed):
        return reader.predicted(predict, write, rows_done=rows_done, rows_end=rows_end, progress=progress)
    height, width = reader.grid.height, reader.grid.width
    if not isinstance(reader, Scaled):
        return predict_scene(
            reader.read,
            predict,
            write,
            height,
            width,
            rows_done=rows_done,
            rows_end=rows_end,
            progress=progress,
            judged=judged,
        )
    network = reader.seen.grid
    begin = _first_row(predict.card, network.height, height, rows_done) if rows_done else 0
    onto = _Onto(reader, write, rows_done)
    summary = predict_scene(
        reader.seen.read,
        predict,
        onto.write,
        network.height,
        network.width,
        rows_done=begin,
        rows_end=None if rows_end is None else _end_row(predict.card, network.height, height, rows_end),
        progress=partial(onto.report, progress) if progress else None,
        judged=judged,
    )
    return replace(summary, pixels=onto.written)


def network_grid(reader: Reader) -> Grid:
    """The grid that the network sees of a scene."""
    return reader.seen.grid if isinstance(reader, Scaled) else reader.grid


def first_rows(reader: Reader, card: Card) -> list[int]:
    """The rows of the scene at which windows begin, the first one 0; a scene can be divided there."""
    starts = [span.begin for span in spans(network_grid(reader).height, card.tile, card.overlap)]
    if isinstance(reader, Scaled):
        axis = Axis(reader.seen.grid.height, reader.grid.height)
        starts = sorted({axis.complete(start) for start in starts})
    return [start for start in starts if start < reader.grid.height]


def _first_row(card: Card, network: int, own: int, rows_done: int) -> int:
    starts = [span.begin for span in spans(network, card.tile, card.overlap)]
    return first_row(starts, network, own, rows_done)


def _end_row(card: Card, network: int, own: int, rows_end: int) -> int:
    """The first row of the network's windows that the rows above `rows_end` are not made of."""
    axis = Axis(network, own)
    return next(span.done for span in spans(network, card.tile, card.overlap) if axis.complete(span.done) >= rows_end)


class _Onto:
    """Resamples the windows of a network to the scene's grid, writes them, and counts them."""

    def __init__(self, reader: Scaled, write: Write, rows_done: int) -> None:
        own, network = reader.grid, reader.seen.grid
        self._reader, self._write = reader, write
        self._regrid = Regrid((network.height, network.width), (own.height, own.width), rows_done)
        self.written, self._reported = 0, 0

    def write(self, window: Window, values: dict[str, Floats], valid: Mask) -> None:
        """Takes a window of the network's grid."""
        for target, found, seen in self._regrid.add(window, values, valid):
            self._write(target, found, seen & self._reader.valid(target))
            self.written += target.height * target.width

    def report(self, progress: Callable[[int], None], _: int) -> None:
        """Reports the pixels of the scene that were written since the last report."""
        written = self.written
        progress(written - self._reported)
        self._reported = written
