"""Where a label would help most: windows that are uncertain, unlike what is known, and unlike each other.

In the manner of core-set selection (Sener and Savarese, 2018, "Active Learning for Convolutional Neural Networks: A
Core-Set Approach"): one after the other the window is taken that is farthest, in the model's own features, from those
taken before and from the strokes. It differs from the paper: the distance is multiplied by how uncertain the model is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from smalti.arrays import Doubles, Floats, Mask
from smalti.lessons.examples import SceneExamples
from smalti.lessons.network import Cells, TeachableNetwork
from smalti.raster.reader import Reader
from smalti.tiling import Window, plan_tiles, spread_tiles

SIDE = 128
"""Pixels of a window, in both directions, as the network sees them."""
_MOST_TILES = 64
"""Tiles that are looked at; of a larger scene some of them, spread over it."""
_LEAST_VALID = 0.5


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A window to look at."""

    window: Window
    """In pixels of the grid that the network sees."""
    uncertain: float
    """The mean probability that the predicted class is wrong."""
    unlike: float
    """Distance from what is known, relative to that of the most distant window of the scene."""


@dataclass(frozen=True, eq=False)
class _Looked:
    """A window, before one is chosen."""

    window: Window
    uncertain: float
    summary: Doubles
    """Means of features and logits."""


def suggest_windows(
    reader: Reader, network: TeachableNetwork, known: SceneExamples | None, most: int, progress: Callable[[float], None]
) -> list[Suggestion]:
    """The windows of a scene to look at, the most helpful first; `known` are the strokes painted so far."""
    looked = _look(reader, network, progress)
    if not looked:
        return []
    summaries = np.stack([each.summary for each in looked])
    mean, spread = summaries.mean(axis=0), summaries.std(axis=0) + 1e-3
    places = (summaries - mean) / spread
    painted = [part for part in (known.strokes.values() if known is not None else ()) if len(part)]
    learned = [(_summary(part.features, part.logits) - mean) / spread for part in painted]
    chosen = choose(places, np.array([each.uncertain for each in looked]), learned, most)
    far = max((distance for _, distance in chosen), default=0.0) or 1.0
    return [Suggestion(looked[at].window, looked[at].uncertain, distance / far) for at, distance in chosen]


def _summary(features: Floats, logits: Floats) -> Doubles:
    found: Doubles = np.concatenate([features, logits], axis=1).astype(np.float64).mean(axis=0)
    return found


def choose(places: Doubles, uncertain: Doubles, learned: Sequence[Doubles], most: int) -> list[tuple[int, float]]:
    """The rows of places W,F in the order in which they are taken, and their distance from what was known then."""
    distance = _distances(places, np.zeros(places.shape[1]))
    for each in learned:
        distance = np.minimum(distance, _distances(places, each))
    found: list[tuple[int, float]] = []
    for _ in range(min(most, len(places))):
        at = int((distance * uncertain).argmax())
        found.append((at, float(distance[at])))
        distance = np.minimum(distance, _distances(places, places[at]))
        distance[at] = -1.0  # it is not taken again
    return found


def _distances(places: Doubles, one: Doubles) -> Doubles:
    found: Doubles = np.sqrt(((places - one) ** 2).mean(axis=1))
    return found


def _look(reader: Reader, network: TeachableNetwork, progress: Callable[[float], None]) -> list[_Looked]:
    card = network.card
    tiles = list(plan_tiles(reader.grid.height, reader.grid.width, card.tile, card.overlap, card.stride))
    some = spread_tiles(tiles, _MOST_TILES)
    found: list[_Looked] = []
    taken: set[tuple[int, int]] = set()
    for tile in some:
        pixels, valid = reader.read(tile.read)
        neutral = (np.array(card.mean)[:, None, None] / card.scale).astype(pixels.dtype)
        maps = network(np.where(valid, pixels, neutral))
        cells = valid[network.step // 2 :: network.step, network.step // 2 :: network.step]
        side = SIDE // network.step
        for row in range(0, cells.shape[0] - side + 1, side):
            for col in range(0, cells.shape[1] - side + 1, side):
                window = Window(tile.read.row + row * network.step, tile.read.col + col * network.step, SIDE, SIDE)
                inside = window.bottom <= reader.grid.height and window.right <= reader.grid.width
                place = window.row // SIDE, window.col // SIDE  # of tiles that overlap the first one counts
                if not inside or place in taken or (part := _part(cells, row, col, side)) is None:
                    continue
                taken.add(place)
                logits = maps.logits_at(part)
                found.append(_Looked(window, _uncertain(logits), _summary(maps.features(part), logits)))
        progress(1 / len(some))
    return found


def _part(cells: Mask, row: int, col: int, side: int) -> Cells | None:
    """Every second cell of a window in both directions; None if most of it is no data."""
    if cells[row : row + side, col : col + side].mean() < _LEAST_VALID:
        return None
    grid = np.argwhere(np.ones((side // 2, side // 2), bool)) * 2
    return np.asarray(grid + np.array([row, col]), np.int32)


def _uncertain(logits: Floats) -> float:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return float(1 - (powers.max(axis=1) / powers.sum(axis=1)).mean())
