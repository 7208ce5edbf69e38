"""Places with labels for `teach_users.py`: two parts of each, one to paint on and one to test on.

Images are resampled to the pixel size that land-cover models are trained for, and cut into tiles of 512 pixels.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from teach_drawn import DRAWN

Image = NDArray[np.uint8]
"""H,W,3, or class ids H,W, where 255 is unknown."""
Pair = tuple[Image, Image]
Parts = tuple[list[Pair], list[Pair]]

TILE, MOST_TILES = 512, 4
BUILDINGS = {"building": ["building"], "other": ["land", "water", "vegetation", "road"]}
PLANTS = {"vegetation": ["vegetation"], "other": ["land", "water", "building", "road"]}
WATER = {"water": ["water"], "other": ["land", "building", "vegetation", "road"]}


@dataclass(frozen=True)
class Place:
    """A place, its classes (of which only the first one is scored, unless `all_classes`), and where its images are."""

    name: str
    classes: dict[str, list[str]]
    read: Callable[[Path], Parts]
    all_classes: bool = False


def _color(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path))[:, :, ::-1], np.uint8)


def _resized(image: Image, ids: Image, factor: float) -> Pair:
    size = (round(ids.shape[1] * factor), round(ids.shape[0] * factor))
    small = (
        cv2.resize(image, size, interpolation=cv2.INTER_AREA),
        cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST),
    )
    return np.asarray(small[0], np.uint8), np.asarray(small[1], np.uint8)


def _halves(pairs: Iterable[Pair]) -> Parts:
    listed = list(pairs)
    return listed[: len(listed) // 2], listed[len(listed) // 2 :]


def _masked(folder: str, start: str, factor: float, ids: dict[int, int], every: int = 1) -> Callable[[Path], Parts]:
    """Images with masks, in the order of their names; the first half is painted on."""

    def read(data: Path) -> Iterator[Pair]:
        for path in sorted((data / folder / "images").glob(f"{start}*.jpg"))[::every]:
            mask = cv2.imread(str(data / folder / "masks" / f"{path.stem}.png"), 0)
            known = np.full(mask.shape, 255, np.uint8)
            for value, label in ids.items():
                known[mask == value] = label
            yield _resized(_color(path), known, factor)

    return lambda data: _halves(read(data))


def _mosaic(tiles: dict[tuple[int, int], Pair], factor: float) -> Parts:
    """Tiles of a web map by column and row, joined; the western half of its labelled pixels is painted on."""
    west, north = min(x for x, _ in tiles), min(y for _, y in tiles)
    side = next(iter(tiles.values()))[1].shape[0]
    rows, cols = (max(at[k] for at in tiles) - (west, north)[k] + 1 for k in (1, 0))
    image, ids = np.zeros((rows * side, cols * side, 3), np.uint8), np.full((rows * side, cols * side), 255, np.uint8)
    for (x, y), (part, labels) in tiles.items():
        place = slice((y - north) * side, (y - north + 1) * side), slice((x - west) * side, (x - west + 1) * side)
        image[place], ids[place] = part, labels
    image, ids = _resized(image, ids, factor)
    known = np.cumsum((ids != 255).sum(axis=0))
    middle = int(np.searchsorted(known, known[-1] / 2))
    return [(image[:, :middle], ids[:, :middle])], [(image[:, middle:], ids[:, middle:])]


def _at(path: Path) -> tuple[int, int]:
    x, y = re.findall(r"OAM-(\d+)-(\d+)-", path.name)[0]
    return int(x), int(y)


def _banepa(data: Path) -> Parts:
    from rasterio.features import rasterize
    from rasterio.transform import from_bounds

    (labels,) = (data / "banepa/train/osm").glob("*.geojson")
    shapes = [(feature["geometry"], 0) for feature in json.loads(labels.read_text())["features"]]
    count = 2**19

    def corner(x: int, y: int) -> tuple[float, float]:
        return x / count * 360 - 180, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / count))))

    def pair(path: Path) -> Pair:
        x, y = _at(path)
        (west, north), (east, south) = corner(x, y), corner(x + 1, y + 1)
        place = from_bounds(west, south, east, north, 512, 512)
        return _color(path), rasterize(shapes, (512, 512), fill=1, transform=place, dtype="uint8")

    return _mosaic({_at(path): pair(path) for path in (data / "banepa/train/oam").glob("*.tif")}, 0.5)


def _kampala(data: Path) -> Parts:
    tiles = {}
    for chips, masks in (("chips", "binarymasks"), ("val-chips", "val-binarymasks")):
        for path in (data / "kampala" / chips).glob("*-21.tif"):
            mask = cv2.imread(str(data / "kampala" / masks / f"{path.stem}.mask.tif"), cv2.IMREAD_UNCHANGED)
            tiles[_at(path)] = _color(path), np.where(mask > 0, 0, 1).astype(np.uint8)
    return _mosaic(tiles, 0.3)


def _loveda(data: Path) -> Parts:
    """The left and the right halves of three images."""
    folder = data / "isprs-loveda-crops/pseudo_loveda_dataset"
    ids = {7: 0, 6: 1, 4: 2, 1: 3, 2: 3, 3: 3, 5: 3}
    halves: Parts = ([], [])
    for path in sorted((folder / "img_dir").glob("*.png")):
        mask = np.asarray(cv2.imread(str(folder / "ann_dir" / path.name), 0))
        known = np.full(mask.shape, 255, np.uint8)
        for value, label in ids.items():
            known[mask == value] = label
        image, middle = _color(path), mask.shape[1] // 2
        halves[0].append((image[:, :middle], known[:, :middle]))
        halves[1].append((image[:, middle:], known[:, middle:]))
    return halves


_DUBAI = {
    (0x84, 0x29, 0xF6): 0,
    (0xE2, 0xA9, 0x29): 1,
    (0x3C, 0x10, 0x98): 2,
    (0xFE, 0xDD, 0x3A): 3,
    (0x6E, 0xC1, 0xE4): 4,
}


def _dubai(tile: int) -> Callable[[Path], Parts]:
    def read(data: Path) -> Iterator[Pair]:
        folder = data / f"dubai/tile{tile}"
        for path in sorted((folder / "images").glob("*.jpg")):
            mask = _color(folder / "masks" / f"{path.stem}.png")
            ids = np.full(mask.shape[:2], 255, np.uint8)
            for color, label in _DUBAI.items():
                ids[(mask == color).all(axis=2)] = label
            yield _color(path)[: 2 * TILE, : 2 * TILE], ids[: 2 * TILE, : 2 * TILE]

    return lambda data: _halves(read(data))


_TWO, _PLANTS = {1: 0, 0: 1}, {3: 0, 0: 1}
_FIVE = {name: [name] for name in ("land", "water", "building", "vegetation", "road")}
_DRONE = {"ground": ["land", "road", "water"], "building": ["building"], "vegetation": ["vegetation"]}


def _city(name: str) -> Callable[[Path], Parts]:
    return _masked("places/california-naip", name, 1, _PLANTS)


CHOSEN_BY = (
    Place("Banepa", BUILDINGS, _banepa),
    Place("Zanzibar", BUILDINGS, _masked("places/fair-buildings", "zanzibar", 0.6, _TWO)),
    Place("Yangon", BUILDINGS, _masked("places/yangon", "", 0.5, _TWO)),
    Place("Austin", BUILDINGS, _masked("places/world-buildings", "inria_austin", 1, _TWO)),
    Place("Kalimantan", WATER, _masked("places/kalimantan-rivers", "", 1, _TWO)),
    Place("Bishop", PLANTS, _city("bishop")),
    Place("Riverside", PLANTS, _city("riverside")),
    Place("Chico", PLANTS, _city("chico")),
    Place("Dubai 6", _FIVE, _dubai(6), True),
)
"""Places by which the head was designed; their figures flatter it a little."""
HELD_OUT = (
    Place("Kampala", BUILDINGS, _kampala),
    Place("Nairobi", BUILDINGS, _masked("places/fair-buildings", "nairobi", 0.6, _TWO)),
    Place("Jonkoping", BUILDINGS, _masked("places/jonkoping", "", 1, _TWO, 6)),
    Place("Chicago", BUILDINGS, _masked("places/world-buildings", "inria_chicago", 1, _TWO)),
    Place("Palm Springs", PLANTS, _city("palm_springs")),
    Place("Long Beach", PLANTS, _city("long_beach")),
    Place("Santa Monica", PLANTS, _city("santa_monica")),
    Place("Claremont", PLANTS, _city("claremont")),
    Place("DroneDeploy", _DRONE, _masked("places/dronedeploy-sample", "", 0.6, {0: 1, 80: 2, 120: 0, 160: 0}, 4), True),
    Place("Dubai 7", _FIVE, _dubai(7), True),
)
"""Places that are only reported."""
PLACES = (*CHOSEN_BY, *HELD_OUT)
_CROPS = {"crops": [], "forest": ["vegetation"], "water": ["water"], "other": ["land", "building", "road"]}
_TREES = {
    "tree": ["vegetation"],
    "grass": ["vegetation"],
    "building": ["building"],
    "ground": ["land", "road", "water"],
}
_OTHER = ["land", "water", "vegetation", "road"]


def _drawn(name: str) -> Place:
    """A drawn place; kinds of roofs are told apart among the model's buildings, other new classes are none of its."""
    drawn = DRAWN[name]

    def read(data: Path) -> Parts:
        here, there = ([_resized(*pair, drawn.factor()) for pair in part] for part in drawn.read(data))
        return here, there

    parents = {"other": _OTHER} | {name: ["building"] for name in drawn.classes if "roof" in name}
    return Place(f"{name}, drawn", {each: parents.get(each, _FIVE.get(each, [])) for each in drawn.classes}, read)


NEW = (
    Place("Crops", _CROPS, _loveda),
    Place("Trees", _TREES, _masked("places/potsdam-thumbs", "", 2, {4: 0, 3: 1, 2: 2, 1: 3})),
    *map(_drawn, DRAWN),
)
"""Places with a class that the model lacks, or does not tell apart."""


def tiles(pairs: list[Pair]) -> Iterator[Pair]:
    """Tiles of at most 512 pixels with sides of multiples of 32, about as much ground as four whole ones."""
    pixels = 0
    for image, ids in pairs:
        for row in range(0, ids.shape[0], TILE):
            for col in range(0, ids.shape[1], TILE):
                part, labels = image[row : row + TILE, col : col + TILE], ids[row : row + TILE, col : col + TILE]
                if min(labels.shape) < 64 or (labels != 255).mean() < 0.1 or pixels >= MOST_TILES * TILE**2:
                    continue
                pixels += labels.size
                more = [(0, -side % 32) for side in labels.shape]
                yield np.pad(part, [*more, (0, 0)], "symmetric"), np.pad(labels, more, constant_values=255)
