"""Which tiles of a scene are unlike what its model was trained on: kept with a job's strips, then in the map's tags.

A tile of the network is judged as a whole (see `smalti.card.Unlike`) and stands for the part of the scene that is final
with it: these parts cover each pixel once. Maps state the share of the valid pixels, and a letter for each tile.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smalti.card import Card
from smalti.errors import RasterError, UnlikeWarning
from smalti.mapping.spool import Spool
from smalti.raster.check import REFUSALS, first_line
from smalti.raster.files import quiet_open
from smalti.raster.grid import Grid
from smalti.tiling import Tile, Window, plan_tiles

SHARE_TAG, TILES_TAG = "SMALTI_UNLIKE", "SMALTI_UNLIKE_TILES"
"""Tags of a map: the share of its pixels, from 0 to 1; and rows x columns of the scene as the network saw it, then one
of the letters below for each tile, row by row."""
YES, NO, EMPTY = "u", "-", "."
WARN_FROM = 0.1
"""The share of a scene from which a warning is given: a few tiles of most scenes are somewhat unusual."""
_NOTE = "unlike"
"""The files of a spool that hold what is known so far: unlike.json, and one of each strip of another process."""


Part = tuple[float, float, float, float]
"""A part of a scene: left, top, right and bottom, as shares of its width and height."""


@dataclass(frozen=True)
class UnlikeTiles:
    """The tiles of one scene."""

    share: float
    """Of the valid pixels, those in tiles that are unlike the training."""
    size: tuple[int, int]
    """Rows and columns of the scene as the network saw it."""
    letters: str
    """One per tile, row by row."""

    def parts(self, card: Card) -> list[Part]:
        """The parts of the scene that are unlike the training."""
        height, width = self.size
        tiles = zip(_tiles(card, self.size), self.letters, strict=False)
        parts = (tile.done for tile, letter in tiles if letter == YES)
        return [(p.col / width, p.row / height, p.right / width, p.bottom / height) for p in parts]

    def notes(self) -> dict[str, str]:
        """The tags of the map."""
        return {SHARE_TAG: f"{self.share:.4f}", TILES_TAG: f"{self.size[0]}x{self.size[1]} {self.letters}"}


def _tiles(card: Card, size: tuple[int, int]) -> Iterator[Tile]:
    return plan_tiles(*size, card.tile, card.overlap, card.stride)


class UnlikeTally:
    """Collects the tiles of one scene while it is predicted."""

    def __init__(self, card: Card, grid: Grid, strip: str = "") -> None:
        """`grid` is what the network sees; `strip` names the strip that another process makes."""
        self._card, self._size, self._name = card, (grid.height, grid.width), f"{_NOTE}{strip}.json"
        self._found: dict[tuple[int, int], tuple[bool, int]] = {}  # by row and column: unlike or not, valid pixels

    def add(self, window: Window, value: float, valid: int) -> None:
        """See `scene.Judged`."""
        unlike = self._card.unlike is not None and value > self._card.unlike.threshold
        self._found[window.row, window.col] = unlike, valid

    def save(self, spool: Spool) -> None:
        """Writes what is known so far."""
        if self._found:
            spool.keep(self._name, json.dumps([[*place, *found] for place, found in self._found.items()]).encode())

    def load(self, spool: Spool) -> None:
        """Takes what earlier runs of the job, and other processes, have found."""
        for content in spool.all_kept(f"{_NOTE}*.json"):
            for row, col, unlike, valid in json.loads(content):
                self._found[row, col] = unlike, valid

    def result(self) -> UnlikeTiles | None:
        """The tiles of the whole scene; None if no valid pixel was judged."""
        total = sum(valid for _, valid in self._found.values())
        if not total:
            return None
        unlike = sum(valid for yes, valid in self._found.values() if yes)
        return UnlikeTiles(unlike / total, self._size, "".join(map(self._letter, _tiles(self._card, self._size))))

    def _letter(self, tile: Tile) -> str:
        yes, valid = self._found.get((tile.done.row, tile.done.col), (False, 0))
        return EMPTY if not valid else YES if yes else NO


def read_unlike(path: Path) -> UnlikeTiles | None:
    """What a map states; None if it states nothing. RasterError if it cannot be read."""
    try:
        with quiet_open(str(path)) as file:
            tags = file.tags()
        size, letters = tags[TILES_TAG].split()
        height, width = map(int, size.split("x"))
        return UnlikeTiles(float(tags[SHARE_TAG]), (height, width), letters)
    except (KeyError, ValueError):  # of a model that does not judge, or changed by hand
        return None
    except REFUSALS as error:
        raise RasterError(f"{path}: cannot be read: {first_line(error)}") from None


def unlike_warning(scene: str, share: float, card: Card, values: tuple[int, int] | None = None) -> UnlikeWarning | None:
    """The warning about a scene; None if hardly any of it is unlike the training. `values` is its range, if narrow."""
    if share < WARN_FROM:
        return None
    unlike = f"{scene}: {100 * share:.0f} % of this scene is unlike what {card.name} was trained on; expect errors"
    if values is None:
        return UnlikeWarning(f"{unlike} (teach it, or use another model)")
    low, high = values
    return UnlikeWarning(
        f"{unlike} (its values lie between {low} and {high} of 255: try --stretch 1%,99% first, or teach it)"
    )
