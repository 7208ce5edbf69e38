"""A download against its description: what is missing, what is extra, what the labels hold."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smalti.datasets.check_values import Range, value_ranges
from smalti.datasets.folder import Folder, fill
from smalti.datasets.index import Item, Search, list_ids, look
from smalti.datasets.reader import Opener, make_opener
from smalti.datasets.registry import find_split
from smalti.datasets.spec import DatasetSpec, Patterns
from smalti.errors import SmaltiError
from smalti.tiling import strips


@dataclass(frozen=True)
class Files:
    """Which files of a dataset are there."""

    searches: dict[str, Search]
    """By split, of those that were asked for."""
    optional: dict[str, tuple[int, int]]
    """Optional files: how many exist, and how many a complete download has."""
    lacking: tuple[str, ...]
    """Missing heights and depths of kinds of which some files exist."""
    extra: tuple[Path, ...]
    """Files that do not belong to the dataset."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Required files that are missing, each once."""
        return tuple(dict.fromkeys(lack for search in self.searches.values() for lack in search.missing))


def check_files(dataset: DatasetSpec, root: Path, split: str | None = None) -> Files:
    """Looks for all files of a dataset, or of one split. Raises DataError: no such folder or split."""
    folder = Folder(root)
    names = [split] if split else [name for name, part in dataset.splits.items() if part.labelled]
    searches = {name: look(dataset, folder, find_split(dataset, name)) for name in names}
    groups: dict[str, Patterns] = {"images in " + ", ".join(choice): at for choice, at in dataset.images.items()}
    if dataset.eroded:
        groups["eroded labels"] = dataset.eroded
    groups |= {name: values.patterns for name, values in dataset.values.items()}
    optional = {name: _found(dataset, folder, names, patterns) for name, patterns in groups.items()}
    hidden = [name for name, part in dataset.splits.items() if not part.labelled]
    for name in hidden:
        ids = list_ids(dataset, folder, dataset.splits[name])[0]
        optional[f"images of {name}, which has no public labels"] = (len(ids), dataset.splits[name].count)
    if len(dataset.images) == 1:
        del optional[next(iter(groups))]  # those are needed, and reported as missing
    lacking = tuple(
        lack for patterns in dataset.values.values() for lack in _lacking(dataset, folder, names, patterns.patterns)
    )
    return Files(searches, optional, lacking, () if split else _extra(dataset, folder, groups))


def _found(dataset: DatasetSpec, folder: Folder, names: list[str], patterns: Patterns) -> tuple[int, int]:
    """The number of images of some splits with a file for the patterns, and the number of images."""
    files = _files(dataset, folder, names)
    return sum(folder.find(patterns, file) is not None for file in files), len(files)


def _lacking(dataset: DatasetSpec, folder: Folder, names: list[str], patterns: Patterns) -> list[str]:
    """The missing files of some patterns; empty if all of them are missing."""
    files = _files(dataset, folder, names)
    lacks = [fill(patterns[0], file) for file in files if folder.find(patterns, file) is None]
    return lacks if len(lacks) < len(files) else []


def _files(dataset: DatasetSpec, folder: Folder, names: list[str]) -> list[str]:
    """The images of some splits, chips by their file."""
    found: dict[str, None] = {}
    for name in names:
        split = dataset.splits[name]
        for image in list_ids(dataset, folder, split)[0]:
            found[image.rpartition("_")[0] if split.listed else image] = None
    return list(found)


def _extra(dataset: DatasetSpec, folder: Folder, groups: dict[str, Patterns]) -> tuple[Path, ...]:
    files = _files(dataset, folder, list(dataset.splits))
    every = [*groups.values(), *((pattern,) for pattern in dataset.labels)]  # labels may exist in two layouts
    used = {path for patterns in every for file in files if (path := folder.find(patterns, file))}
    lists = tuple(split.listed for split in dataset.splits.values() if split.listed)
    return tuple(folder.others(used, dataset.beside + lists))


@dataclass(frozen=True)
class Contents:
    """What the labels of a dataset hold."""

    pixels: dict[str, NDArray[np.int64]]
    """Per split the pixels of each class, and the ignored ones last (classes + 1)."""
    sizes: dict[str, tuple[int, int]]
    """Smallest and largest height and width: `height` and `width`."""
    values: dict[str, Range]
    """Minimum and maximum of heights and depths, by their names in the dataset."""
    problems: tuple[str, ...]
    """Lines about files that cannot be used."""


def check_contents(dataset: DatasetSpec, files: Files, progress: Callable[[str], None] = lambda name: None) -> Contents:
    """Reads all labels, heights and depths; `progress` gets the name of each image before it is read."""
    task = dataset.task()
    counts: dict[Path, NDArray[np.int64]] = {}
    ranges: dict[str, Range] = {}
    problems: list[str] = []
    sides: list[tuple[int, int]] = []
    pixels = {}
    for name, search in files.searches.items():
        opener = make_opener(dataset, search.bands, search.bands, task)
        total = np.zeros(len(dataset.classes) + 1, np.int64)
        for item in search.items:
            if item.place not in counts:
                progress(item.id)
                counts[item.place], size = _count(opener, item, problems)
                sides += [size] if size else []
                for kind, found in value_ranges(opener, item, problems).items():
                    ranges[kind] = ranges.get(kind, Range()).joined(found)
            total += counts[item.place]
        pixels[name] = total
    heights, widths = zip(*sides, strict=True) if sides else ((0,), (0,))
    sizes = {"height": (min(heights), max(heights)), "width": (min(widths), max(widths))}
    return Contents(pixels, sizes, ranges, tuple(problems))


def _count(opener: Opener, item: Item, problems: list[str]) -> tuple[NDArray[np.int64], tuple[int, int] | None]:
    """Pixels of each class and ignored ones (classes + 1), and the size (H, W).

    Zeros, None and a line in `problems` if the image or its labels cannot be read."""
    classes = len(opener.task.labels)
    total = np.zeros(256, np.int64)
    try:
        with closing(opener.image(item)) as image:
            grid = image.grid
        with closing(opener.labels(item, grid)) as labels:
            for window in strips(grid.height, grid.width):
                total += np.bincount(labels.read(window).reshape(-1), minlength=256)
    except SmaltiError as error:
        problems.append(str(error))
        return np.zeros(classes + 1, np.int64), None
    return np.append(total[:classes], total[classes:].sum()), (grid.height, grid.width)
