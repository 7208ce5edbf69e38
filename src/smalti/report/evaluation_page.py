"""The page of an evaluation: scores, confusion matrix, telling tiles, the training's curves, and the protocol."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smalti.evaluation.pairs import Pair
from smalti.evaluation.result import Evaluation
from smalti.evaluation.tiles import SIDE, TileRow, notable
from smalti.jobs import deliver
from smalti.raster.palette import NO_DATA, colorize, task_colors
from smalti.report.charts import matrix, read_records, training_charts
from smalti.report.page import render
from smalti.report.pictures import WRONG, data_uri, error_picture, to_bytes, visible

MOST_IMAGES = 60
"""Rows of the table of images; the worst ones are shown."""

IN_TABLE = ("mPrecision", "mRecall")
"""Figures that are seen in the last row of the table only."""


@dataclass(frozen=True)
class ClassRow:
    """A class in the table of scores."""

    label: str
    note: str
    iou: float
    f1: float
    precision: float
    recall: float
    boundary: float
    share: float

    @property
    def bar(self) -> float:
        """Length of the IoU's bar in percent."""
        return 0.0 if np.isnan(self.iou) else 100 * self.iou


@dataclass(frozen=True)
class ShownTile:
    """A tile with its pictures as data URIs, by name."""

    name: str
    row: int
    col: int
    oa: float
    pixels: int
    pictures: dict[str, str]


def write_evaluation_page(
    out: Path,
    evaluation: Evaluation,
    pairs: Sequence[Pair] = (),
    tiles: Sequence[TileRow] = (),
    records: Path | None = None,
) -> None:
    """Writes the page to `out`.

    `tiles` are those that `evaluate` kept; the pictures of the best, median and worst are read again from `pairs`.
    `records` is the CSV of a training, with a column `step`. Raises OutputError, DataError and what the readers raise.
    """
    task, images = evaluation.task, sorted(evaluation.images, key=lambda row: (row.miou, row.name))
    facts = evaluation.facts
    page = render(
        "evaluation.html",
        title=f"{facts.card.name} on {facts.data}",
        subtitle=f"How good its maps of {', '.join(task.labels)} are",
        colors=task_colors(task),
        labels=task.labels,
        figures=[figure for figure in evaluation.figures() if figure[0] not in IN_TABLE],
        brief=f"Split: {facts.split}. Means over {len(evaluation.scores.in_mean)} classes. Whole protocol below.",
        scores=evaluation.scores,
        boundary=evaluation.boundary,
        rows=_class_rows(evaluation),
        matrix=matrix(evaluation.confusion.counts, task.labels),
        variants=evaluation.variants,
        tiles=_shown_tiles(evaluation, pairs, tiles),
        beside={"no label": NO_DATA, "wrong": WRONG},
        side=SIDE,
        charts=training_charts(read_records(records)) if records else [],
        images=images[:MOST_IMAGES],
        more_images=max(0, len(images) - MOST_IMAGES),
        protocol=facts.lines(),
        card=facts.card,
    )
    deliver(out, page.encode())


def _class_rows(evaluation: Evaluation) -> list[ClassRow]:
    s, boundary = evaluation.scores, evaluation.boundary
    truth = evaluation.confusion.counts.sum(1)
    notes = dict.fromkeys(s.left_out, "left out of the means") | dict.fromkeys(s.absent, "in neither truth nor map")
    edges = boundary.per_class if boundary else (float("nan"),) * len(s.labels)
    share = truth / max(1, s.pixels)
    return [
        ClassRow(label, notes.get(label, ""), *values)
        for label, *values in zip(s.labels, s.iou, s.f1, s.precision, s.recall, edges, share.tolist(), strict=True)
    ]


def _shown_tiles(evaluation: Evaluation, pairs: Sequence[Pair], tiles: Sequence[TileRow]) -> dict[str, list[ShownTile]]:
    by_name = {pair.name: pair for pair in pairs}
    known = [tile for tile in tiles if tile.image in by_name]
    if not known:
        return {}
    return {
        kind: [_shown(evaluation, by_name[tile.image], tile) for tile in chosen]
        for kind, chosen in notable(known).items()
    }


def _shown(evaluation: Evaluation, pair: Pair, tile: TileRow) -> ShownTile:
    with closing(pair.open_image()) as image:
        pixels, valid = image.read(tile.window)
    picture = to_bytes(visible(pixels), valid, pixels.dtype == np.uint8)
    truth, prediction = tile.maps()
    pictures = {
        "image": data_uri(picture),
        "truth": data_uri(colorize(truth, evaluation.task), drawn=True),
        "map": data_uri(colorize(prediction, evaluation.task), drawn=True),
        "errors": data_uri(error_picture(picture, truth, prediction, evaluation.task)),
    }
    return ShownTile(tile.image, tile.window.row, tile.window.col, tile.oa, tile.pixels, pictures)
