"""A scene of any size through a net: the one place where reader, engine and writer meet.

The three work at the same time: one thread reads tiles ahead, the caller's thread runs the engine, a third blends and
writes. Nothing here knows files or run-times: it is handed three functions.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from smalti.ahead import in_order, threads
from smalti.arrays import Floats, Mask, Pixels
from smalti.blend import Blender
from smalti.card import Card
from smalti.tiling import Tile, Window, plan_tiles

Read = Callable[[Window], tuple[Pixels, Mask]]
"""Gives a window's raw pixels (C, H, W) and where they are valid (H, W); beyond the border it mirrors."""
Write = Callable[[Window, dict[str, Floats], Mask], None]
"""Takes a finished window, each task's blended values (K, H, W) and where the scene is valid (H, W).

Values of invalid pixels mean nothing. The arrays may change after the call.
"""


class Predictor(Protocol):
    """A net behind any engine."""

    @property
    def card(self) -> Card:
        """What it expects and answers."""

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Raw pixels (N, C, H, W) in; one float32 array (N, K, H, W) per task out, which the caller owns.

        Classes come as probabilities (K classes), values as they are (K = 1). A task of the whole image gives (N, K).
        """


@runtime_checkable
class Further(Protocol):
    """What a predictor is, too, that gives maps beside those of its card's tasks."""

    further: Mapping[str, int]
    """Their names, none of them a task's, and channels: blended and written like the others."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What was done and how long it took."""

    pixels: int
    """Pixels written in this run."""
    seconds: float
    tiles: int
    """Tiles the engine saw."""
    skipped: int
    """Tiles without a valid pixel."""
    engine_seconds: float
    """Time spent inside the engine."""

    @property
    def megapixels_per_second(self) -> float:
        """Speed of the whole way from reading to writing."""
        return self.pixels / self.seconds / 1e6 if self.seconds else 0.0


def predict_scene(
    read: Read,
    predict: Predictor,
    write: Write,
    height: int,
    width: int,
    *,
    rows_done: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Summary:
    """Maps a scene of `height` x `width` pixels tile by tile, as the model's card says.

    `write` gets windows that cover each pixel once, in rows of tiles from top to bottom. `rows_done` resumes: windows
    above it are not written again, and it must be the first row of one of them. `progress` is called in the caller's
    thread with the number of pixels that were finished. Whatever one of the functions raises is raised here.
    """
    run = _Run(read, predict, write, height, width, rows_done)
    started = time.perf_counter()
    pixels = 0
    with threads(1) as reader, threads(1) as writer:
        fetched = in_order(reader.submit(run.fetch, tile) for tile in run.tiles())
        predicted = (writer.submit(run.finish, *run.ask(*each)) for each in fetched)
        for finished in in_order(predicted):
            pixels += finished
            if progress is not None:
                progress(finished)
    return Summary(pixels, time.perf_counter() - started, run.asked, run.skipped, run.engine_seconds)


class _Run:
    """The three steps a tile goes through, each in its own thread, and what they count."""

    def __init__(self, read: Read, predict: Predictor, write: Write, height: int, width: int, rows_done: int) -> None:
        card = predict.card
        self._read, self._predict, self._write = read, predict, write
        self._size, self._rows_done = (height, width), rows_done
        channels = {task.name: task.channels for task in card.map_tasks()}
        channels |= predict.further if isinstance(predict, Further) else {}
        self._blenders = {name: Blender(height, width, card.tile, card.overlap, k) for name, k in channels.items()}
        self._neutral = np.array(card.mean)[:, None, None] / card.scale  # C,1,1: enters the net as zero
        self.asked, self.skipped, self.engine_seconds = 0, 0, 0.0
        self._broken = False

    def tiles(self) -> Iterator[Tile]:
        """All tiles that touch what is not yet done: the row of tiles before it too, for the rows they share."""
        card = self._predict.card
        tiles = plan_tiles(*self._size, card.tile, card.overlap, card.stride)
        return (tile for tile in tiles if tile.keep.bottom > self._rows_done)

    def fetch(self, tile: Tile) -> tuple[Tile, Pixels | None, Mask]:
        """A tile's pixels, or None if none that counts is valid, and where its finished part is valid."""
        image, valid = self._read(tile.read)
        done = valid[tile.done.within(tile.read)]
        if valid.all():
            return tile, image, done
        if not valid[tile.keep.within(tile.read)].any():
            return tile, None, done
        return tile, np.where(valid, image, self._neutral.astype(image.dtype)), done

    def ask(self, tile: Tile, image: Pixels | None, valid: Mask) -> tuple[Tile, dict[str, Floats] | None, Mask]:
        """The engine's answers for a tile."""
        if image is None:
            self.skipped += 1
            return tile, None, valid
        before = time.perf_counter()
        answers = self._predict(image[None])
        self.engine_seconds += time.perf_counter() - before
        self.asked += 1
        return tile, answers, valid

    def finish(self, tile: Tile, answers: dict[str, Floats] | None, valid: Mask) -> int:
        """Blends a tile in and writes what is final; returns the number of pixels written."""
        if self._broken:  # tiles that wait behind a failed one: a later window must not follow a missing one
            return 0
        self._broken = True
        values = {
            name: blender.add(tile, None if answers is None else answers[name][0])
            for name, blender in self._blenders.items()
        }
        if tile.done.row >= self._rows_done:
            self._write(tile.done, values, valid)
        self._broken = False
        return tile.done.height * tile.done.width if tile.done.row >= self._rows_done else 0


class Averaged:
    """A predictor's mean over flips and quarter turns: the eight symmetries of the square, at eight times the cost."""

    def __init__(self, predict: Predictor) -> None:
        self._predict = predict

    @property
    def card(self) -> Card:
        """The card of the predictor inside."""
        return self._predict.card

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Raw pixels (N, C, H, W) -> per task the mean answer (N, K, H, W), probabilities as probabilities."""
        total: dict[str, Floats] = {}
        for turns in range(4):
            for step in (1, -1):  # -1: seen in a mirror
                view = np.rot90(batch[..., ::step], turns, axes=(2, 3))
                for name, answer in self._predict(view).items():
                    back = np.rot90(answer, -turns, axes=(2, 3))[..., ::step] if answer.ndim == 4 else answer
                    total[name] = total[name] + back if name in total else back.copy()
        for sums in total.values():
            sums /= 8
        return total
