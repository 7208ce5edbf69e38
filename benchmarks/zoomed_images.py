"""Which pixel size suits a model: its scores on images that it sees enlarged or reduced.

    python benchmarks/zoomed_images.py RECIPE MODEL [--set data.root=FOLDER] [--zoom 0.5 1 2] [--coarser 1]
        [--source train] [--json FILE]

RECIPE is that of a model per pixel, such as recipes/landcover.toml. Scores the model on its validation images, each
resampled by ZOOM for the network as `smalti map` resamples scenes, in tiles of the usual size, and scored on its own
pixels. With `--coarser N` images lose their detail first, as if their pixels were N times as large; zooms still are
those of the original pixels, so that 1/N shows the network such pixels as they are. With `--source train` the real
images that the recipe learns from are scored instead. Prints rightness and mIoU of each place, and their means; and the
share of the tiles that the model says are unlike its training, if it says so.
"""

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean

from changed_images import figures

from smalti.arrays import Floats, Pixels
from smalti.card import UNLIKE, Card
from smalti.evaluation import evaluate
from smalti.evaluation.pairs import Pair
from smalti.raster.ground import pixel_size_m
from smalti.raster.reader import Reader
from smalti.raster.resample import Resampled
from smalti.raster.scaled import Scaled
from smalti.runtime.open import open_model
from smalti.scene import Predictor
from smalti.text import aligned, percent
from smalti.training.kinds.pixels.prepare import part_pairs
from smalti.training.recipe import PixelRecipe, read_pixels


class Counted:
    """A model whose tiles are counted."""

    def __init__(self, predict: Predictor) -> None:
        self._predict = predict
        self._values: list[float] = []

    @property
    def card(self) -> Card:
        """The model's."""
        return self._predict.card

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Its answers."""
        found = self._predict(batch)
        self._values += found[UNLIKE][:, 0].tolist() if UNLIKE in found else []
        return found

    @property
    def share(self) -> float:
        """Of the tiles, those that are unlike the training; NaN of a model that does not say so."""
        if self.card.unlike is None:
            return math.nan
        return fmean(value > self.card.unlike.threshold for value in self._values)


def main() -> None:
    """Scores the model at all zooms, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--zoom", nargs="+", type=float, default=[0.5, 0.7, 1.0, 1.5, 2.0], metavar="ZOOM")
    parser.add_argument("--coarser", type=int, default=1, metavar="N")
    parser.add_argument("--source", choices=["validation", "train"], default="validation")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    recipe, predict = read_pixels(options.recipe, options.changes), open_model(options.model)
    if options.source == "train":
        recipe = _real_training_images(recipe)
    pairs, _ = part_pairs(recipe, predict.card, "validation")
    found, unlike = {}, []
    for zoom in options.zoom:
        zoomed = [_zoomed(pair, zoom, options.coarser) for pair in pairs]
        counted = Counted(predict)
        [result] = evaluate(counted, zoomed, boundary=None, by_place=True)
        found[f"{zoom:g}"] = result.to_dict() | {"unlike": counted.share}
        unlike.append(percent(counted.share))
    by_place = [{each["place"]: each for each in result["places"]} for result in found.values()]
    rows = [[name, *(figures(places[name]) for places in by_place)] for name in by_place[0]]
    means = ["mean", *(figures(result["mean_over_places"]) for result in found.values())]
    print("\n".join(aligned([["zoom", *found], *rows, means, ["unlike", *unlike]])))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


def _real_training_images(recipe: PixelRecipe) -> PixelRecipe:
    """The recipe with its training images that are not drawn as validation images."""
    real = [source for source in recipe.data.train if source.kind != "drawn"]
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"validation": real})})


def _zoomed(pair: Pair, zoom: float, coarser: int) -> Pair:
    return replace(pair, open_image=partial(_open, pair.open_image, zoom, coarser))


def _open(open_image: Callable[[], Reader], zoom: float, coarser: int) -> Reader:
    """The image, which the network sees resampled; a pixel of unknown size counts as 1 m."""
    image, seen = open_image(), open_image()
    metres = pixel_size_m(seen.grid)
    if metres is None:
        metres = seen.photo_m = 1.0
    if coarser > 1:
        seen = Resampled(seen, metres * coarser)
    return Scaled(image, Resampled(seen, metres / zoom), metres / zoom, "")


if __name__ == "__main__":
    main()
