"""The live map of a scene in a lesson: the predicted class of each cell, tile by tile of the network."""

import threading
from collections.abc import Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Mask, Pixels
from smalti.errors import SmaltiWarning
from smalti.lessons.examples import SPREAD, SceneExamples, own_part
from smalti.lessons.network import Maps
from smalti.lessons.stored import StoredNetwork
from smalti.lessons.suggest import Suggestion, suggest_windows
from smalti.lessons.view import View
from smalti.mapping.fit import open_fitting
from smalti.mapping.source import Source
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.raster.scaled import as_seen
from smalti.tiling import Tile, Window, plan_tiles, spread_tiles
from smalti.workflows.teaching import Bands

_LOCKS = 32
Ids = NDArray[np.uint8]


class LiveMap:
    """Classes of one scene; safe for several threads."""

    def __init__(self, network: StoredNetwork, image: str, grid: Grid, bands: Bands = None) -> None:
        """`grid` is the scene's own; RasterError or ModelError where it does not fit the model."""
        self._network, self.step, self._reading = network, network.step, threading.Lock()
        self._image, self.bands = image, None if bands is None else tuple(bands)
        self._opened = self._open()
        self._reader = as_seen(self._opened)
        seen, card = self._reader.grid, network.card
        self.size = (seen.height, seen.width)
        self.scale = (seen.height / grid.height, seen.width / grid.width)
        """Pixels that the network sees per pixel of the scene: rows, columns."""
        self.tiles = list(plan_tiles(*self.size, card.tile, card.overlap, card.stride))
        wanted = {id(tile) for tile in spread_tiles(self.tiles, SPREAD)}
        self.first = [number for number, tile in enumerate(self.tiles) if id(tile) in wanted]
        """The numbers of the tiles whose features the first lesson needs."""
        self._own = [own_part(tile, card.overlap, self.size) for tile in self.tiles]
        self._edges = np.array([(own.row, own.bottom, own.col, own.right) for own in self._own])
        rows, cols = (-(-side // self.step) for side in self.size)
        self._cells: Ids = np.zeros((rows, cols), np.uint8)
        """The class of each cell plus one; 0 where nothing is known."""
        self._of = np.zeros(len(self.tiles), np.int64)
        """The lesson that each tile was predicted by; 0 for none."""
        self._changed = np.zeros(len(self.tiles), np.int64)
        self._before: Ids = np.zeros((rows, cols), np.uint8)
        """The same of the model as it was, in its own classes."""
        self._met = np.zeros(len(self.tiles), np.int64)
        """The version at which each tile was predicted first; 0 for none."""
        self.version = 0
        self.problem = ""
        """Why the last tile could not be predicted; empty once one can."""
        self._names: dict[int, tuple[str, Mask]] = {}
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def seen(self, window: Window) -> Window:
        """A window of the scene in pixels that the network sees, a little wider."""
        (down, right), (height, width) = self.scale, self.size
        top, left = int(window.row * down), int(window.col * right)
        bottom, end = min(height, int(np.ceil(window.bottom * down))), min(width, int(np.ceil(window.right * right)))
        return Window(top, left, max(1, bottom - top), max(1, end - left))

    def within(self, window: Window) -> list[int]:
        """The numbers of the tiles that lie in a window of the scene."""
        own, at = self._edges, self.seen(window)
        hit = (own[:, 0] < at.bottom) & (own[:, 1] > at.row) & (own[:, 2] < at.right) & (own[:, 3] > at.col)
        return np.flatnonzero(hit).tolist()

    def stale(self, numbers: Sequence[int] | None, lesson: int) -> list[int]:
        """Those of some tiles, or of all, that another lesson predicted, or none."""
        if numbers is None:
            return np.flatnonzero(self._of != lesson).tolist()
        return [number for number in numbers if self._of[number] != lesson]

    def unknown(self, numbers: Sequence[int]) -> int:
        """How many of some tiles the network has not seen yet."""
        return sum(number not in self._names for number in numbers)

    def stamp(self, numbers: Sequence[int], *, before: bool = False) -> int:
        """When any of some tiles changed last; of the model as it was with `before`."""
        return int((self._met if before else self._changed)[numbers].max(initial=0))

    def refresh(self, number: int, view: View, lesson: int, *, stored: bool = False) -> bool:
        """Predicts a tile; with `stored` only if its features are known. Returns whether it is up to date then."""
        with self._locks[number % _LOCKS]:
            if self._of[number] == lesson:
                return True
            found = self._stored(number) if stored else self._computed(number)
            if found is None:
                return False
            maps, valid = found
            self._put(self._cells, number, np.where(valid, view(maps) + np.uint8(1), np.uint8(0)))
            self.version += 1
            if not self._met[number]:
                own = maps.logits.argmax(axis=0).astype(np.uint8)
                self._put(self._before, number, np.where(valid, own + np.uint8(1), np.uint8(0)))
                self._met[number] = self.version
            self._of[number], self._changed[number], self.problem = lesson, self.version, ""
            return True

    def _stored(self, number: int) -> tuple[Maps, Mask] | None:
        """What is known of a tile that was read before."""
        if number not in self._names:
            return None
        name, valid = self._names[number]
        maps = self._network.stored(name)
        return None if maps is None else (maps, valid)

    def _computed(self, number: int) -> tuple[Maps, Mask]:
        """What the network computes of a tile."""
        if (found := self._stored(number)) is not None:
            return found
        image, valid = self._read(self.tiles[number])
        cells = valid[self.step // 2 :: self.step, self.step // 2 :: self.step].copy()
        self._names[number] = self._network.name_of(image), cells
        return self._network(image), cells

    def _read(self, tile: Tile) -> tuple[Pixels, Mask]:
        with self._reading:
            pixels, valid = self._reader.read(tile.read)
        card = self._network.card
        neutral = (np.array(card.mean)[:, None, None] / card.scale).astype(pixels.dtype)
        return np.where(valid, pixels, neutral), valid

    def _put(self, whole: Ids, number: int, classes: Ids) -> None:
        """Puts the own part of a tile into the whole."""
        own, read = self._own[number], self.tiles[number].read
        rows, row = self._span(own.row, own.bottom, read.row, classes.shape[0])
        cols, col = self._span(own.col, own.right, read.col, classes.shape[1])
        whole[rows, cols] = classes[np.ix_(row, col)]

    def _span(self, begin: int, end: int, read: int, count: int) -> tuple[slice, NDArray[np.intp]]:
        """The cells of a part along one axis, and the nearest ones of its tile, which may lie between them."""
        first, last = begin // self.step, -(-end // self.step)
        return slice(first, last), np.clip(np.arange(first, last) - round(read / self.step), 0, count - 1)

    def look(self, window: Window, shape: tuple[int, int], *, before: bool = False) -> Ids:
        """The nearest cells (H, W) of a window of the scene: class plus one, 0 where nothing is known.

        With `before` those of the model as it was, in its own classes.
        """
        rows = self._places(window.row, window.height, shape[0], 0)
        cols = self._places(window.col, window.width, shape[1], 1)
        return (self._before if before else self._cells)[np.ix_(rows, cols)]

    def _places(self, begin: int, length: int, count: int, axis: int) -> NDArray[np.intp]:
        at = (begin + (np.arange(count) + 0.5) * (length / count)) * self.scale[axis] / self.step
        places: NDArray[np.intp] = np.clip(at.astype(np.intp), 0, self._cells.shape[axis] - 1)
        return places

    def _open(self) -> Reader:
        card = self._network.card
        return open_fitting(self._image, Source((self._image,)).opener, card, self.bands, "auto", _unsaid)

    def suggestions(self, painted: SceneExamples | None, most: int) -> list[Suggestion]:
        """Where strokes would help most; the scene is opened again for it, so that nobody waits for its tiles."""
        with closing(self._open()) as opened:
            return suggest_windows(as_seen(opened), self._network, painted, most, lambda _: None)

    def close(self) -> None:
        """Closes the scene."""
        with self._reading:
            self._opened.close()


def _unsaid(_: SmaltiWarning) -> None:
    """A lesson's notes say it."""
