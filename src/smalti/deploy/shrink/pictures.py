"""The tiles on which a smaller model differs most from its parent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smalti.arrays import Floats, Mask, Pixels
from smalti.card import Task
from smalti.deploy.agreement import agreement
from smalti.runtime.models import ModelFile
from smalti.runtime.onnx import OnnxPredictor

SHOWN = 4


@dataclass(frozen=True, slots=True)
class Differing:
    """A tile, and what both models predict for its first task of a map."""

    image: Pixels
    """Raw pixels C,H,W."""
    task: Task
    before: Floats
    """K,H,W, as is `after`."""
    after: Floats
    agreement: float

    @property
    def changed(self) -> Mask:
        """Where the class is another one, or the value one by more than a tenth of its spread (H, W)."""
        if self.task.has_classes:
            return np.asarray(self.before.argmax(0) != self.after.argmax(0))
        return np.asarray(np.abs(self.before - self.after)[0] > 0.1 * self.before.std())


def differing(parent: ModelFile, model: ModelFile, tiles: Sequence[Pixels]) -> list[Differing]:
    """The tiles that differ most, of raw pixels 1,C,H,W; none of a model without maps."""
    task = next((task for task in model.card.tasks if not task.per_image), None)
    if task is None:
        return []
    before, after = OnnxPredictor(parent), OnnxPredictor(model)
    found = []
    for tile in tiles:
        one, other = before(tile), after(tile)
        share = agreement([task], [one], [other])[task.name]
        found.append(Differing(tile[0], task, one[task.name][0], other[task.name][0], share))
    return sorted(found, key=lambda each: each.agreement)[:SHOWN]
