"""A contact sheet: some images of a data set beside their labels, in one picture."""

import io
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from smalti.card import Task
from smalti.errors import OutputError
from smalti.evaluation.pairs import ImageReader, OpenTruth, TruthReader
from smalti.jobs import deliver
from smalti.raster.palette import colorize
from smalti.report.pictures import RGB, shrunk_image, step_for, strips
from smalti.report.preview import BACKGROUND, GAP, INK, LEGEND, TITLE, draw_legend, font, legend_rows

SIDE = 200
"""Longer side of a picture in pixels, at most."""
COLUMNS = 3
"""Pairs beside each other."""
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}


@dataclass(frozen=True)
class Shown:
    """One image and its labels, not yet opened."""

    name: str
    open_image: Callable[[], ImageReader]
    open_labels: OpenTruth


def check_sheet_name(out: Path) -> None:
    """OutputError unless the name ends as a picture's does."""
    if out.suffix.lower() not in FORMATS:
        raise OutputError(f"{out}: a contact sheet is a picture; let its name end in {', '.join(FORMATS)}")


def write_contact_sheet(out: Path, shown: Sequence[Shown], task: Task) -> None:
    """Writes the sheet as JPEG or PNG. Raises OutputError, and what the readers raise."""
    check_sheet_name(out)
    pairs = [(each.name, *_pictures(each, task)) for each in shown]
    stream = io.BytesIO()
    draw_contact_sheet(pairs, task).save(stream, FORMATS[out.suffix.lower()], quality=88)
    deliver(out, stream.getvalue())


def draw_contact_sheet(pairs: Sequence[tuple[str, RGB, RGB]], task: Task) -> Image.Image:
    """Pairs (name, image, painted labels) in rows under their names, the legend below."""
    cell = (2 * SIDE + 4 + GAP, SIDE + TITLE)
    lines = -(-len(pairs) // COLUMNS)
    width = COLUMNS * cell[0] + GAP
    legend = legend_rows(task, width - 2 * GAP)
    sheet = Image.new("RGB", (width, lines * cell[1] + len(legend) * LEGEND + GAP), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for k, (name, image, labels) in enumerate(pairs):
        left, top = GAP + k % COLUMNS * cell[0], k // COLUMNS * cell[1]
        draw.text((left, top + 8), name, INK, font(13))
        sheet.paste(Image.fromarray(image), (left, top + TITLE))
        sheet.paste(Image.fromarray(labels), (left + image.shape[1] + 4, top + TITLE))
    for k, row in enumerate(legend):
        draw_legend(draw, row, task, lines * cell[1] + LEGEND * k + 14)
    return sheet


def _pictures(shown: Shown, task: Task) -> tuple[RGB, RGB]:
    """The image and its painted labels, both small and of one size."""
    with closing(shown.open_image()) as image, closing(shown.open_labels(image.grid)) as labels:
        picture = shrunk_image(image, 2 * SIDE)
        painted = colorize(shrunk_labels(labels, image.grid.height, image.grid.width, 2 * SIDE), task)
    height, width = picture.shape[:2]
    shrink = SIDE / max(height, width)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return (
        np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8),
        np.asarray(cv2.resize(painted, size, interpolation=cv2.INTER_NEAREST), np.uint8),
    )


def shrunk_labels(labels: TruthReader, height: int, width: int, limit: int) -> NDArray[np.uint8]:
    """Class ids at most `limit` pixels a side, each the one in the middle of its square."""
    step = step_for(height, width, limit)
    parts = []
    for window in strips(height, width, step):
        middle = min(step // 2, window.height - 1)
        parts.append(labels.read(window)[middle::step, min(step // 2, width - 1) :: step])
    return np.concatenate(parts)
