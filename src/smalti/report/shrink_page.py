"""The page of a model that was made smaller: its gate, its costs, and where it differs from its parent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smalti.arrays import Floats, Mask, Pixels
from smalti.card import Task
from smalti.products import best_class
from smalti.raster.palette import colorize, task_colors
from smalti.report.page import render
from smalti.report.pictures import data_uri, marked, to_bytes, visible
from smalti.report.relief import limits, paint


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table of the page."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class PictureRow:
    """A tile with both predictions, as data URIs."""

    title: str
    pictures: Sequence[tuple[str, str]]
    """(name, URI)."""


def picture_row(title: str, image: Pixels, task: Task, maps: tuple[Floats, Floats], changed: Mask) -> PictureRow:
    """The pictures of a tile: raw pixels C,H,W, both predictions K,H,W, and where they differ (H, W)."""
    everywhere = np.ones(changed.shape, bool)
    photo = to_bytes(visible(image), everywhere, image.dtype == np.uint8)
    if task.has_classes:
        before, after = (data_uri(colorize(best_class(each), task), drawn=True) for each in maps)
    else:
        low, high = limits(maps[0][0])
        before, after = (data_uri(paint(each[0], low, high)) for each in maps)
    shown = [("image", data_uri(photo)), ("before", before), ("after", after)]
    return PictureRow(title, [*shown, ("where they differ", data_uri(marked(photo, changed)))])


def shrink_page(title: str, facts: Sequence[tuple[str, str]], tables: Sequence[PageTable],
                pictures: Sequence[PictureRow], task: Task) -> str:  # fmt: skip
    """The page as HTML."""
    colors = task_colors(task) if task.has_classes else ((63, 143, 196), (200, 85, 61), (217, 199, 160))
    return render(
        "shrink.html",
        title=title,
        subtitle="a model made smaller, and what that cost",
        colors=colors,
        facts=facts,
        tables=tables,
        pictures=pictures,
        labels=task.labels,
    )
