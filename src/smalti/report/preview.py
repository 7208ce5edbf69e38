"""A preview of a map in one picture: scene, map and both blended, with a legend."""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from smalti.arrays import Picture
from smalti.card import Card, Task
from smalti.raster.palette import colorize, task_colors
from smalti.raster.read import open_raster
from smalti.report.map_page import open_scene
from smalti.report.own_picture import write_picture
from smalti.report.pictures import blend, fit, shrunk_image, shrunk_map

LIMIT = 640
"""Maximum longer side of a panel, in pixels."""
GAP = 16
TITLE, LEGEND = 30, 44
BACKGROUND, INK, EDGE = (251, 250, 247), (29, 35, 39), (150, 150, 146)
SMALLEST_WIDTH = 260
"""Minimum width of a panel's column in pixels, so that the legend fits below narrow scenes."""


def write_preview(out: Path, scene_path: str, map_path: Path, card: Card) -> None:
    """Writes the picture as PNG. Raises like `write_map_page`."""
    task = card.class_task()
    with (
        open_scene(partial(open_raster, scene_path), card) as scene,
        open_raster(map_path, bands=[1], expand=False) as classes,
    ):
        picture, small = shrunk_image(scene, LIMIT), shrunk_map(classes, LIMIT)
    painted = fit(colorize(small.classes, task), picture)
    sheet = draw_sheet({"scene": picture, "map": painted, "both": blend(picture, painted)}, task)
    write_picture(sheet, out)


def draw_sheet(panels: dict[str, Picture], task: Task) -> Image.Image:
    """Draws panels of one size (H,W,3 uint8) side by side under their names, and the legend below."""
    height, width = next(iter(panels.values())).shape[:2]
    column = max(width, SMALLEST_WIDTH)
    rows = legend_rows(task, len(panels) * (column + GAP) - GAP)
    size = (len(panels) * (column + GAP) + GAP, height + TITLE + LEGEND * len(rows) + GAP)
    sheet = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for k, (name, panel) in enumerate(panels.items()):
        left = GAP + k * (column + GAP)
        draw.text((left, 8), name, INK, font(14))
        sheet.paste(Image.fromarray(np.ascontiguousarray(panel)), (left, TITLE))
    for k, row in enumerate(rows):
        draw_legend(draw, row, task, TITLE + height + LEGEND * k + 14)
    return sheet


def legend_rows(task: Task, width: int) -> list[list[int]]:
    """The class ids of each line of the legend, so that no line is wider than `width` pixels."""
    rows: list[list[int]] = [[]]
    used = 0.0
    for k, label in enumerate(task.labels):
        if rows[-1] and used + _entry(label) > width:
            rows.append([])
            used = 0.0
        rows[-1].append(k)
        used += _entry(label)
    return rows


def draw_legend(draw: ImageDraw.ImageDraw, ids: list[int], task: Task, top: int) -> None:
    """Draws one line of the legend, its upper edge at row `top`."""
    left = float(GAP)
    for k in ids:
        draw.rounded_rectangle((left, top, left + 18, top + 18), 4, task_colors(task)[k], EDGE)
        draw.text((left + 26, top + 1), task.labels[k], INK, font(14))
        left += _entry(task.labels[k])


def _entry(label: str) -> float:
    """Width of a legend entry in pixels."""
    return 26 + font(14).getlength(label) + 26


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font, at a size in pixels."""
    return ImageFont.load_default(size)
