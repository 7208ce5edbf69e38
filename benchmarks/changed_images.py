"""How much of a model's scores is left on images that a worse camera, light or service gives.

    python benchmarks/changed_images.py RECIPE MODEL ... [--set data.root=FOLDER] [--only NAME ...] [--json FILE]

RECIPE is that of a model per pixel, such as recipes/landcover.toml. Scores the models on its validation images as they
are and after each change, tile by tile: the mean over places of rightness and of mIoU. Nothing is learned, and the
changes are the same for all models.
"""

import argparse
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np

from smalti.arrays import Floats, Pixels
from smalti.card import Card
from smalti.data.pixels.colours import coarser, compressed
from smalti.evaluation import evaluate
from smalti.runtime.open import open_model
from smalti.scene import Predictor
from smalti.text import aligned, percent
from smalti.training.kinds.pixels.prepare import part_pairs
from smalti.training.recipe import PixelRecipe, read_pixels


def _blurred(x: Floats, deviation: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(x, (0, 0), deviation), np.float32)


def _gamma(x: Floats, exponent: float) -> Floats:
    return np.asarray(255 * (x / 255) ** np.float32(exponent), np.float32)


CHANGES: dict[str, Callable[[Floats], Floats]] = {
    "none": lambda x: x,
    "dim and flat": lambda x: ((x - 110) * 0.4 + 110) * 0.6,
    "hazy": lambda x: x * 0.55 + 85,
    "bluish": lambda x: x * np.array([0.8, 1, 1.2], np.float32),
    "reddish": lambda x: x * np.array([1.2, 1, 0.75], np.float32),
    "lighter": lambda x: _gamma(x, 0.55),
    "darker": lambda x: _gamma(x, 1.8),
    "blurred": lambda x: _blurred(x, 2.0),
    "3 times coarser": lambda x: coarser(x, 3),
    "sharpened": lambda x: x + 1.5 * (x - _blurred(x, 1.5)),
    "JPEG, quality 25": lambda x: 255 * compressed(x / 255, 25),
}
"""Each takes red, green, blue (H, W, 3) from 0 to 255, float32."""


class Changed:
    """A model that sees changed images."""

    def __init__(self, predict: Predictor, change: Callable[[Floats], Floats]) -> None:
        self._predict, self._change = predict, change

    @property
    def card(self) -> Card:
        """The model's."""
        return self._predict.card

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Its answers to the changed tiles, as bytes again."""
        changed = [self._change(np.moveaxis(tile.astype(np.float32), 0, 2)) for tile in batch]
        whole = np.stack([np.moveaxis(np.rint(tile.clip(0, 255)), 2, 0) for tile in changed])
        return self._predict(np.ascontiguousarray(whole).astype(batch.dtype))


def main() -> None:
    """Scores all models with all changes, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--only", nargs="+", choices=CHANGES, default=list(CHANGES), metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    recipe = read_pixels(options.recipe, options.changes)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in options.only:
        found[name] = {}
        for model in options.models:
            found[name][model] = scores(recipe, open_model(model), name)
        print(name, {model: figures(scores) for model, scores in found[name].items()}, flush=True)
    rows = [[name, *(figures(scores[model]) for model in options.models)] for name, scores in found.items()]
    print("\n".join(aligned([["rightness / mIoU", *options.models], *rows])))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


def scores(recipe: PixelRecipe, predict: Predictor, change: str) -> dict[str, float]:
    """The means over places of a model on a recipe's validation images after a change."""
    changed = Changed(predict, CHANGES[change])
    pairs, _ = part_pairs(recipe, changed.card, "validation")
    [result] = evaluate(changed, pairs, boundary=None, by_place=True)
    return result.to_dict()["mean_over_places"]


def figures(scores: Mapping[str, float | None]) -> str:
    found = [scores[name] for name in ("rightness", "mIoU")]
    return " / ".join(percent(math.nan if value is None else value) for value in found)


if __name__ == "__main__":
    main()
