"""A model of land cover on sets that are for evaluation only: the places that nobody trained on.

    python benchmarks/unseen_places.py SETS MODEL [MODEL ...] [--pixel 0.3] [--georeferenced] [--only SET ...]
        [--json FILE]

SETS is the folder with `places` and `isprs-loveda-crops`; MODEL a name, an .onnx file or the folder of a checkpoint,
whose classes are land, water, building, vegetation and road. Each value of a set's labels allows the classes that its
description states. Rightness is the share of a value's pixels whose predicted class is allowed, its mean is over the
values; IoU is over the pixels that decide about a class, its mean over the classes that some label is. Every set counts
alike in the mean; sets below it are not in it. With `--pixel` images whose pixel size is known are also scored
resampled to that many metres, and the table has the mean of both. With `--georeferenced` these images get a
georeference of their pixel size, so that the model sees each as in a map of a GeoTIFF, at a pixel size that suits it.
`--work` keeps the resampled and the georeferenced images.
"""

import argparse
import json
import math
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np
import rasterio
from rasterio.transform import from_origin

import smalti as sm
from smalti.arrays import Pixels
from smalti.evaluation import ClassResult
from smalti.evaluation.pairs import find_pairs
from smalti.text import aligned, percent

NOT_BUILDING = '["land", "water", "vegetation", "road"]'
BUILDINGS = f'1 = "building", 0 = {NOT_BUILDING}'


@dataclass(frozen=True)
class Set:
    """A set, what its label values allow, and its pixel sizes."""

    name: str
    folder: str
    ids: str
    metres: dict[str, float] = field(default_factory=dict)
    """By the beginning of the images' names; images of unknown size have none."""
    further: bool = False
    """Whether it was set apart, as its images are tiny or far too coarse: shown below the mean."""

    def metres_of(self, image: Path) -> float | None:
        """The pixel size of an image, if it is known."""
        return next((size for start, size in self.metres.items() if image.name.startswith(start)), None)


SETS = (
    Set("dronedeploy-sample", "places/dronedeploy-sample",
        '0 = "building", 40 = "ignore", 80 = "vegetation", 120 = "water", 160 = ["land", "road"], 200 = "ignore"',
        {"": 0.1}),
    Set("kalimantan-rivers", "places/kalimantan-rivers",
        '1 = "water", 0 = ["land", "building", "vegetation", "road"]', {"": 0.3}),
    Set("world-buildings", "places/world-buildings", BUILDINGS,
        {"inria_kitsap11": 1.5, "inria_": 0.3, "spacenet_": 0.3, "whueastasia_": 0.45}),
    Set("jonkoping", "places/jonkoping", BUILDINGS, {"": 0.2}),
    Set("yangon", "places/yangon", BUILDINGS, {"": 0.1}),
    Set("roads", "places/roads", '1 = "road", 0 = ["land", "water", "building", "vegetation"]', {"deepglobe_": 0.5}),
    Set("potsdam-thumbs", "places/potsdam-thumbs",
        '1 = ["land", "road"], 2 = "building", 3 = "vegetation", 4 = "vegetation", 5 = "ignore", 6 = "ignore"',
        {"": 1.2}),
    Set("heights-beijing-zy3", "places/heights-beijing-zy3", BUILDINGS, further=True),
    Set("loveda-crops", "isprs-loveda-crops/pseudo_loveda_dataset",
        '0 = "ignore", 1 = ["land", "road"], 2 = "building", 3 = "road", 4 = "water", 5 = "land", '
        '6 = "vegetation", 7 = ["land", "vegetation"]', {"": 0.3}, further=True),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """The scores of a model on one set, at one scale or as the mean of two."""

    rightness: float
    iou: dict[str, float]
    """Of the classes that some label is."""
    labels: dict[str, float] = field(default_factory=dict)
    """Rightness of each value of the labels."""
    error: float = math.nan
    """Expected calibration error, with the temperature of the model's card."""

    @property
    def mean(self) -> float:
        """The mean IoU."""
        return fmean(self.iou.values())


def main() -> None:
    """Scores all models on all sets, and prints a table each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--pixel", type=float, metavar="METRES", help="score also at this pixel size")
    parser.add_argument("--georeferenced", action="store_true")
    parser.add_argument("--only", nargs="+", choices=[each.name for each in SETS], metavar="SET")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="keeps the images that are made")
    options = parser.parse_args()
    chosen = [each for each in SETS if not options.only or each.name in options.only]
    found = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        for model in options.models:
            rows = dict(_scored(model, chosen, options.sets, options.pixel, options.georeferenced, work))
            found[model] = {name: _plain(row) for name, row in rows.items()}
            print("\n".join([f"\n{model}", *_table(rows)]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


def _scored(
    name: str, sets: Iterable[Set], root: Path, pixel: float | None, georeferenced: bool, work: Path
) -> Iterator[tuple[str, Row]]:
    model = sm.open_model(name)
    for each in sets:
        own = root / each.folder
        rows = [_evaluated(model, each, _georeferenced(each, own, work) if georeferenced else own, work)]
        if pixel and (resampled := _resampled(each, own, pixel, work)):
            rows.append(_evaluated(model, each, resampled, work))
        yield each.name, _mean(rows)


def _evaluated(model: sm.OpenModel, each: Set, folder: Path, work: Path) -> Row:
    meanings = tomllib.loads(f"ids = {{ {each.ids} }}")["ids"]
    result = _result(model, meanings, folder, work)
    there = result.confusion.counts.sum(1) > 0
    iou = {label: value for label, value, yes in zip(result.task.labels, result.scores.iou, there, strict=True) if yes}
    values = {}
    for value, meaning in meanings.items():
        if meaning != "ignore":
            alike = [other for other in meanings if meanings[other] == meaning]
            alone = dict.fromkeys(meanings, "ignore") | {value: meaning}
            own = result if len(alike) == 1 else _result(model, alone, folder, work)
            if (right := _right(own, meaning)) is not None:
                values[value] = right
    calibration = result.calibration
    return Row(fmean(values.values()), iou, values, calibration.error if calibration else math.nan)


def _result(model: sm.OpenModel, meanings: Mapping[str, object], folder: Path, work: Path) -> ClassResult:
    specs = work / "labels.toml"
    specs.parent.mkdir(parents=True, exist_ok=True)
    specs.write_text(f"ids = {{ {', '.join(f'{value} = {json.dumps(each)}' for value, each in meanings.items())} }}\n")
    [result] = sm.evaluate(model, folder, labels=specs)
    assert isinstance(result, ClassResult)
    return result


def _right(result: ClassResult, meaning: str | list[str]) -> float | None:
    """The rightness of a meaning; None where no pixel has it."""
    wanted = {meaning} if isinstance(meaning, str) else set(meaning)
    named = [({result.task.labels[k] for k in each.classes}, each.right) for each in result.scores.rightness]
    return next((right for classes, right in named if classes == wanted), None)


def _resampled(each: Set, folder: Path, pixel: float, work: Path) -> Path | None:
    """A folder with those images of a set whose pixel size is known, all at `pixel` metres; None if there is none."""
    known = [(i, m, size) for i, m in find_pairs(folder) if (size := each.metres_of(i))]

    def write(out: Path) -> None:
        for image, mask, size in known:
            pixels, labels = _read(image), _read(mask)
            shape = [max(1, round(side * size / pixel)) for side in pixels.shape[1::-1]]
            how = cv2.INTER_AREA if size < pixel else cv2.INTER_CUBIC
            cv2.imwrite(str(out / "images" / f"{image.stem}.png"), cv2.resize(pixels, shape, interpolation=how))
            nearest = np.asarray(cv2.resize(labels, shape, interpolation=cv2.INTER_NEAREST))
            cv2.imwrite(str(out / "masks" / f"{image.stem}.png"), nearest)

    return _made(work / f"{each.name}-{pixel:g}m", write) if known else None


def _georeferenced(each: Set, folder: Path, work: Path) -> Path:
    """A folder with the images of a set; those whose pixel size is known lie on the ground."""

    def write(out: Path) -> None:
        for image, mask in find_pairs(folder):
            cv2.imwrite(str(out / "masks" / f"{image.stem}.png"), _read(mask))
            pixels = np.moveaxis(_read(image)[..., 2::-1], 2, 0)  # red, green, blue
            size = each.metres_of(image)
            where = {"crs": "EPSG:32633", "transform": from_origin(5e5, 5e6, size, size)} if size else {}
            count, height, width = pixels.shape
            with rasterio.open(
                out / "images" / f"{image.stem}.tif", "w", "GTiff", width, height, count, dtype="uint8", **where
            ) as file:
                file.write(pixels)

    return _made(work / f"{each.name}-georeferenced", write)


def _made(out: Path, write: Callable[[Path], None]) -> Path:
    """The folder of images and masks that `write` makes, unless it is there."""
    if not out.is_dir():
        unfinished = out.with_name(f"{out.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for kind in ("images", "masks"):
            (unfinished / kind).mkdir(parents=True)
        write(unfinished)
        unfinished.rename(out)
    return out


def _read(path: Path) -> Pixels:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return np.asarray(pixels)


def _mean(rows: Sequence[Row]) -> Row:
    """The mean over scales: a class counts at those where it is there."""
    iou = {name: fmean(row.iou[name] for row in rows if name in row.iou) for name in rows[0].iou}
    return Row(fmean(row.rightness for row in rows), iou, rows[0].labels, fmean(row.error for row in rows))


def _table(rows: dict[str, Row]) -> list[str]:
    further = {each.name for each in SETS if each.further}
    main = {name: row for name, row in rows.items() if name not in further}
    table = [_cells(name, row) for name, row in main.items()]
    if main:
        means = [
            percent(fmean(getattr(row, which) for row in main.values())) for which in ("rightness", "mean", "error")
        ]
        table.append(["mean", *means, ""])
    table += [_cells(name, row) for name, row in rows.items() if name in further]
    said = [row.pop() for row in table]
    lines = aligned([["set", "rightness", "mIoU", "ECE"], *table])
    worst = min(rows, key=lambda name: rows[name].rightness)
    return [
        *(f"{line}   {words}".rstrip() for line, words in zip(lines, ["", *said], strict=True)),
        f"worst: {worst}, rightness {percent(rows[worst].rightness)}",
    ]


def _cells(name: str, row: Row) -> list[str]:
    """Name, rightness, mIoU, calibration error, and the IoU of each class."""
    each = ", ".join(f"{label} {percent(value)}" for label, value in row.iou.items())
    return [name, percent(row.rightness), percent(row.mean), percent(row.error), each]


def _plain(row: Row) -> dict[str, object]:
    return {"rightness": row.rightness, "miou": row.mean, "iou": row.iou, "labels": row.labels, "ece": row.error}


if __name__ == "__main__":
    main()
