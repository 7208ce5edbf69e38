"""Tiles of a user's images, or of drawn scenes, from which the ranges of 8-bit numbers are taken."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from smalti.arrays import Pixels
from smalti.card import Card
from smalti.errors import DataError, GeoreferenceWarning, SmaltiWarning, warn
from smalti.mapping.fit import open_fitting
from smalti.mapping.places import scenes
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.raster.scaled import as_seen
from smalti.synth.scene import draw
from smalti.tiling import Window, plan_tiles, spread_tiles

MOST = 200
"""Half of them are quantized with, the others are compared on."""
_FEWEST = 2


def calibration_tiles(images: str | Path, card: Card) -> list[Pixels]:
    """Tiles 1,C,H,W from all images of a file, folder or glob, spread over them.

    RasterError or ModelError for an image of other bands or another type; DataError for too few tiles with data.
    """
    files = scenes(str(images), warn)
    each = -(-MOST // len(files))
    found = [tile for file in files for tile in _of_file(file, card, each)]
    if len(found) < _FEWEST:
        raise DataError(f"{images}: {len(found)} tiles of {card.tile} pixels with data; give more or larger images")
    return spread(found, MOST)


def spread(tiles: Sequence[Pixels], most: int) -> list[Pixels]:
    """So many of some tiles at most, evenly spread over them."""
    return [tiles[int(at)] for at in np.linspace(0, len(tiles) - 1, min(len(tiles), most))]


def drawn_tiles(card: Card, seeds: Iterable[int]) -> list[Pixels]:
    """Tiles 1,C,H,W of drawn scenes; DataError for a model of other bands or another type."""
    if card.bands != ("red", "green", "blue") or card.dtype != "uint8":
        bands = ", ".join(card.bands)
        raise DataError(f"{card.name} takes {card.dtype} of {bands}, which are not drawn; give images of these bands")
    return [draw(Window(0, 0, card.tile, card.tile), seed).image[None] for seed in seeds]


def _warn(warning: SmaltiWarning) -> None:
    """Ranges of numbers need no place on the ground."""
    if not isinstance(warning, GeoreferenceWarning):
        warn(warning)


def _of_file(file: str, card: Card, most: int) -> Iterator[Pixels]:
    opened = partial(open_raster, file)
    with open_fitting(file, opened, card, None, "auto", _warn) as reader:
        yield from _spread(as_seen(reader), card, most)


def _spread(reader: Reader, card: Card, most: int) -> Iterator[Pixels]:
    tiles = list(plan_tiles(reader.grid.height, reader.grid.width, card.tile, 0, card.stride))
    for tile in spread_tiles(tiles, most):
        pixels, valid = reader.read(tile.read)
        if valid.mean() > 0.5:
            yield pixels[None]
