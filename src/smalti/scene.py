"""Predicts a scene of any size: the only place where reader, engine and writer meet.

All run concurrently: one thread reads tiles ahead, two run the engine, and one blends and writes. Nothing here knows of
files or engines: it gets three functions.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np

from smalti.ahead import in_order, threads
from smalti.arrays import Floats, Mask, Pixels
from smalti.blend import Blender
from smalti.card import UNLIKE, Card
from smalti.tiling import Tile, Window, plan_tiles

AT_A_TIME = 2
"""Tiles in the engine: where the threads of one wait for their slowest, those of the other compute."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Several images of one window: each is predicted alone, and the predictions are mixed."""

    images: Sequence[Pixels]
    """Raw pixels (C, H, W) of each, in every pixel."""
    shares: Sequence[Floats]
    """The share (H, W) of each in the prediction; all sum to 1 where the window is valid."""


Read = Callable[[Window], tuple[Pixels | Layers, Mask]]
"""Returns a window's raw pixels (C, H, W), or those of several scenes, and its valid mask (H, W); mirror-padded beyond
the border."""
Write = Callable[[Window, Mapping[str, Floats], Mask], None]
"""Called with a finished window, each task's blended values (K, H, W) and the valid mask (H, W).

Values of invalid pixels are undefined. The arrays may change after the call.
"""
Judged = Callable[[Window, float, int], None]
"""Called, before `Write`, with the part of a scene that is final with a tile, how unlike the training the tile is, and
the number of the part's valid pixels."""


class Predictor(Protocol):
    """A net, with any engine. Several threads may call it at once."""

    @property
    def card(self) -> Card:
        """The card of the net."""

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Raw pixels (N, C, H, W) in; one float32 array (N, K, H, W) per task out, which the caller owns.

        Classes are probabilities (K classes), values are in their unit (K = 1). A task of the whole image gives (N, K).
        Of a card with `unlike` there is also `UNLIKE`, (N, 1).
        """


@runtime_checkable
class Further(Protocol):
    """A predictor with further maps besides those of its card's tasks."""

    further: Mapping[str, int]
    """Names, none of them a task's, and channels of the further maps: blended and written like the others."""


@dataclass(frozen=True, slots=True)
class Coarse:
    """A predictor without its last upsampling: one pixel of its answers stands for `factor` x `factor` of the image.

    What follows an upsampling of probabilities is linear, so it can be done before it: on fewer pixels.
    """

    card: Card
    """That of the predictor, with the sides of tiles in pixels of the answers."""
    factor: int
    ask: Callable[[Pixels], dict[str, Floats]]

    @classmethod
    def of(cls, card: Card, factor: int, ask: Callable[[Pixels], dict[str, Floats]]) -> Self | None:
        """None where tiles of the predictor's card are not made of whole pixels of the answers."""
        sides = {"tile": card.tile, "overlap": card.overlap, "stride": card.stride}
        if any(side % factor for side in sides.values()):
            return None
        return cls(card.model_copy(update={name: side // factor for name, side in sides.items()}), factor, ask)

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """See `Predictor`; maps are (N, K, H / factor, W / factor)."""
        return self.ask(batch)


@runtime_checkable
class Coarsened(Protocol):
    """A predictor that may be able to leave out its last upsampling."""

    @property
    def coarse(self) -> Coarse | None:
        """The predictor without it; None where it has none."""


def coarse_of(predict: object) -> Coarse | None:
    """A predictor without its last upsampling, if it has one."""
    return predict.coarse if isinstance(predict, Coarsened) else None


@dataclass(frozen=True, slots=True)
class Summary:
    """Work done and time taken."""

    pixels: int
    """Pixels written in this run."""
    seconds: float
    tiles: int
    """Tiles that the engine predicted."""
    skipped: int
    """Tiles without a valid pixel."""
    engine_seconds: float
    """Time in which the engine had a tile, or several."""

    @property
    def megapixels_per_second(self) -> float:
        """Overall speed, from reading to writing."""
        return self.pixels / self.seconds / 1e6 if self.seconds else 0.0

    def __add__(self, other: "Summary") -> "Summary":
        """One after the other."""
        return Summary(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def predict_scene(
    read: Read,
    predict: Predictor | Coarse,
    write: Write,
    height: int,
    width: int,
    *,
    rows_done: int = 0,
    rows_end: int | None = None,
    above: int = 0,
    progress: Callable[[int], None] | None = None,
    judged: Judged | None = None,
) -> Summary:
    """Predicts a scene of `height` x `width` pixels tile by tile, with the tiles and the overlap of the model's card.

    Exceptions of the given functions are raised here.

    Args:
        read: see `Read`; called in a thread of its own.
        predict: the model; called in two threads. Of a `Coarse` one windows and values that are written, and the three
            numbers of rows below, are in pixels of its answers, as many as cover the scene; the valid mask is that of
            the scene's pixels.
        write: see `Write`; called in a thread of its own with windows that cover each pixel once, in rows of tiles
            from top to bottom.
        height, width: of the scene, in pixels.
        rows_done: resumes: windows above this row are not written again; it must be the first row of a window.
        rows_end: ends before this row, the first one of a window; None: after the last one.
        above: of the rows above `rows_done`, as many are right in windows that are written, too, before all others.
        progress: called in the caller's thread with the number of pixels finished.
        judged: see `Judged`; called in the thread of `write`, where the card has `unlike` and the tile a valid pixel.
    """
    rows = range(rows_done, height if rows_end is None else rows_end)
    run = _Run(read, predict, write, (height, width), rows, above, judged)
    started = time.perf_counter()
    pixels = 0
    with threads(1) as reader, threads(AT_A_TIME) as engine, threads(1) as writer:
        fetched = in_order((reader.submit(run.fetch, tile) for tile in run.tiles()), 1)
        predicted = in_order((engine.submit(run.ask, *each) for each in fetched), AT_A_TIME)
        for finished in in_order(writer.submit(run.finish, *each) for each in predicted):
            pixels += finished
            if progress is not None:
                progress(finished)
    return Summary(pixels, time.perf_counter() - started, run.asked, run.skipped, run.engine.seconds)


class _Engaged:
    """The time in which at least one of several threads is in a block."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside, self._begun = 0, 0.0
        self._lock = threading.Lock()

    @contextmanager
    def block(self) -> Iterator[None]:
        """What counts."""
        with self._lock:
            if not self._inside:
                self._begun = time.perf_counter()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self.seconds += time.perf_counter() - self._begun


class _Run:
    """The three steps of a tile, each in threads of its own, and their counts."""

    def __init__(
        self,
        read: Read,
        predict: Predictor | Coarse,
        write: Write,
        size: tuple[int, int],
        rows: range,
        above: int,
        judged: Judged | None,
    ) -> None:
        card = predict.card
        self._read, self._predict, self._write, self._judged = read, predict, write, judged
        self._rows, self._first, self._factor = rows, rows.start - above, _factor(predict)
        self._scene = Window(0, 0, *size)
        self._size = height, width = (-(-size[0] // self._factor), -(-size[1] // self._factor))
        channels = {task.name: task.channels for task in card.map_tasks()}
        channels |= predict.further if isinstance(predict, Further) else {}
        self._blenders = {
            name: Blender(height, width, card.tile, card.overlap, k, self._factor) for name, k in channels.items()
        }
        self._neutral = np.array(card.mean)[:, None, None] / card.scale  # C,1,1: normalised to zero
        self.asked, self.skipped, self.engine = 0, 0, _Engaged()
        self._broken = False

    def tiles(self) -> Iterator[Tile]:
        """All tiles that overlap wanted rows, such as the row of tiles before, for the rows they share."""
        card = self._predict.card
        tiles = plan_tiles(*self._size, card.tile, card.overlap, card.stride)
        return (tile for tile in tiles if tile.keep.bottom > self._first and tile.done.row < self._rows.stop)

    def fetch(self, tile: Tile) -> tuple[Tile, Pixels | Layers | None, Mask]:
        """A tile's pixels, or None if its part has no valid pixel, and the valid mask of its finished part."""
        read = tile.read.times(self._factor)
        image, valid = self._read(read)
        done = valid[self._pixels(tile.done).within(read)]
        if valid.all():
            return tile, image, done
        if not valid[self._pixels(tile.keep).within(read)].any():
            return tile, None, done
        if isinstance(image, Layers):
            return tile, image, done
        return tile, np.where(valid, image, self._neutral.astype(image.dtype)), done

    def ask(
        self, tile: Tile, image: Pixels | Layers | None, valid: Mask
    ) -> tuple[Tile, dict[str, Floats] | None, Mask]:
        """The engine's prediction for a tile."""
        if image is None:
            return tile, None, valid
        with self.engine.block():
            predicted = self._mixed(image) if isinstance(image, Layers) else self._predict(image[None])
        return tile, predicted, valid

    def _mixed(self, layers: Layers) -> dict[str, Floats]:
        """The mean of the predictions of several images, by their shares."""
        total: dict[str, Floats] = {}
        for image, share in zip(layers.images, _shares_of_answers(layers.shares, self._factor), strict=True):
            for name, found in self._predict(image[None]).items():
                if found.ndim == 4:
                    total[name] = total[name] + found * share if name in total else found * share
        return total

    def finish(self, tile: Tile, predicted: dict[str, Floats] | None, valid: Mask) -> int:
        """Blends a tile and writes the part that is final; returns the number of pixels written."""
        self.asked, self.skipped = self.asked + (predicted is not None), self.skipped + (predicted is None)
        if self._broken:  # tiles that wait behind a failed one: a later window must not follow a missing one
            return 0
        self._broken = True
        values = {
            name: blender.add(tile, None if predicted is None else predicted[name][0])
            for name, blender in self._blenders.items()
        }
        pixels = self._pixels(tile.done)
        counts = tile.done.row >= self._rows.start
        if counts and self._judged is not None and predicted is not None and UNLIKE in predicted:
            self._judged(pixels, float(predicted[UNLIKE][0, 0]), int(valid.sum()))
        if tile.done.bottom > self._first:
            self._write(tile.done, values, valid)
        self._broken = False
        return pixels.height * pixels.width if counts else 0

    def _pixels(self, window: Window) -> Window:
        """A window in pixels of the scene."""
        found = window.times(self._factor).intersect(self._scene)
        assert found is not None
        return found


def _shares_of_answers(shares: Sequence[Floats], factor: int) -> Sequence[Floats]:
    """The shares of images in answers that stand for `factor` x `factor` pixels: of those that are valid, the mean."""
    if factor == 1:
        return shares
    means = [share.reshape(len(share) // factor, factor, -1, factor).mean(axis=(1, 3)) for share in shares]
    total = np.sum(means, axis=0)
    return [np.asarray(each / np.where(total > 0, total, 1), np.float32) for each in means]


def _factor(predict: Predictor | Coarse) -> int:
    return predict.factor if isinstance(predict, Coarse) else 1
