"""A picture of a training's first windows as they enter the net, augmented, beside their targets."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Picture
from smalti.card import Card, Task
from smalti.data.pixels.sample import Sample
from smalti.errors import RecipeError
from smalti.raster.palette import colorize
from smalti.report.contact_sheet import GREYS, SIDE, draw_contact_sheet
from smalti.report.own_picture import check_picture, write_picture
from smalti.report.pictures import fit
from smalti.report.relief import limits, paint
from smalti.training.kinds.pixels.work import PixelWork
from smalti.training.work import Work

WINDOWS = 24


def write_batches(work: Work, out: Path) -> int:
    """Writes the first windows of a training as PNG; returns their number. RecipeError for a training without them."""
    if not isinstance(work, PixelWork):
        raise RecipeError("--show-batches: shows windows with labels; this recipe trains on images of one label each")
    check_picture(out)
    rows: list[tuple[str, list[Picture]]] = []
    batches = work.batches(0)
    while len(rows) < WINDOWS:
        batch: Sample = next(batches)
        rows += [(Path(name).name, _panels(batch, k, work)) for k, name in enumerate(batch["names"])]
    batches.close()
    write_picture(draw_contact_sheet(rows[:WINDOWS], _legend(work.card)), out)
    return len(rows[:WINDOWS])


def _legend(card: Card) -> Task:
    """The task whose classes the legend shows."""
    return next((task for task in card.tasks if task.kind == "classes"), Task(name="none", labels=("no classes",)))


def _panels(batch: Sample, k: int, work: PixelWork) -> list[Picture]:
    """The k-th window and its targets, all of one size."""
    valid = batch["valid"][k].numpy()
    targets = {name: target[k].numpy() for name, target in batch["targets"].items()}
    tasks = [task for task in work.tasks.values() if task.name in targets]
    painted = [_painted(np.where(valid, targets[task.name], _nothing(task)), task) for task in tasks]
    small = np.zeros((SIDE, SIDE, 3), np.uint8)  # windows are square
    return [fit(each, small) for each in (_picture(batch["image"][k].numpy(), valid), *painted)]


def _picture(pixels: NDArray[np.float32], valid: NDArray[np.bool_]) -> Picture:
    """Three bands C,H,W, stretched together between their 1st and 99th percentile unless they are uint8."""
    shown = pixels[:3] if len(pixels) >= 3 else np.repeat(pixels[:1], 3, 0)
    low, high = (0.0, 255.0) if shown.max(initial=0) <= 255 else np.percentile(shown[:, valid], (1, 99))
    scaled = np.clip((shown - low) / max(high - low, 1e-6), 0, 1) * 255
    return np.ascontiguousarray(np.where(valid, scaled, 255).transpose(1, 2, 0).astype(np.uint8))


def _nothing(task: Task) -> float:
    return task.ignore if task.kind == "classes" else np.nan


def _painted(target: NDArray[np.float64], task: Task) -> Picture:
    if task.kind == "classes":
        return colorize(target.astype(np.uint8), task)
    values = target.astype(np.float32)
    return paint(values, *limits(values), GREYS)
