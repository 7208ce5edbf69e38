"""The heights and depths of a download: their range, and how many pixels have a value."""

from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from smalti.card import Task
from smalti.datasets.index import Item
from smalti.datasets.reader import Opener
from smalti.errors import SmaltiError
from smalti.raster.values import ValueReader, ValueSpec
from smalti.tiling import strips


@dataclass(frozen=True)
class Range:
    """Minimum and maximum of values, and how many pixels have one."""

    low: float = np.inf
    high: float = -np.inf
    known: int = 0
    pixels: int = 0

    def joined(self, other: "Range") -> "Range":
        """Both together."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Range(low, high, self.known + other.known, self.pixels + other.pixels)


def value_task(opener: Opener, name: str) -> Task:
    """The values of that name as a task: in metres, or without a unit if the dataset states none."""
    values = opener.dataset.values[name]
    if values.metres is None:
        return Task(name=name, kind="value")
    return Task(name=name, kind="value", unit="m", quantity=values.quantity)


def open_plain(opener: Opener, item: Item, name: str) -> ValueReader:
    """The values of that name: in metres, or as stored if the dataset states no unit."""
    spec = ValueSpec() if opener.dataset.values[name].metres is not None else ValueSpec(scale=1)
    with closing(opener.image(item)) as image:
        return opener.values(item, image.grid, name, value_task(opener, name), spec)


def value_ranges(opener: Opener, item: Item, problems: list[str]) -> dict[str, Range]:
    """The range of each kind of values that an image has; a line in `problems` for each that cannot be read."""
    found = {}
    for name in item.values:
        try:
            with closing(opener.image(item)) as image:
                grid = image.grid
            with closing(open_plain(opener, item, name)) as values:
                found[name] = _range(values, grid.height, grid.width)
        except SmaltiError as error:
            problems.append(str(error))
    return found


def _range(reader: ValueReader, height: int, width: int) -> Range:
    total = Range()
    for window in strips(height, width):
        values = reader.read(window)
        known = values[~np.isnan(values)]
        part = Range(pixels=values.size, known=known.size)
        if known.size:
            part = replace(part, low=float(known.min()), high=float(known.max()))
        total = total.joined(part)
    return total
