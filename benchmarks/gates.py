"""The gates of adaptive feature aggregation as a picture: which task uses which task's features, and where.

    python benchmarks/gates.py CHECKPOINT IMAGE OUT.png [--side 512]

CHECKPOINT is a folder that `smalti train` wrote for a net of several tasks with `sharing = "afa"`. The picture shows
the middle of IMAGE; below it, for each stage (from 0, as in the recipe), how much a task takes of each other map:
1 is all, 0 nothing, and the rest is its own. Spatial gates are maps; channel gates are drawn as bars, the most open
channel first. The table has the mean of each, and the lowest and highest tenth.
"""

import argparse
import io
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from smalti.errors import ModelError
from smalti.files import deliver
from smalti.mapping.fit import open_fitting
from smalti.nets.build import Model
from smalti.nets.multitask import MultiTask
from smalti.raster.palette import RAMP
from smalti.raster.read import open_raster
from smalti.report.pictures import to_bytes, visible
from smalti.report.preview import BACKGROUND, GAP, INK, font
from smalti.report.relief import paint
from smalti.tiling import Window
from smalti.training.predict import load_model

HEADS = ("stage", "gate", "task", "listens to", "mean", "lowest tenth", "highest tenth")
TITLE = 24
PANEL = 256
"""Pixels of a panel's longer side at most."""


@dataclass(frozen=True)
class Listening:
    """The share that one task takes of another's feature maps after a stage."""

    stage: int
    kind: str
    task: str
    other: str
    shares: NDArray[np.float32]
    """From 0 to 1: (h, w) of places, (C,) of channels."""

    @property
    def title(self) -> str:
        """In words."""
        return f"stage {self.stage}, {self.kind}: {self.task} from {self.other}"

    def row(self) -> str:
        """A line of the table."""
        low, high = np.percentile(self.shares, (10, 90))
        cells = (self.stage, self.kind, self.task, self.other, *(f"{x:.3f}" for x in (self.shares.mean(), low, high)))
        return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    options = _options()
    model = load_model(options.checkpoint).eval()
    pixels, picture = read_middle(options.image, model, options.side)
    found = listen(model, pixels)
    print("| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS))
    print("\n".join(each.row() for each in found))
    stream = io.BytesIO()
    draw(picture, found).save(stream, "PNG")
    deliver(options.out, stream.getvalue())


def listen(model: Model, pixels: NDArray[Any]) -> list[Listening]:
    """The gates of a model for raw pixels C,H,W; ModelError if it has none."""
    if not isinstance(model.net, MultiTask):
        raise ModelError(f"model {model.card.name}: net {model.card.net} predicts one task; gates need several")
    with torch.inference_mode():
        gates = model.net.gates(model.normalise(torch.from_numpy(pixels[None].astype(np.float32))))
    if not gates:
        raise ModelError(f"model {model.card.name}: its scheme of sharing has no gates; train one with sharing afa")
    names = [task.name for task in model.card.tasks]
    return [
        Listening(stage, "places" if gate.ndim == 5 else "channels", task, other, gate[0, i, j].numpy())
        for stage, gate in gates
        for i, task in enumerate(names)
        for j, other in enumerate(names)
        if i != j
    ]


def read_middle(path: Path, model: Model, side: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Raw pixels C,H,W of the middle of an image, and how it is shown."""
    with closing(open_fitting(str(path), partial(open_raster, path), model.card, None, "native", print)) as reader:
        height, width = min(side, reader.grid.height), min(side, reader.grid.width)
        window = Window((reader.grid.height - height) // 2, (reader.grid.width - width) // 2, height, width)
        pixels, valid = reader.read(window)
    picture = to_bytes(visible(pixels), valid, pixels.dtype == np.uint8)
    scale = min(1.0, PANEL / max(height, width))
    return pixels, cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)


def draw(picture: NDArray[np.uint8], found: list[Listening]) -> Image.Image:
    """The picture, and below it one row per stage."""
    height, width = picture.shape[:2]
    across = sum(each.stage == found[0].stage for each in found)
    panels = [("the image, and the ramp from nothing to all", picture)]
    panels += [(each.title, panel(each, height, width)) for each in found]
    places = [(0, 0), *((1 + k // across, k % across) for k in range(len(found)))]
    columns, rows = max(2, across), 1 + -(-len(found) // across)
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + TITLE + GAP) + GAP), BACKGROUND)
    brush = ImageDraw.Draw(sheet)
    for (title, image), (row, column) in zip(panels, places, strict=True):
        left, top = GAP + column * (width + GAP), GAP + row * (height + TITLE + GAP)
        brush.text((left, top), title, INK, font(14))
        sheet.paste(Image.fromarray(image), (left, top + TITLE))
    ramp = paint(np.linspace(0, 1, width, dtype=np.float32)[None].repeat(TITLE, 0), 0, 1)
    sheet.paste(Image.fromarray(ramp), (2 * GAP + width, GAP + TITLE))
    return sheet


def panel(each: Listening, height: int, width: int) -> NDArray[np.uint8]:
    """Shares as a map of places, or as one bar per channel."""
    if each.shares.ndim == 2:
        shares = cv2.resize(each.shares, (width, height), interpolation=cv2.INTER_NEAREST)
        return paint(shares.astype(np.float32), 0, 1)
    bars = np.sort(each.shares)[::-1][np.arange(width) * each.shares.size // width]  # W
    filled = np.linspace(1, 0, height)[:, None] <= bars
    return np.where(filled[..., None], np.array(RAMP[3], np.uint8), np.uint8(255))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--side", type=int, default=512, help="Of the part of the image that is looked at, in pixels.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
