"""The images of a split with their labels and heights, and which files are missing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from smalti.datasets.folder import Folder, fill
from smalti.datasets.registry import find_split
from smalti.datasets.spec import Bands, DatasetSpec, SplitSpec
from smalti.errors import DataError
from smalti.raster.grid import Grid
from smalti.raster.read import open_raster
from smalti.text import some
from smalti.tiling import Window

Borders = Literal["full", "eroded"]
NAMED_AT_ONCE = 5
CHIP = re.compile(r".+_[0-9]{1,9}")
"""A line of a list: an image and the number of one of its chips."""


@dataclass(frozen=True)
class Item:
    """One image of a dataset; paths lead there from where the program runs."""

    id: str
    image: Path
    labels: Path | None
    eroded: Path | None
    values: dict[str, Path]
    """Heights and depths that exist, by their names in the dataset."""
    together: bool = False
    """Whether its file holds other images too."""
    window: Window | None = None
    """The part of the files that is meant; None for all of them."""

    @property
    def place(self) -> Path:
        """The image's file, or a name of its own beside it where the file holds more: two chips are two places."""
        return self.image if not self.together else self.image.with_name(f"{self.image.name}#{self.id}")

    def truth(self, borders: Borders) -> Path:
        """The labels of that kind; they are there wherever `find_items` gave the item for it."""
        path = self.eroded if borders == "eroded" else self.labels
        assert path is not None
        return path


@dataclass(frozen=True)
class Search:
    """What was found of a split."""

    items: tuple[Item, ...]
    """Its images; none where anything is missing."""
    missing: tuple[str, ...]
    """Missing files, by their first pattern; or how many files of a folder are missing."""
    bands: Bands
    """The bands of the images, in the order of the files."""


def find_items(
    dataset: DatasetSpec, root: Path, split: str, bands: Sequence[str] | None = None, borders: Borders = "full"
) -> Search:
    """The images of a split, complete, in bands that hold those asked for.

    Raises DataError: no such split, no such bands, or a file is missing (it names the first ones).
    """
    if borders == "eroded" and not dataset.eroded:
        raise DataError(f"{dataset.name} has no eroded labels of its own; omit borders = 'eroded'")
    search = look(dataset, Folder(root), find_split(dataset, split), bands, borders)
    if search.missing:
        raise DataError(
            f"{root}: {dataset.name} is incomplete for its split {split}: "
            f"{some(search.missing, NAMED_AT_ONCE)} missing; "
            f"see all with: smalti data {dataset.name} {root} --split {split}"
        )
    return search


def look(
    dataset: DatasetSpec,
    folder: Folder,
    split: SplitSpec,
    bands: Sequence[str] | None = None,
    borders: Borders = "full",
) -> Search:
    """The images of a split that exist, and which files are missing."""
    ids, missing = list_ids(dataset, folder, split)
    images = {image: image.rpartition("_")[0] if split.listed else image for image in ids}  # a chip's file
    files = dict.fromkeys(images.values())
    chosen = max(
        _fitting(dataset, bands),
        key=lambda choice: sum(folder.find(dataset.images[choice], file) is not None for file in files),
    )
    found = {file: _item(dataset, folder, file, chosen) for file in files}
    wanted = dataset.labels if borders == "full" else dataset.eroded
    for file, item in found.items():
        if item is None:
            missing.append(fill(dataset.images[chosen][0], file))
        if folder.find(wanted, file) is None:
            missing.append(fill(wanted[0], file))
    if missing:
        return Search((), tuple(dict.fromkeys(missing)), chosen)
    items = [(image, item) for image, file in images.items() if (item := found[file])]
    return Search(tuple(_chip(dataset, item, image) if split.listed else item for image, item in items), (), chosen)


def _fitting(dataset: DatasetSpec, bands: Sequence[str] | None) -> list[Bands]:
    """The choices of bands that hold those asked for."""
    fitting = [choice for choice in dataset.images if bands is None or set(bands) <= set(choice)]
    if not fitting:
        has = " or ".join(f"({', '.join(choice)})" for choice in dataset.images)
        raise DataError(f"{dataset.name} has {has}; the card asks for {', '.join(bands or ())}")
    return fitting


def list_ids(dataset: DatasetSpec, folder: Folder, split: SplitSpec) -> tuple[list[str], list[str]]:
    """Ids of a split's images, and messages about missing lists and files."""
    if split.ids:
        return list(split.ids), []
    if split.listed:
        path = folder.find((split.listed,), "")
        if path is None:
            return [], [split.listed]
        lines = (folder.root / path).read_text(encoding="utf-8", errors="replace").split()
        for number, line in enumerate(lines, 1):
            if not CHIP.fullmatch(line):
                raise DataError(
                    f"{folder.root / path}, line {number}: is {line[:60]!r}; expected an image and the number "
                    "of a chip, as NAME_0; download the list again"
                )
        return lines, [] if len(lines) == split.count else [f"{split.count} lines of {split.listed}, not {len(lines)}"]
    patterns = tuple(pattern for choice in dataset.images.values() for pattern in choice)
    out = set(split.but)
    ids = [image for home in split.folders for image in folder.images(patterns, home) if image not in out]
    lack = split.count - len(ids)
    place = fill(dataset.images[next(iter(dataset.images))][0], f"{split.folders[0]}/*")
    return ids, [f"{lack} of {split.count} images {place}"] if lack > 0 else []


def _item(dataset: DatasetSpec, folder: Folder, image: str, bands: Bands) -> Item | None:
    path = folder.find(dataset.images[bands], image)
    if path is None:
        return None

    def place(patterns: tuple[str, ...]) -> Path | None:
        found = folder.find(patterns, image) if patterns else None
        return None if found is None else folder.root / found

    values = {name: place(each.patterns) for name, each in dataset.values.items()}
    return Item(
        image,
        folder.root / path,
        place(dataset.labels),
        place(dataset.eroded),
        {name: found for name, found in values.items() if found},
        dataset.store is not None,
    )


def _chip(dataset: DatasetSpec, item: Item, image: str) -> Item:
    """The chip of an image: numbered row by row, including those that reach beyond its border."""
    side = dataset.chip
    grid = whole_grid(item.image)
    row, col = divmod(int(image.rpartition("_")[2]), -(-grid.width // side))
    window = Window(row * side, col * side, side, side)
    if window.bottom > grid.height or window.right > grid.width:
        size = f"{grid.width}x{grid.height}"
        raise DataError(f"{item.image}: has {size} pixels, so there is no chip {image}; it is not the original file")
    return replace(item, id=image, window=window, together=True)


@cache
def whole_grid(path: Path) -> Grid:
    """The grid of an image's file; cached, as a file may have many chips."""
    with open_raster(path) as reader:
        return reader.grid
