"""The engine of one map, where it is not named: what an engine has begun is finished by the same one.

Its name lies with the strips, so that neither a later choice nor another process changes a map that is half made.
"""

from collections.abc import Callable

from smalti.card import Card
from smalti.files import guarded
from smalti.mapping.spool import Spool
from smalti.predicting import network_grid
from smalti.raster.reader import Reader
from smalti.scene import Predictor
from smalti.tiling import starts
from smalti.watch import Say

Choose = Callable[[str | None, int, Say], tuple[str, Predictor]]
"""Returns the name of an engine and the model on it. Given are the name of the engine that has begun the map (None: it
is a new one), the number of its tiles, and what is called with messages."""

_NOTE = "engine"


def settled(choose: Choose, spool: Spool, reader: Reader, card: Card, say: Say) -> Predictor:
    """The model on the engine that makes the map of a spool, which notes it."""
    begun = next(spool.all_kept(_NOTE), b"").decode() or None
    engine, predict = choose(begun, tile_count(reader, card), say)
    if begun is None:
        with guarded(spool.folder):
            spool.keep(_NOTE, engine.encode())
    return predict


def tile_count(reader: Reader, card: Card) -> int:
    """The number of tiles of a scene that the network sees."""
    grid, step = network_grid(reader), card.tile - card.overlap
    return len(starts(grid.height, card.tile, step)) * len(starts(grid.width, card.tile, step))
