"""Examples: the features and the parent's logits at cells of strokes, and at some other cells of the scene.

They are stored, so that a lesson needs no scene and takes no longer with many of them. Of a stroke at most 64 cells
are kept. The other cells, on tiles spread over the scene, tell what the features are like there, and hold the taught
model to what its parent says where nobody corrects it.
"""

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats, Mask, Pixels
from smalti.files import appearing
from smalti.lessons.network import Cells, Maps, TeachableNetwork
from smalti.lessons.strokes import Stroke, draw
from smalti.raster.reader import Reader
from smalti.tiling import Tile, Window, plan_tiles, spread_tiles

_MOST_CELLS = 64
"""Cells that are kept of a stroke."""
SPREAD, _SPREAD_CELLS = 6, 250
"""Tiles of a scene from which other cells are taken, and how many of each."""


@dataclass(frozen=True, eq=False)
class Samples:
    """N cells of a scene."""

    cells: Cells
    """N,2: row and column, in pixels of the grid that the network sees, of each cell's corner."""
    features: Floats
    """N,F; stored as float16."""
    logits: Floats
    """N,K, of the parent."""

    def __len__(self) -> int:
        return len(self.cells)

    def chosen(self, which: NDArray[np.intp] | Mask) -> "Samples":
        """Some of them."""
        return Samples(self.cells[which], self.features[which], self.logits[which])


def joined(parts: Sequence[Samples]) -> Samples:
    """Several, one after the other."""
    rows = zip(*((part.cells, part.features, part.logits) for part in parts), strict=True)
    return Samples(*(np.concatenate(arrays) for arrays in rows))


@dataclass(frozen=True, eq=False)
class SceneExamples:
    """What is stored of one scene."""

    of: str
    """The model and the scene, as text: examples of another model or an altered scene are not used."""
    strokes: dict[str, Samples]
    """By a stroke's key; none on pixels without data."""
    others: Samples

    def save(self, path: Path) -> None:
        """Writes a file that appears whole or not at all; OutputError."""
        keys = list(self.strokes)
        all_of = joined([*self.strokes.values(), self.others])
        with appearing(path, ".npz") as unfinished:
            np.savez(
                unfinished,
                of=np.array(json.dumps([self.of, keys])),
                counts=np.array([len(self.strokes[key]) for key in keys], np.int64),
                cells=all_of.cells,
                features=all_of.features.astype(np.float16),
                logits=all_of.logits,
            )


def load_examples(path: Path, of: str) -> SceneExamples | None:
    """Stored examples; None if there are none of this model and scene, or the file is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            made_of, keys = json.loads(str(stored["of"]))
            if made_of != of:
                return None
            every = Samples(stored["cells"], stored["features"].astype(np.float32), stored["logits"])
            ends = np.cumsum(stored["counts"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, EOFError):
        return None
    parts = [every.chosen(part) for part in np.split(np.arange(len(every)), ends)]
    return SceneExamples(of, dict(zip(keys, parts[:-1], strict=True)), parts[-1])


def gather(
    reader: Reader,
    network: TeachableNetwork,
    strokes: Sequence[Stroke],
    known: SceneExamples | None,
    of: str,
    progress: Callable[[float], None],
) -> SceneExamples:
    """The examples of a scene, opened on the grid that the network sees: of new strokes from their tiles.

    `progress` is called with shares of the work.
    """
    scene = SceneTiles(reader, network)
    empty = scene.nothing()
    old, held = (known.strokes, known.others) if known is not None else ({}, empty)
    new = list({stroke.key: stroke for stroke in strokes if stroke.key not in old}.values())
    tiles = list(plan_tiles(*scene.size, network.card.tile, network.card.overlap, network.card.stride))
    found = {stroke.key: old[stroke.key] for stroke in strokes if stroke.key in old}
    spread = {} if len(held) else {id(tile): tile for tile in spread_tiles(tiles, SPREAD)}
    per_tile = scene.tiles_of(new, tiles)
    parts: dict[str, list[Samples]] = {stroke.key: [] for stroke in new}
    others: list[Samples] = []
    wanted = [tile for tile in tiles if id(tile) in per_tile or id(tile) in spread]
    for tile in wanted:
        here = per_tile.get(id(tile), [])
        maps, valid = scene.see(tile)
        if id(tile) in spread and valid.any():
            others.append(scene.some_of(tile, maps, valid))
        for stroke in here:
            parts[stroke.key].append(scene.under(stroke, tile, maps, valid))
        progress(1 / len(wanted))
    if spread and not others:  # none of them has data: where strokes are, there are some
        seen = ((tile, *scene.see(tile)) for tile in wanted if id(tile) in per_tile)
        others += [scene.some_of(tile, maps, valid) for tile, maps, valid in seen if valid.any()]
    found |= {key: _thinned(joined([empty, *some])) for key, some in parts.items()}
    return SceneExamples(of, found, joined([held, *others]))


def _thinned(samples: Samples) -> Samples:
    if len(samples) <= _MOST_CELLS:
        return samples
    return samples.chosen(np.sort(np.random.default_rng(0).choice(len(samples), _MOST_CELLS, replace=False)))


class SceneTiles:
    """One scene, tile by tile."""

    def __init__(self, reader: Reader, network: TeachableNetwork) -> None:
        self._reader, self._network = reader, network
        self.size = (reader.grid.height, reader.grid.width)

    def tiles_of(self, strokes: list[Stroke], tiles: list[Tile]) -> dict[int, list[Stroke]]:
        """The strokes that lie on the own part of each tile, by the tile's id."""
        import shapely

        found: dict[int, list[Stroke]] = {}
        if not strokes:
            return found
        tree = shapely.STRtree([stroke.shape for stroke in strokes])
        for tile in tiles:
            own = own_part(tile, self._network.card.overlap, self.size)
            hits = tree.query(shapely.box(own.col, own.row, own.right, own.bottom), predicate="intersects")
            if len(hits):
                found[id(tile)] = [strokes[at] for at in np.sort(hits)]
        return found

    def see(self, tile: Tile) -> tuple[Maps, Mask]:
        """What the network computes of a tile, and the validity of its cells."""
        pixels, cells = self.read(tile)
        return self._network(pixels), cells

    def read(self, tile: Tile) -> tuple[Pixels, Mask]:
        """The pixels C,H,W of a tile, neutral where there are no data, and the validity of its own cells."""
        card, step = self._network.card, self._network.step
        pixels, valid = self._reader.read(tile.read)
        neutral = (np.array(card.mean)[:, None, None] / card.scale).astype(pixels.dtype)
        cells = valid[step // 2 :: step, step // 2 :: step].copy()
        rows, cols = (np.arange(count) * step + step // 2 for count in cells.shape)
        own = own_part(tile, self._network.card.overlap, self.size)
        cells &= ((rows + tile.read.row >= own.row) & (rows + tile.read.row < own.bottom))[:, None]
        cells &= (cols + tile.read.col >= own.col) & (cols + tile.read.col < own.right)
        return np.where(valid, pixels, neutral), cells

    def under(self, stroke: Stroke, tile: Tile, maps: Maps, valid: Mask) -> Samples:
        """The samples of a stroke."""
        drawn = draw([stroke.shape], (tile.read.row, tile.read.col), self._network.step, valid.shape)
        return self._samples(tile, maps, np.argwhere((drawn > 0) & valid).astype(np.int32))

    def some_of(self, tile: Tile, maps: Maps, valid: Mask) -> Samples:
        """Samples at random cells."""
        cells = np.argwhere(valid).astype(np.int32)
        random = np.random.default_rng((tile.read.row, tile.read.col))
        some = random.choice(len(cells), min(_SPREAD_CELLS, len(cells)), replace=False)
        return self._samples(tile, maps, cells[some])

    def nothing(self) -> Samples:
        """No samples, in arrays of the right shapes."""
        classes = len(self._network.card.class_task().labels)
        empty = np.zeros((0, sum(self._network.sizes)), np.float32)
        return Samples(np.zeros((0, 2), np.int32), empty, np.zeros((0, classes), np.float32))

    def _samples(self, tile: Tile, maps: Maps, cells: Cells) -> Samples:
        corner = np.array([tile.read.row, tile.read.col], np.int32)
        features = maps.features(cells).astype(np.float16).astype(np.float32)  # as they are stored
        return Samples(cells * self._network.step + corner, features, maps.logits_at(cells))


def own_part(tile: Tile, overlap: int, size: tuple[int, int]) -> Window:
    """The part of a tile up to the middle of what it shares with its neighbours, of a scene of height and width."""
    half = overlap // 2
    keep, (height, width) = tile.keep, size
    top, left = keep.row + half * (keep.row > 0), keep.col + half * (keep.col > 0)
    bottom = keep.bottom - half * (keep.bottom < height)
    right = keep.right - half * (keep.right < width)
    return Window(top, left, bottom - top, right - left)


def by_place(samples: Samples, side: int) -> Iterator[tuple[int, int]]:
    """For each sample the square of `side` pixels that it lies in."""
    return ((int(row) // side, int(col) // side) for row, col in samples.cells)
