"""Predicts a whole scene onto its own grid, whatever pixel size its network sees."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypedDict

from smalti.arrays import Floats, Mask
from smalti.enlarge import Enlarger
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.raster.scaled import Scaled, as_seen
from smalti.regrid import Axis, Regrid, first_row
from smalti.scene import Coarse, Judged, Predictor, Read, Summary, Write, coarse_of, predict_scene
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
    more: _More = {"progress": progress, "judged": judged}
    if not isinstance(reader, Scaled):
        size = reader.grid.height, reader.grid.width
        return predict_pixels(reader.read, *size, predict, write, rows_done=rows_done, rows_end=rows_end, **more)
    begins = window_rows(reader.seen.grid.height, predict)
    axis = Axis(reader.seen.grid.height, reader.grid.height)
    begin = first_row(begins, reader.seen.grid.height, reader.grid.height, rows_done) if rows_done else 0
    ends = [*begins[1:], reader.seen.grid.height]  # the first of which the rows above `rows_end` are not made
    end = None if rows_end is None else next(row for row in ends if axis.complete(row) >= rows_end)
    onto = _Onto(reader, write, rows_done)
    more["progress"] = onto.reporting(progress)
    seen = reader.seen.grid.height, reader.seen.grid.width
    summary = predict_pixels(reader.seen.read, *seen, predict, onto.write, rows_done=begin, rows_end=end, **more)
    return replace(summary, pixels=onto.written)


class _More(TypedDict):
    progress: Callable[[int], None] | None
    judged: Judged | None


def predict_pixels(
    read: Read,
    height: int,
    width: int,
    predict: Predictor,
    write: Write,
    *,
    rows_done: int = 0,
    rows_end: int | None = None,
    progress: Callable[[int], None] | None = None,
    judged: Judged | None = None,
) -> Summary:
    """Predicts a scene with its own pixels, as `predict_scene` does: on the coarse grid of the network's answers where
    the predictor can. Windows begin at the rows of `window_rows`."""
    coarse = coarse_of(predict)
    if coarse is None:
        return predict_scene(
            read,
            predict,
            write,
            height,
            width,
            rows_done=rows_done,
            rows_end=rows_end,
            progress=progress,
            judged=judged,
        )
    begins = dict(zip(window_rows(height, predict), _coarse_rows(height, coarse), strict=True))
    large = _Large((height, width), coarse.factor, write, rows_done)
    summary = predict_scene(
        read,
        coarse,
        large.write,
        height,
        width,
        rows_done=begins[rows_done],
        rows_end=None if rows_end in (None, height) else begins[rows_end],
        above=1 if rows_done else 0,
        progress=large.reporting(progress),
        judged=judged,
    )
    return replace(summary, pixels=large.written)


def network_grid(reader: Reader) -> Grid:
    """The grid that the network sees of a scene."""
    return as_seen(reader).grid


def first_rows(reader: Reader, predict: Predictor) -> list[int]:
    """The rows of the scene at which windows begin, the first one 0; a scene can be divided there."""
    starts = window_rows(network_grid(reader).height, predict)
    if isinstance(reader, Scaled):
        axis = Axis(reader.seen.grid.height, reader.grid.height)
        starts = sorted({axis.complete(start) for start in starts})
    return [start for start in starts if start < reader.grid.height]


def window_rows(height: int, predict: Predictor) -> list[int]:
    """The rows at which windows of a scene begin that the network sees with its own pixels."""
    coarse = coarse_of(predict)
    if coarse is None:
        return [span.begin for span in spans(height, predict.card.tile, predict.card.overlap)]
    rows = _coarse_rows(height, coarse)
    axis = Axis(-(-height // coarse.factor), height, 1 / coarse.factor)
    return [0, *(axis.complete(row) for row in rows[1:])]


def _coarse_rows(height: int, coarse: Coarse) -> list[int]:
    """The rows at which windows of the network's answers begin."""
    return [span.begin for span in spans(-(-height // coarse.factor), coarse.card.tile, coarse.card.overlap)]


class _Counting:
    """Writes windows other than those that are predicted, and counts their pixels."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self.written, self._reported = 0, 0

    def _put(self, window: Window, values: Mapping[str, Floats], valid: Mask) -> None:
        self._write(window, values, valid)
        self.written += window.height * window.width

    def reporting(self, progress: Callable[[int], None] | None) -> Callable[[int], None] | None:
        """Reports, whenever it is called, the pixels that were written since the last report."""
        return None if progress is None else partial(self._report, progress)

    def _report(self, progress: Callable[[int], None], _: int) -> None:
        written = self.written
        progress(written - self._reported)
        self._reported = written


class _Onto(_Counting):
    """Resamples the windows of a network to the scene's grid."""

    def __init__(self, reader: Scaled, write: Write, rows_done: int) -> None:
        super().__init__(write)
        own, network = reader.grid, reader.seen.grid
        self._reader = reader
        self._regrid = Regrid((network.height, network.width), (own.height, own.width), rows_done)

    def write(self, window: Window, values: Mapping[str, Floats], valid: Mask) -> None:
        """Takes a window of the network's grid."""
        for target, found, seen in self._regrid.add(window, values, valid):
            self._put(target, found, seen & self._reader.valid(target))


class _Large(_Counting):
    """Enlarges the windows of the coarse grid of a network's answers."""

    def __init__(self, size: tuple[int, int], factor: int, write: Write, rows_done: int) -> None:
        super().__init__(write)
        self._enlarger = Enlarger(size, factor, rows_done)

    def write(self, window: Window, values: Mapping[str, Floats], valid: Mask) -> None:
        """Takes a window of the coarse grid, and the validity of its pixels."""
        found = self._enlarger.add(window, values, valid)
        if found is not None:
            self._put(*found)
