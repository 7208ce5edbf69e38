"""How well a converted model agrees with the model itself, both run on the same tiles."""

from collections.abc import Sequence

import numpy as np

from smalti.arrays import Floats, Pixels
from smalti.card import Card, Task
from smalti.deploy.parity import blobs
from smalti.errors import ExportError
from smalti.synth.scene import draw
from smalti.tiling import Window

LEAST = 0.998
"""Of files with weights of 32 bits."""
LEAST_HALF = 0.995
"""Of files with weights of 16 bits."""
LEAST_INT8 = 0.95
"""Of files of 8 bits: they agree in about 98 % on images like those they were quantized with."""
_TILES = 3


def tiles_of(card: Card) -> list[Pixels]:
    """Tiles 1,C,H,W of the card's size and dtype: drawn scenes for RGB, else patches."""
    if card.bands == ("red", "green", "blue") and card.dtype == "uint8":
        window = Window(0, 0, card.tile, card.tile)
        return [draw(window, seed).image[None] for seed in range(_TILES)]
    random = np.random.default_rng(0)
    return [blobs(card, (1, card.tile, card.tile), random) for _ in range(_TILES)]


def agreement(
    tasks: Sequence[Task], expected: Sequence[dict[str, Floats]], found: Sequence[dict[str, Floats]]
) -> dict[str, float]:
    """Per task the share of pixels of the same class, or 1 - the mean difference of a value relative to its largest."""
    return {
        task.name: float(
            np.mean(
                [_alike(task, one[task.name], other[task.name]) for one, other in zip(expected, found, strict=True)]
            )
        )
        for task in tasks
    }


def _alike(task: Task, expected: Floats, found: Floats) -> float:
    if expected.shape != found.shape or not np.isfinite(found).all():
        return 0.0
    if task.has_classes:
        return float((expected.argmax(1) == found.argmax(1)).mean())
    return float(1 - np.abs(expected - found).mean() / max(1.0, float(np.abs(expected).max())))


def check_agreement(found: dict[str, float], least: float, target: str, suspects: Sequence[str] = ()) -> None:
    """ExportError for a task whose predictions differ too much; it names the `suspects`, operators of the graph."""
    why = f"; its operators {', '.join(suspects)} may mean something else there" if suspects else ""
    for task, share in found.items():
        if not share >= least:
            raise ExportError(
                f"not written: for {target}, task {task} agrees with the model in {share:.4f} of the test tiles, "
                f"expected {least:g} at least{why}; try another target"
            )
