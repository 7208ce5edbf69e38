"""A picture of the maps of several models, one row per image: the image, then its map by each model.

    python benchmarks/models_picture.py OUT.jpg --models FORMER.onnx landcover --images A.jpg B.jpg [--side 256]

Each image is cut to its middle `--side` pixels; the models see the whole of it. The picture of the card of `landcover`
shows images of places that it has not learned from.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import smalti as sm

SHOWN, GAP = 300, 6


def main() -> None:
    """Makes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--models", nargs="+", required=True)
    parser.add_argument("--images", nargs="+", type=Path, required=True)
    parser.add_argument("--side", type=int, default=256)
    options = parser.parse_args()
    rows = [_row(path, options.models, options.side) for path in options.images]
    whole = Image.new("RGB", (max(row.width for row in rows), len(rows) * (SHOWN + GAP) - GAP), "white")
    for number, row in enumerate(rows):
        whole.paste(row, (0, number * (SHOWN + GAP)))
    whole.save(options.out, quality=85, optimize=True)


def _row(path: Path, models: list[str], side: int) -> Image.Image:
    image = np.asarray(Image.open(path).convert("RGB"))
    views = [image, *(_map(image, model) for model in models)]
    row = Image.new("RGB", (len(views) * (SHOWN + GAP) - GAP, SHOWN), "white")
    for number, view in enumerate(views):
        top, left = ((size - side) // 2 for size in view.shape[:2])
        part = Image.fromarray(view[top : top + side, left : left + side])
        row.paste(part.resize((SHOWN, SHOWN), Image.Resampling.LANCZOS), (number * (SHOWN + GAP), 0))
    return row


def _map(image: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    model = sm.open_model(name)
    colors = np.array([*model.card.class_task().colors, (255, 255, 255)], np.uint8)
    classes = sm.predict(image, model, axes="HWC").classes
    return colors[np.minimum(classes, len(colors) - 1)]


if __name__ == "__main__":
    main()
