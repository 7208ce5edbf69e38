"""Tiles of a live map in the colours of its classes."""

from collections.abc import Mapping, Sequence

import numpy as np

from smalti.app.teaching.live import LiveMap
from smalti.app.viewing.tiles import RGBA, Tile
from smalti.card import RGB

_UNKNOWN: RGB = (128, 128, 128)


def paint_live(
    live: LiveMap, tile: Tile, labels: Sequence[str], colors: Mapping[str, RGB], *, before: bool = False
) -> RGBA:
    """A tile of the scene's size there; transparent where nothing is known.

    With `before` it is of the model as it was, and `labels` are what its classes are now.
    """
    table = np.zeros((256, 4), np.uint8)
    for at, label in enumerate(labels, 1):
        table[at] = (*colors.get(label, _UNKNOWN), 255)
    return table[live.look(tile.window, (tile.height, tile.width), before=before)]
