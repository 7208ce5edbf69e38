"""A task with classes on the page of an evaluation: scores per class, the confusion matrix, sample tiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smalti.card import RGB
from smalti.evaluation import ClassResult, ClassTile, Pair
from smalti.evaluation.tiles import SIDE
from smalti.label_sets import set_ids, with_sets, words
from smalti.raster.palette import NO_DATA, colorize, task_colors
from smalti.report.charts import matrix
from smalti.report.pictures import WRONG, data_uri, error_picture
from smalti.report.tiles import MOST_IMAGES, ShownTile, show_tiles, tile_picture


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


def class_section(result: ClassResult, pairs: Sequence[Pair]) -> dict[str, Any]:
    """The values of the template `classes.html`; the pictures of its tiles are read again from `pairs`."""
    images = sorted(result.images, key=lambda row: (row.miou, row.name))
    return {
        "template": "classes.html",
        "result": result,
        "colors": task_colors(result.task),
        "brief": f"Split: {result.protocol.stated.split}. Means over {len(result.scores.in_mean)} classes. "
        "Whole protocol below.",
        "rows": _class_rows(result),
        "labels": _label_rows(result),
        "matrix": matrix(result.confusion.counts, result.task.labels),
        "tiles": show_tiles(result.tiles, pairs, lambda tile, pair: _shown(result, pair, tile)),
        "beside": {**_set_colors(result), "no label": NO_DATA, "wrong": WRONG},
        "side": SIDE,
        "images": images[:MOST_IMAGES],
        "more_images": max(0, len(images) - MOST_IMAGES),
    }


@dataclass(frozen=True)
class LabelRow:
    """A label, one class or a set of them, in the table of rightness."""

    label: str
    right: float
    pixels: int


def _label_rows(result: ClassResult) -> list[LabelRow]:
    """The rightness of each label; none where every label is one class."""
    s = result.scores
    return [LabelRow(words(s.labels, each.classes), each.right, each.pixels) for each in s.rightness if s.allowing]


def _set_colors(result: ClassResult) -> dict[str, RGB]:
    """The sets of classes that labels allow, with the colours that they are painted in."""
    sets = [each.classes for each in result.scores.rightness if len(each.classes) > 1]
    task = with_sets(result.task, sets)
    found: dict[str, RGB] = {}
    for number, classes in set_ids(task).items():
        red, green, blue = map(int, colorize(np.array([[number]], np.uint8), task)[0, 0])
        found[words(task.labels, classes)] = red, green, blue
    return found


def _class_rows(result: ClassResult) -> list[ClassRow]:
    s, boundary = result.scores, result.boundary
    truth = result.confusion.counts.sum(1)
    notes = dict.fromkeys(s.left_out, "not in the means") | dict.fromkeys(s.absent, "in neither labels nor map")
    edges = boundary.per_class if boundary else (float("nan"),) * len(s.labels)
    share = truth / max(1, s.pixels)
    return [
        ClassRow(label, notes.get(label, ""), *values)
        for label, *values in zip(s.labels, s.iou, s.f1, s.precision, s.recall, edges, share.tolist(), strict=True)
    ]


def _shown(result: ClassResult, pair: Pair, tile: ClassTile) -> ShownTile:
    picture = tile_picture(pair, tile.window)
    truth, prediction = tile.maps()
    pictures = {
        "image": data_uri(picture),
        "ground truth": data_uri(colorize(truth, tile.task), drawn=True),
        "map": data_uri(colorize(prediction, result.task), drawn=True),
        "errors": data_uri(error_picture(picture, truth, prediction, tile.task)),
    }
    text = f"{100 * tile.oa:.2f} % of {tile.pixels:,} pixels correct"
    return ShownTile(tile.image, tile.window.row, tile.window.col, text, pictures)
