"""Heights against LiDAR at a place where a model has not learned, beside constants.

    python benchmarks/real_heights.py HEIGHTS --recipe RECIPE [--seeds 0,1,2] [--set A.B=C] [--out FOLDER]
    python benchmarks/real_heights.py HEIGHTS --model MODEL

HEIGHTS is the folder `places/heights`: images, LiDAR heights and land cover. With `--recipe`, for each place and seed
the recipe is trained with `data.unseen = [PLACE]` and its best checkpoint scored on that place; a killed run resumes,
and finished ones are not repeated. With `--model` a model is scored as it is: it must not have learned at the place.
`--places` takes these places alone; `--json` and `--markdown` write the tables to files, too.

For buildings, vegetation, trees (vegetation of at least 2.5 m), ground, and all of them: root mean squared error and
Pearson's correlation of the model, beside three constants:

* class mean: the mean height of the pixel's TRUE class at the other places. A model must beat it: it knows the class
  already, so what it lacks is which building and which tree is tall;
* own mean: the same at the place itself, which no one can know: its error is the spread within the class;
* one mean: one height for every pixel, the mean of the other places.

Pixels without a class are left out, but in Oregon, whose LiDAR has classes for the ground alone: there everything
else is vegetation (and a footbridge).
"""

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import smalti as sm
from smalti.arrays import Floats

Ids = NDArray[np.uint8]
CLASSES = {"ground": 0, "building": 2, "vegetation": 3}
UNCLASSIFIED = 255
ALL_VEGETATION = ("oregon_autzen",)
"""Places where pixels without a class are vegetation."""
TREE = 2.5
"""Metres."""


@dataclass(frozen=True)
class Place:
    """A place: its image, and the ground truth (H, W) of its heights, NaN where unknown, and of its classes."""

    name: str
    image: Path
    height: Floats
    classes: Ids

    def parts(self) -> dict[str, NDArray[np.bool_]]:
        """The pixels that count, by the name of the row."""
        known = np.isfinite(self.height)
        parts = {name: known & (self.classes == number) for name, number in CLASSES.items()}
        return {
            "building": parts["building"],
            "vegetation": parts["vegetation"],
            "trees": parts["vegetation"] & (self.height >= TREE),
            "ground": parts["ground"],
            "all": np.any(list(parts.values()), axis=0),
        }


@dataclass(frozen=True)
class Row:
    """The scores of one part of a place; metres, and None where they are not defined."""

    part: str
    pixels: int
    mean: float | None
    rmse: float | None
    correlation: float | None
    class_mean: float | None
    own_mean: float | None
    one_mean: float | None

    @property
    def beats(self) -> bool | None:
        """Whether the error is below that of the mean of the true class at the other places."""
        return None if self.rmse is None or self.class_mean is None else self.rmse < self.class_mean


def main() -> None:
    """Trains if asked to, scores, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("heights", type=Path)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--recipe", type=Path)
    what.add_argument("--model", help="a name, an .onnx file or the folder of a checkpoint")
    parser.add_argument("--places", nargs="+", metavar="NAME", help="these places alone")
    parser.add_argument("--seeds", default="0", help="numbers with commas")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C")
    parser.add_argument("--out", type=Path, default=Path("runs/real_heights"))
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    options = parser.parse_args()
    places = read_places(options.heights)
    seeds = [int(seed) for seed in options.seeds.split(",")] if options.recipe else [None]
    found: dict[str, dict[str, list[Row]]] = {}
    for name in options.places or list(places):
        for seed in seeds:
            model = options.model
            if seed is not None:
                model = str(trained(options.recipe, options.changes, options.out, name, seed))
            label = str(options.model) if seed is None else f"seed {seed}"
            found.setdefault(name, {})[label] = score(model, places[name], others(places, name))
            print("\n".join(markdown({name: {label: found[name][label]}})), flush=True)
    if options.json:
        options.json.write_text(json.dumps(plain(found), indent=2))
    if options.markdown:
        options.markdown.write_text("\n".join(markdown(found)))


def read_places(folder: Path) -> dict[str, Place]:
    """All places of the folder by name; `NAME_0.5m.png` is of the place NAME."""
    places = {}
    for image in sorted((folder / "images").glob("*.png")):
        name = image.stem.rpartition("_")[0]
        with sm.open_raster(folder / "ndsm" / f"{image.stem}.tif") as heights:
            whole = sm.Window(0, 0, heights.grid.height, heights.grid.width)
            values, known = heights.read(whole)
        with sm.open_raster(folder / "masks" / f"{image.stem}.png") as masks:
            classes = masks.read(whole)[0][0].astype(np.uint8)
        if name in ALL_VEGETATION:
            classes[classes == UNCLASSIFIED] = CLASSES["vegetation"]
        places[name] = Place(name, image, np.where(known, values[0], np.nan).astype(np.float32), classes)
    return places


def others(places: Mapping[str, Place], left_out: str) -> list[Place]:
    """The places but one."""
    return [place for name, place in places.items() if name != left_out]


def trained(recipe: Path, changes: Sequence[str], out: Path, place: str, seed: int) -> Path:
    """The best checkpoint of the recipe without a place; trains it where that is not done."""
    folder = out / f"{place}_{seed}"
    settings = (*changes, f"data.unseen={json.dumps([place])}", f"train.seed={seed}")
    arguments = [part for change in settings for part in ("--set", change)]
    command = [sys.executable, "-m", "smalti", "train", str(recipe), *arguments, "--out", str(folder)]
    subprocess.run(command, check=True)
    return folder / "best"


def score(model: str, place: Place, training: Iterable[Place]) -> list[Row]:
    """The rows of a place; the constants are those of the training places."""
    prediction = sm.predict(place.image, model)
    return rows(place, prediction.values, list(training))


def rows(place: Place, predicted: Floats, training: Sequence[Place]) -> list[Row]:
    """The rows of a place, from predicted heights (H, W) in metres."""
    means = {part: _mean(training, part) for part in place.parts()}
    own = {part: _mean([place], part) for part in place.parts()}
    return [_row(place, part, predicted, means, own) for part in place.parts()]


def _mean(places: Iterable[Place], part: str) -> float:
    """The mean height of all pixels of a part at some places; NaN where there is none."""
    heights = np.concatenate([place.height[place.parts()[part]] for place in places])
    return float(heights.mean(dtype=np.float64)) if heights.size else math.nan


def _row(place: Place, part: str, predicted: Floats, means: Mapping[str, float], own: Mapping[str, float]) -> Row:
    where = place.parts()[part]
    truth, ours = place.height[where].astype(np.float64), predicted[where].astype(np.float64)
    found = ours.std() > 0 and truth.std() > 0 if truth.size > 1 else False
    return Row(
        part,
        int(truth.size),
        _number(truth.mean() if truth.size else math.nan),
        _rmse(truth, ours),
        _number(float(np.corrcoef(truth, ours)[0, 1])) if found else None,
        _rmse(truth, _constants(place, part, means)[where]),
        _rmse(truth, _constants(place, part, own)[where]),
        _rmse(truth, np.full_like(truth, means["all"])),
    )


def _constants(place: Place, part: str, means: Mapping[str, float]) -> NDArray[np.float64]:
    """A map (H, W) of the mean of the part, or, for `all`, of the mean of each pixel's class."""
    if part != "all":
        return np.full(place.height.shape, means[part])
    out = np.full(place.height.shape, np.nan)
    for name in CLASSES:
        out[place.parts()[name]] = means[name]
    return out


def _rmse(truth: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """The root mean squared difference; None where a class has no mean, or there is no pixel."""
    return _number(float(np.sqrt(np.mean((truth - other) ** 2)))) if truth.size else None


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def markdown(found: Mapping[str, Mapping[str, Sequence[Row]]]) -> list[str]:
    """Tables by place and model."""
    lines: list[str] = []
    for place, models in found.items():
        for model, each in models.items():
            lines += ["", f"**{place}**, not seen by `{model}`", ""]
            lines += [
                "| | pixels | mean, m | RMSE, m | correlation | class mean | own mean | one mean | beats class mean |"
            ]
            lines += ["|---|---|---|---|---|---|---|---|---|"]
            lines += [_cells(row) for row in each if row.pixels]
    return lines


def _cells(row: Row) -> str:
    numbers = (row.mean, row.rmse, row.correlation, row.class_mean, row.own_mean, row.one_mean)
    beats = {True: "yes", False: "no", None: "-"}[row.beats]
    return " | ".join(
        [f"| {row.part}", f"{row.pixels:,}", *("-" if n is None else f"{n:.2f}" for n in numbers), f"{beats} |"]
    )


def plain(found: Mapping[str, Mapping[str, Sequence[Row]]]) -> dict[str, dict[str, list[dict[str, object]]]]:
    """The same as JSON: by place and model, a list of parts."""
    return {
        place: {
            model: [asdict(row) | {"beats_class_mean": row.beats} for row in each] for model, each in models.items()
        }
        for place, models in found.items()
    }


if __name__ == "__main__":
    main()
