"""Tiles kept for the report: the best, the median and the worst of a dataset."""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.label_sets import set_ids
from smalti.metrics import Confusion
from smalti.tiling import Window
from smalti.value_metrics import ValueCounts

SIDE = 512
"""Side of a tile in pixels; across, tiles are stretched so that equal ones fill the width."""
ENOUGH = 0.5
"""Share of counted pixels, of a full tile, below which a tile is no candidate: scores of few pixels mean little."""
STEP = 2
"""Of values every second pixel in both directions is kept: they compress badly."""


@dataclass(frozen=True)
class ClassTile:
    """One tile of one image: where it lies, how good it is, and its two maps, compressed."""

    image: str
    window: Window
    pixels: int
    oa: float
    """Share of the pixels whose class is right, or one that their label allows."""
    packed: bytes = field(repr=False)
    task: Task = field(repr=False)
    """With the sets of its labels."""

    @property
    def badness(self) -> float:
        """What tiles are ranked by."""
        return -self.oa

    def maps(self) -> NDArray[np.uint8]:
        """Ground truth and prediction, (2, H, W) class ids."""
        shape = (2, self.window.height, self.window.width)
        return np.frombuffer(zlib.decompress(self.packed), np.uint8).reshape(shape)


@dataclass(frozen=True)
class ValueTile:
    """The same of a task of values."""

    image: str
    window: Window
    pixels: int
    rmse: float
    packed: bytes = field(repr=False)

    @property
    def badness(self) -> float:
        """What tiles are ranked by."""
        return self.rmse

    def maps(self) -> NDArray[np.float32]:
        """Ground truth and prediction, every second pixel: (2, H / 2, W / 2), NaN where unknown."""
        shape = (2, -(-self.window.height // STEP), -(-self.window.width // STEP))
        return np.frombuffer(zlib.decompress(self.packed), np.float16).reshape(shape).astype(np.float32)


class _Keeper(ABC):
    """Cuts the strips of one image into tiles and scores each by itself."""

    def __init__(self) -> None:
        self._maps: NDArray[Any] | None = None
        self._row = 0

    def add(self, truth: NDArray[Any], prediction: NDArray[Any]) -> None:
        """The next rows of both maps, (rows, W)."""
        strip = np.stack([truth, prediction])  # 2, rows, W
        self._maps = strip if self._maps is None else np.concatenate([self._maps, strip], axis=1)
        while self._maps.shape[1] >= SIDE:
            self._cut(self._maps[:, :SIDE])
            self._maps = self._maps[:, SIDE:]

    def close(self) -> None:
        """Cuts what is left at the lower border."""
        if self._maps is not None and self._maps.shape[1]:
            self._cut(self._maps)

    def _cut(self, band: NDArray[Any]) -> None:
        """Splits a band (2, up to SIDE, W) into tiles."""
        columns = np.linspace(0, band.shape[2], max(1, round(band.shape[2] / SIDE)) + 1).round().astype(int).tolist()
        for col, end in pairwise(columns):
            maps = np.ascontiguousarray(band[:, :, col:end])
            self._keep(Window(self._row, col, maps.shape[1], maps.shape[2]), maps)
        self._row += band.shape[1]

    @abstractmethod
    def _keep(self, window: Window, maps: NDArray[Any]) -> None:
        """Scores a tile's ground truth and prediction (2, H, W) and keeps it if it has a pixel to count."""


class TileKeeper(_Keeper):
    """Keeps tiles of classes, which compress to a few percent: keeping them all costs little beside a scene."""

    def __init__(self, image: str, tiles: list[ClassTile], task: Task) -> None:
        super().__init__()
        self._image, self._tiles, self._task = image, tiles, task

    def _keep(self, window: Window, maps: NDArray[Any]) -> None:
        confusion = Confusion(len(self._task.labels))
        confusion.add(maps[0], maps[1], self._task.ignore, set_ids(self._task))
        pixels = confusion.pixels
        if pixels:
            oa = confusion.right / pixels
            packed = zlib.compress(maps.tobytes(), 1)
            self._tiles.append(ClassTile(self._image, window, pixels, oa, packed, self._task))


class ValueTileKeeper(_Keeper):
    """Keeps tiles of values."""

    def __init__(self, image: str, tiles: list[ValueTile]) -> None:
        super().__init__()
        self._image, self._tiles = image, tiles

    def _keep(self, window: Window, maps: NDArray[Any]) -> None:
        counts = ValueCounts()
        counts.add(maps[0], maps[1])
        scores = counts.scores()
        if scores.pixels:
            packed = zlib.compress(maps[:, ::STEP, ::STEP].astype(np.float16).tobytes(), 1)
            self._tiles.append(ValueTile(self._image, window, scores.pixels, scores.rmse, packed))


class ScoredTile(Protocol):
    """What tiles of every kind have in common."""

    @property
    def image(self) -> str:
        """The image's name."""

    @property
    def window(self) -> Window:
        """Its position."""

    @property
    def pixels(self) -> int:
        """Pixels counted."""

    @property
    def badness(self) -> float:
        """What tiles are ranked by."""


AnyTile = TypeVar("AnyTile", bound=ScoredTile)


def notable(tiles: Sequence[AnyTile], each: int = 2) -> dict[str, list[AnyTile]]:
    """The best, the median and the worst tiles, `each` of them; no tile occurs twice."""
    full = [tile for tile in tiles if tile.pixels >= ENOUGH * SIDE * SIDE]
    ranked = sorted(full or tiles, key=lambda tile: (tile.badness, tile.image, tile.window.row, tile.window.col))
    each = max(1, min(each, len(ranked) // 3))
    middle = (len(ranked) - each) // 2
    parts = {"best": ranked[:each], "median": ranked[middle : middle + each], "worst": ranked[-each:]}
    if len(ranked) < 3:
        parts = {"all": ranked}
    return parts
