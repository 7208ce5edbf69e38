"""Pictures of images and their maps by several models, side by side: one row per image, one column per model.

    python benchmarks/map_sheet.py SHEET.jpg IMAGE [IMAGE ...] --models MODEL [MODEL ...] [--side 256]

Each model maps the whole image. Its middle is shown, `--side` pixels a side (smaller images are magnified).
The models must have the same classes and colours.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

import smalti as sm
from smalti.arrays import Picture
from smalti.raster.palette import colorize
from smalti.report.preview import BACKGROUND, EDGE, GAP, INK, TITLE, draw_legend, font


def main() -> None:
    """Maps all images by all models and writes the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    parser.add_argument("--models", nargs="+", required=True, metavar="MODEL")
    parser.add_argument("--side", type=int, default=256, help="pixels of a picture's side")
    options = parser.parse_args()
    models = [sm.open_model(name) for name in options.models]
    rows = [_row(image, models, options.side) for image in options.images]
    names = ["image", *(Path(name).stem for name in options.models)]
    _sheet(rows, names, models[0], options.side).save(options.sheet, quality=85)


def _row(path: Path, models: list[sm.OpenModel], side: int) -> list[Picture]:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert pixels is not None, path
    image = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
    maps = [colorize(sm.predict(image, model).classes, model.card.class_task()) for model in models]
    return [_middle(picture, side) for picture in (image, *maps)]


def _middle(picture: Picture, side: int) -> Picture:
    """The middle square of a picture, of exactly `side` pixels a side."""
    height, width = picture.shape[:2]
    part = min(side, height, width)
    top, left = (height - part) // 2, (width - part) // 2
    square = picture[top : top + part, left : left + part]
    return np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)


def _sheet(rows: list[list[Picture]], names: list[str], model: sm.OpenModel, side: int) -> Image.Image:
    cell = side + GAP
    sheet = Image.new("RGB", (GAP + cell * len(names), TITLE + cell * len(rows) + 40), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for column, name in enumerate(names):
        draw.text((GAP + cell * column, 8), name, INK, font(14))
        for row, pictures in enumerate(rows):
            place = (GAP + cell * column, TITLE + cell * row)
            sheet.paste(Image.fromarray(pictures[column]), place)
            draw.rectangle((*place, place[0] + side - 1, place[1] + side - 1), outline=EDGE)
    task = model.card.class_task()
    draw_legend(draw, list(range(len(task.labels))), task, TITLE + cell * len(rows) + 6)
    return sheet


if __name__ == "__main__":
    main()
