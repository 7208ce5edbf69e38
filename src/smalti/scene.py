"""A scene of any size through a net: the one place where reader, engine and writer meet.

The three work at the same time: one thread reads tiles ahead, the caller's thread runs the engine, a third blends and
writes. Nothing here knows files or run-times: it is handed three functions.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from smalti.blend import Blender, Floats
from smalti.card import Card
from smalti.tiling import Tile, Window, plan_tiles

Pixels = NDArray[Any]
Mask = NDArray[np.bool_]
Read = Callable[[Window], tuple[Pixels, Mask]]
"""Gives a window's raw pixels (C, H, W) and where they are valid (H, W); beyond the border it mirrors."""
Write = Callable[[Window, dict[str, Floats], Mask], None]
"""Takes a finished window, each task's blended values (K, H, W) and where the scene is valid (H, W).

Values of invalid pixels mean nothing. The arrays may change after the call.
"""

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 3
"""Tiles read before the engine needs them, and answers that may wait to be blended."""


class Predictor(Protocol):
    """A net behind any engine."""

    @property
    def card(self) -> Card:
        """What it expects and answers."""

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Raw pixels (N, C, H, W) in; one float32 array (N, K, H, W) per task out, which the caller owns.

        Classes come as probabilities (K classes), values as they are (K = 1).
        """


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
    card = predict.card
    blenders = {t.name: Blender(height, width, card.tile, card.overlap, t.channels) for t in card.tasks}
    tiles = (t for t in plan_tiles(height, width, card.tile, card.overlap, card.stride) if t.keep.bottom > rows_done)
    fill = _neutral(card)
    started, engine_seconds, seen, skipped, pixels = time.perf_counter(), 0.0, 0, 0, 0

    def fetch(tile: Tile) -> tuple[Tile, Pixels | None, Mask]:
        image, valid = read(tile.read)
        within = tile.keep.within(tile.read)
        if not valid.all():
            if not valid[within].any():
                return tile, None, valid[tile.done.within(tile.read)]
            image = np.where(valid, image, fill.astype(image.dtype))
        return tile, image, valid[tile.done.within(tile.read)]

    def finish(tile: Tile, answers: dict[str, Floats] | None, valid: Mask) -> int:
        blended = {name: b.add(tile, None if answers is None else answers[name][0]) for name, b in blenders.items()}
        if tile.done.row < rows_done:
            return 0
        write(tile.done, blended, valid)
        return tile.done.height * tile.done.width

    def account(finished: Future[int]) -> int:
        done = finished.result()
        if progress is not None:
            progress(done)
        return done

    with _worker() as reader, _worker() as writer:
        writing: deque[Future[int]] = deque()
        for tile, image, valid in _ahead(reader, fetch, tiles):
            answers = None
            if image is None:
                skipped += 1
            else:
                seen, before = seen + 1, time.perf_counter()
                answers = predict(image[None])
                engine_seconds += time.perf_counter() - before
            writing.append(writer.submit(finish, tile, answers, valid))
            if len(writing) > AHEAD:
                pixels += account(writing.popleft())
        pixels += sum(map(account, writing))
    return Summary(pixels, time.perf_counter() - started, seen, skipped, engine_seconds)


def _neutral(card: Card) -> NDArray[np.float64]:
    """The raw pixel (C, 1, 1) that enters the net as zero: what invalid pixels are replaced by."""
    return np.array(card.mean)[:, None, None] / card.scale


@contextmanager
def _worker() -> Iterator[ThreadPoolExecutor]:
    """One thread; on an exception what it has not begun is dropped."""
    pool = ThreadPoolExecutor(1)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ahead(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Results in order, computed up to `AHEAD` items before they are asked for."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
