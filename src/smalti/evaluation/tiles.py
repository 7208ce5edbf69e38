"""Tiles kept for the report: the best, the median and the worst of a data set."""

import zlib
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from smalti.metrics import ClassMap, Confusion
from smalti.tiling import Window

SIDE = 512
"""Side of a tile in pixels; across, tiles are stretched so that equal ones fill the width."""
ENOUGH = 0.5
"""Share of counted pixels, of a full tile, below which a tile is no candidate: a few pixels say little."""


@dataclass(frozen=True)
class TileRow:
    """One tile of one image: where it lies, how good it is, and its two maps in packed form."""

    image: str
    window: Window
    pixels: int
    oa: float
    packed: bytes = field(repr=False)

    def maps(self) -> NDArray[np.uint8]:
        """Truth and prediction, (2, H, W) class ids."""
        shape = (2, self.window.height, self.window.width)
        return np.frombuffer(zlib.decompress(self.packed), np.uint8).reshape(shape)


class TileKeeper:
    """Cuts the strips of one image into tiles and scores each by itself.

    Class maps pack to a few percent of their size, so that keeping them all costs little beside a scene.
    """

    def __init__(self, image: str, classes: int, ignore: int) -> None:
        self._image, self._classes, self._ignore = image, classes, ignore
        self._maps: ClassMap | None = None
        self._row = 0
        self.tiles: list[TileRow] = []

    def add(self, truth: ClassMap, prediction: ClassMap) -> None:
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

    def _cut(self, band: ClassMap) -> None:
        """Takes a band (2, up to SIDE, W) apart."""
        columns = np.linspace(0, band.shape[2], max(1, round(band.shape[2] / SIDE)) + 1).round().astype(int).tolist()
        for col, end in pairwise(columns):
            maps = np.ascontiguousarray(band[:, :, col:end])
            confusion = Confusion(self._classes)
            confusion.add(maps[0], maps[1], self._ignore)
            pixels = int(confusion.counts.sum())
            if pixels:
                window = Window(self._row, col, maps.shape[1], maps.shape[2])
                oa = float(np.trace(confusion.counts)) / pixels
                self.tiles.append(TileRow(self._image, window, pixels, oa, zlib.compress(maps.tobytes(), 1)))
        self._row += band.shape[1]


def notable(tiles: list[TileRow], each: int = 2) -> dict[str, list[TileRow]]:
    """The best, the median and the worst tiles by overall accuracy, `each` of them; none comes twice."""
    full = [tile for tile in tiles if tile.pixels >= ENOUGH * SIDE * SIDE]
    ranked = sorted(full or tiles, key=lambda tile: (-tile.oa, tile.image, tile.window.row, tile.window.col))
    each = max(1, min(each, len(ranked) // 3))
    middle = (len(ranked) - each) // 2
    parts = {"best": ranked[:each], "median": ranked[middle : middle + each], "worst": ranked[-each:]}
    if len(ranked) < 3:
        parts = {"all": ranked}
    return parts
