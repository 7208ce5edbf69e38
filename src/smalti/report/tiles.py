"""The best, median and worst tiles of an evaluation with their pictures."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from smalti.arrays import Picture
from smalti.evaluation.pairs import Pair
from smalti.evaluation.tiles import ScoredTile, notable
from smalti.report.pictures import to_bytes, visible
from smalti.tiling import Window

MOST_IMAGES = 60
"""Maximum number of rows in the table of images; the worst images are shown."""

AnyTile = TypeVar("AnyTile", bound=ScoredTile)


@dataclass(frozen=True)
class ShownTile:
    """A tile with its pictures as data URIs, by name."""

    name: str
    row: int
    col: int
    text: str
    pictures: dict[str, str]


def show_tiles(
    tiles: Sequence[AnyTile], pairs: Sequence[Pair], show: Callable[[AnyTile, Pair], ShownTile]
) -> dict[str, list[ShownTile]]:
    """The best, median and worst of the tiles whose image is among `pairs`, rendered by `show`."""
    by_name = {pair.name: pair for pair in pairs}
    known = [tile for tile in tiles if tile.image in by_name]
    if not known:
        return {}
    return {kind: [show(tile, by_name[tile.image]) for tile in chosen] for kind, chosen in notable(known).items()}


def notable_of(tiles: Sequence[AnyTile], pairs: Sequence[Pair]) -> list[AnyTile]:
    """The tiles that `show_tiles` shows."""
    names = {pair.name for pair in pairs}
    known = [tile for tile in tiles if tile.image in names]
    return [tile for chosen in notable(known).values() for tile in chosen] if known else []


def tile_picture(pair: Pair, window: Window) -> Picture:
    """A window of a pair's image as a picture, H,W,3 uint8."""
    with closing(pair.open_image()) as image:
        pixels, valid = image.read(window)
    return to_bytes(visible(pixels), valid, pixels.dtype == np.uint8)
