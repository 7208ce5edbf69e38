"""What it gains to keep the means of layers when weights are rounded to 8 bits, each model without a layer in float.

    python benchmarks/rounding.py RECIPE IMAGES MODEL ... [--set data.root=FOLDER] [--only NAME ...]

RECIPE is that of a model per pixel, such as recipes/landcover.toml; IMAGES, a file, folder or glob, calibrate. Each
MODEL, in floats, is scored on the recipe's validation images as they are and changed (see changed_images.py): as it is,
and in integers with its weights rounded to the nearest, with the sums of channels kept, and with biases corrected, too.
The integers are computed exactly, in floats that are rounded step by step, so that the processor does not matter.
"""

import argparse
from pathlib import Path

import numpy as np
from changed_images import CHANGES, figures, scores
from saturation import computing_exactly

from smalti.arrays import Pixels
from smalti.deploy.calibration_tiles import calibration_tiles, spread
from smalti.deploy.shrink import quantize, rounding
from smalti.runtime.integers import in_floats
from smalti.runtime.models import ModelFile, find_model, verify
from smalti.runtime.onnx import OnnxPredictor
from smalti.runtime.rounding import rounded
from smalti.text import aligned
from smalti.training.recipe import read_pixels

TILES = 50
HOW = NEAREST, _, BIASES = "to the nearest", "sums kept", "and biases corrected"
"""Ways to round weights."""


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("images")
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--only", nargs="+", choices=CHANGES, default=["none", "dim and flat"], metavar="NAME")
    options = parser.parse_args()
    recipe = read_pixels(options.recipe, options.changes)
    rows = [("model", "weights", *options.only)]
    computing_exactly()
    for name in options.models:
        model = in_floats(verify(find_model(name)))
        tiles = spread(calibration_tiles(options.images, model.card), TILES)
        forms = {"in floats": model} | {how: _in_integers(model, tiles, how) for how in HOW}
        for how, form in forms.items():
            predict = OnnxPredictor(form)
            rows.append((name, how, *(figures(scores(recipe, predict, change)) for change in options.only)))
            print(*rows[-1], flush=True)
    print("\n".join(aligned(rows)))


def _in_integers(model: ModelFile, tiles: list[Pixels], how: str) -> ModelFile:
    rounding.rounded = rounded if how != NEAREST else lambda values, _: np.rint(values)
    quantizer = quantize.Quantizer(model.content, model.card, tiles)
    if how != BIASES:
        quantizer._means = {name: np.zeros_like(means) for name, means in quantizer._means.items()}
    return ModelFile(model.path, quantizer.quantized(), model.card, "")


if __name__ == "__main__":
    main()
