"""One huge scene as strips of rows, each made by another process into the spool of one map."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from smalti.files import beside
from smalti.mapping.engine import Choose, settled
from smalti.mapping.rasters import Wanted, products
from smalti.mapping.run import Missing, job_of, strip_layers
from smalti.mapping.spool import Spool
from smalti.mapping.turn import hold_strip
from smalti.mapping.unlike import UnlikeTally
from smalti.predicting import network_grid
from smalti.raster.reader import Reader
from smalti.scene import Predictor, Summary
from smalti.watch import silent

FEWEST = 8
"""Rows of tiles of a strip, at least, where there are more strips than workers: each strip costs one more row."""


def plan_strips(rows: list[int], gaps: list[tuple[int, int]], workers: int) -> list[tuple[int, int]]:
    """Strips that cover the gaps: the first row of each, and the first row after it.

    `rows` are those at which strips may begin. There are as many strips as workers or, of tall scenes, twice as many,
    so that a fast worker makes more of them.
    """
    todo = [row for row in rows for begin, end in gaps if begin <= row < end]
    per_worker = 2 if len(todo) >= 2 * workers * FEWEST else 1
    most = -(-len(todo) // (workers * per_worker)) or 1
    strips: list[tuple[int, int]] = []
    for begin, end in gaps:
        starts = [row for row in todo if begin <= row < end]
        strips += pairwise([*starts[::most], end])
    return strips


def map_strip(
    reader: Reader,
    predict: Predictor,
    output: Path,
    made_of: dict[str, Any],
    wanted: Wanted,
    *,
    rows: tuple[int, int],
    turn: str,
    choose: Choose | None = None,
) -> Summary:
    """Makes the missing rows of a strip of a map that `map_scene` has begun in another process, with a `Scatter`.

    Arguments are those of `map_scene`; `rows` is one of `plan_strips`. Raises BusyError if another process makes the
    strip, or the other process has ended its turn; OutputError if the strips are made of something else, or cannot be
    written.
    """
    layers = list(products(output, predict.card, wanted).values())
    folder, (begin, end) = beside(output, "partial"), rows
    job = job_of(reader, predict.card, wanted, made_of)
    with hold_strip(folder, begin, turn) as check:
        spool = Spool(folder, job, strip_layers(layers), reader.grid.height, reader.grid.width, join=True)
        if choose is not None:
            predict = settled(choose, spool, reader, predict.card, silent)
        tally = UnlikeTally(predict.card, network_grid(reader), f"_{begin:08d}")
        tally.load(spool)
        return Missing(reader, predict, output, spool, layers, tally, check).fill(begin, end, None)
