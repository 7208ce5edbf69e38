"""Which pixel size suits a model: its scores on images that it sees enlarged or reduced.

    python benchmarks/zoomed_images.py RECIPE MODEL [--set data.root=FOLDER] [--zoom 0.5 1 2] [--coarser 1]
        [--source train] [--json FILE]

RECIPE is that of a model per pixel, such as recipes/landcover.toml. Scores the model on its validation images, tile by
tile: each tile is resampled by ZOOM for the network, and what it answers back to the pixels of the labels. With
`--coarser N` tiles lose their detail first, as if their pixels were N times as large; zooms still are those of the
original pixels. With `--source train` the real images that the recipe learns from are scored instead. Prints rightness
and mIoU of each place, and their means.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from changed_images import figures, results

from smalti.arrays import Floats, Pixels
from smalti.card import Card
from smalti.runtime.open import open_model
from smalti.scene import Predictor
from smalti.text import aligned
from smalti.training.recipe import PixelRecipe, read_pixels


class Zoomed:
    """A model that sees resampled tiles."""

    def __init__(self, predict: Predictor, zoom: float, coarser: int = 1) -> None:
        self._predict, self._zoom, self._coarser = predict, zoom, coarser

    @property
    def card(self) -> Card:
        """The model's."""
        return self._predict.card

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Its maps of the resampled tiles, resampled to the tiles' own pixels: (B,K,H,W) by task."""
        height, width = batch.shape[2:]
        tiles = batch.astype(np.float32)
        if self._coarser > 1:
            tiles = _resized(tiles, height // self._coarser, width // self._coarser)
        step = self.card.stride
        tiles = _resized(tiles, *(max(1, round(side * self._zoom / step)) * step for side in (height, width)))
        answers = self._predict(np.rint(tiles).clip(0, 255).astype(batch.dtype))
        maps = {name: answer for name, answer in answers.items() if answer.ndim == 4}
        return {name: _resized(np.asarray(answer, np.float32), height, width) for name, answer in maps.items()}


def _resized(x: Floats, height: int, width: int) -> Floats:
    """Planes (B,C,H,W) of another size: means of areas where they shrink, else bilinear."""
    if x.shape[2:] == (height, width):
        return x
    how = cv2.INTER_AREA if height < x.shape[2] else cv2.INTER_LINEAR
    planes = [[cv2.resize(plane, (width, height), interpolation=how) for plane in image] for image in x]
    return np.asarray(planes, np.float32)


def main() -> None:
    """Scores the model at all zooms, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--zoom", nargs="+", type=float, default=[0.5, 0.7, 1, 1.5, 2], metavar="ZOOM")
    parser.add_argument("--coarser", type=int, default=1, metavar="N")
    parser.add_argument("--source", choices=["validation", "train"], default="validation")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    recipe = read_pixels(options.recipe, options.changes)
    if options.source == "train":
        recipe = _real_training_images(recipe)
    predict = open_model(options.model)
    found = {zoom: results(recipe, Zoomed(predict, zoom, options.coarser)) for zoom in options.zoom}
    by_place = {zoom: {each["place"]: each for each in result["places"]} for zoom, result in found.items()}
    rows = [[name, *(figures(by_place[zoom][name]) for zoom in found)] for name in by_place[options.zoom[0]]]
    means = ["mean", *(figures(result["mean_over_places"]) for result in found.values())]
    print("\n".join(aligned([["zoom", *(f"{zoom:g}" for zoom in found)], *rows, means])))
    if options.json:
        options.json.write_text(json.dumps({str(zoom): result for zoom, result in found.items()}, indent=2))


def _real_training_images(recipe: PixelRecipe) -> PixelRecipe:
    """The recipe with its training images that are not drawn as validation images."""
    real = [source for source in recipe.data.train if source.kind != "drawn"]
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"validation": real})})


if __name__ == "__main__":
    main()
