"""A contact sheet: some images of a dataset beside their labels, and heights or depths in grey, in one picture."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from smalti.arrays import Picture
from smalti.card import Task
from smalti.errors import OutputError
from smalti.evaluation.pairs import OpenTruth, TruthReader
from smalti.raster.palette import colorize
from smalti.raster.reader import Reader
from smalti.raster.values import ValueReader
from smalti.report.own_picture import FORMATS, check_picture, write_picture
from smalti.report.pictures import middles, resized, shrunk_image, step_for, stepped_strips
from smalti.report.preview import BACKGROUND, GAP, INK, LEGEND, TITLE, draw_legend, font, legend_rows
from smalti.report.relief import limits, paint

SIDE = 200
"""Maximum longer side of a picture, in pixels."""
SHOWN = 12
"""Usual number of images on a sheet."""
ACROSS = 6
"""Pictures beside each other."""
GREYS = (48, 48, 48), (255, 255, 255)
"""Grey of the lowest and the highest value of a picture; black is no value."""


@dataclass(frozen=True)
class Shown:
    """One image and its labels, not yet opened."""

    name: str
    open_image: Callable[[], Reader]
    open_labels: OpenTruth
    open_values: Callable[[], ValueReader] | None = None
    """Heights or depths, if the dataset has them."""


def check_sheet(out: Path) -> None:
    """OutputError unless the name ends in one of FORMATS, and nothing but a picture of ours is replaced."""
    if out.suffix.lower() not in FORMATS:
        raise OutputError(f"{out}: a contact sheet is a picture; its name must end in {', '.join(FORMATS)}")
    check_picture(out)


def write_contact_sheet(out: Path, shown: Sequence[Shown], task: Task) -> None:
    """Writes the sheet as JPEG or PNG. Raises OutputError, and what the readers raise."""
    check_sheet(out)
    rows = [(each.name, _pictures(each, task)) for each in shown]
    write_picture(draw_contact_sheet(rows, task), out)


def draw_contact_sheet(shown: Sequence[tuple[str, Sequence[Picture]]], task: Task) -> Image.Image:
    """Draws the pictures of each image (the image, coloured labels, values) under its name, and the legend below."""
    each = max((len(pictures) for _, pictures in shown), default=2)
    columns = ACROSS // each
    cell = (each * (SIDE + 4) + GAP, SIDE + TITLE)
    lines = -(-len(shown) // columns)
    width = columns * cell[0] + GAP
    legend = legend_rows(task, width - 2 * GAP)
    sheet = Image.new("RGB", (width, lines * cell[1] + len(legend) * LEGEND + GAP), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for k, (name, pictures) in enumerate(shown):
        left, top = GAP + k % columns * cell[0], k // columns * cell[1]
        draw.text((left, top + 8), name, INK, font(13))
        for place, picture in enumerate(pictures):
            sheet.paste(Image.fromarray(picture), (left + place * (picture.shape[1] + 4), top + TITLE))
    for k, row in enumerate(legend):
        draw_legend(draw, row, task, lines * cell[1] + LEGEND * k + 14)
    return sheet


def _pictures(shown: Shown, task: Task) -> list[Picture]:
    """The image, its coloured labels and its values in grey, shrunk to one size."""
    with closing(shown.open_image()) as image, closing(shown.open_labels(image.grid)) as labels:
        grid = image.grid
        picture = shrunk_image(image, 2 * SIDE)
        others = [colorize(shrunk_labels(labels, grid.height, grid.width, 2 * SIDE), task)]
    if shown.open_values is not None:
        with closing(shown.open_values()) as values:
            shrunk = shrunk_labels(values, grid.height, grid.width, 2 * SIDE)
            others.append(paint(shrunk, *limits(shrunk), GREYS))
    height, width = picture.shape[:2]
    shrink = SIDE / max(height, width)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = [resized(other, size, Image.Resampling.NEAREST) for other in others]
    return [resized(picture, size, Image.Resampling.BOX), *small]


def shrunk_labels(labels: TruthReader, height: int, width: int, limit: int) -> NDArray[Any]:
    """Class ids or values shrunk to at most `limit` pixels a side; each pixel is the middle one of its square."""
    step = step_for(height, width, limit)
    return np.concatenate(
        [labels.read(window)[middles(window, step)] for window in stepped_strips(height, width, step)]
    )
