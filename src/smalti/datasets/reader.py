"""Images and labels of a dataset as readers: bands as a card asks, classes as a task asks, chips as images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smalti.card import Card, Task
from smalti.datasets.folder import fill
from smalti.datasets.index import Borders, Item, Search, find_items, whole_grid
from smalti.datasets.selection import Selection
from smalti.datasets.spec import Bands, DatasetSpec
from smalti.errors import DataError
from smalti.raster.crop import CroppedLabels, CroppedReader
from smalti.raster.grid import Grid
from smalti.raster.image_labels import ImageLabels
from smalti.raster.label_spec import LabelSpec, Wanted
from smalti.raster.labels import LabelReader, open_labels
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.raster.values import DEFAULT, METRES, ValueReader, ValueSpec, open_values


@dataclass(frozen=True)
class Opener:
    """How the images and labels of a dataset are opened for one card's bands and one task's classes."""

    dataset: DatasetSpec
    has: Bands
    """The bands of the files, in their order."""
    bands: Sequence[str]
    """Those that are read."""
    task: Task
    """The classes that the dataset's classes are mapped to."""
    spec: LabelSpec
    taken: tuple[Selection, ...] = ()
    """What the tasks use."""

    def image(self, item: Item) -> Reader:
        """The image; its bands are chosen by the order in the dataset's description, as files declare it wrongly."""
        if self.dataset.store:
            return self.dataset.store.image(item.image, item.id, tuple(self.bands))
        reader = open_raster(item.image, bands=[self.has.index(band) + 1 for band in self.bands])
        return reader if item.window is None else CroppedReader(reader, item.window)

    def labels(self, item: Item, grid: Grid, borders: Borders = "full") -> LabelReader:
        """The labels on the image's grid."""
        path = item.truth(borders)
        if self.dataset.store:
            return ImageLabels(self.dataset.store.labels(item.image, item.id, path), self.task, self.spec)
        if item.window is None:
            return open_labels(path, grid, self.task, self.spec)
        labels = open_labels(path, whole_grid(item.image), self.task, self.spec)
        return CroppedLabels(labels, item.window, self.task.ignore)

    def truth(self, item: Item, taken: Selection, borders: Borders, grid: Grid) -> LabelReader | ValueReader:
        """The ground truth of a task, on the image's grid."""
        if not taken.name:
            return self.labels(item, grid, borders)
        return self.values(item, grid, taken.name, taken.task, taken.values)

    def values(self, item: Item, grid: Grid, name: str, task: Task, spec: ValueSpec = DEFAULT) -> ValueReader:
        """The values of that name in the dataset, on the image's grid and in the task's unit.

        Raises DataError if the value of 1 in metres is unknown, and what `open_values` raises.
        """
        wanted = self._spec(name, task, spec)
        if name not in item.values:
            raise DataError(
                f"{item.place}: {self.dataset.name} has no {name} for it; see: smalti data {self.dataset.name} DIR"
            )
        if self.dataset.store:
            return ValueReader(self.dataset.store.values(item.image, item.id, name), task, wanted)
        path = item.values[name]
        return open_values(path, _shorter(grid, path, self.dataset.values[name].short), task, wanted)

    def _spec(self, name: str, task: Task, spec: ValueSpec) -> ValueSpec:
        """How the values are written down, from `spec`, or else from the dataset."""
        metres = self.dataset.values[name].metres
        if spec.scale is not None:
            return spec
        if metres is None or task.unit not in METRES:
            raise DataError(
                f"{self.dataset.name}: no scale is known from its {name} to {task.name} in {task.unit or 'no unit'}; "
                f"it is {self.dataset.values[name].words}: state with scale what a value of 1 means"
            )
        return spec.model_copy(update={"scale": metres / METRES[task.unit]})


def _shorter(grid: Grid, path: Path, short: int) -> Grid:
    """The image's grid, or the file's own if at most `short` rows or columns are missing at its end."""
    own = whole_grid(path) if short else grid
    lacks = grid.height - own.height, grid.width - own.width
    return own if min(lacks) >= 0 and max(lacks) <= short else grid


def make_opener(
    dataset: DatasetSpec, has: Bands, bands: Sequence[str], task: Task, classes: dict[str, Wanted] | None = None
) -> Opener:
    """An opener; `classes` renames or joins classes of the dataset: its name to a task's name, id, set or `ignore`.

    Raises DataError for a class that neither side has.
    """
    wanted = dict(classes or {})
    for name in wanted:
        if name not in dataset.classes:
            raise DataError(f"{dataset.name} has no class {name!r}; its classes are {', '.join(dataset.classes)}")
    for name in dataset.classes:
        if name not in wanted and name not in task.labels:
            raise DataError(
                f"{dataset.name} has the class {name!r}, the task has {', '.join(task.labels)}; "
                f"map it with classes = {{ {name!r} = 'ignore' }}"
            )

    def renamed(values: dict[Any, Wanted]) -> dict[Any, Wanted]:
        return {value: wanted.get(str(name), name) for value, name in values.items()}

    spec = dataset.spec
    spec = spec.model_copy(update={"colors": renamed(spec.colors), "ids": renamed(spec.ids)})
    # The dataset's colours are decoded by its own description: the task's may differ.
    plain = task.model_copy(update={"colors": (), "label_colors": {}})
    return Opener(dataset, has, bands, plain, spec)


def open_split(
    dataset: DatasetSpec,
    root: Path,
    split: str,
    card: Card,
    taken: Sequence[Selection],
    borders: Borders = "full",
    classes: dict[str, Wanted] | None = None,
) -> tuple[Opener, tuple[Item, ...]]:
    """The images of a split and what opens them for a card's bands and what its tasks use.

    DataError where an image, its labels or values are missing, or the classes differ.
    """
    return open_found(dataset, find_items(dataset, root, split, card.bands, borders), card, taken, classes)


def open_found(
    dataset: DatasetSpec,
    search: Search,
    card: Card,
    taken: Sequence[Selection],
    classes: dict[str, Wanted] | None = None,
) -> tuple[Opener, tuple[Item, ...]]:
    """See `open_split`, where the images of the split are found already."""
    labelled = next((each.task for each in taken if not each.name), None)
    opener = make_opener(dataset, search.bands, card.bands, labelled or dataset.task(), classes if labelled else None)
    for each in taken:
        if lack := lacking(dataset, search.items, each.name):
            raise DataError(f"{lack}; add them, or let `tasks` name only tasks that need none")
    return replace(opener, taken=tuple(taken)), search.items


def lacking(dataset: DatasetSpec, items: Sequence[Item], name: str) -> str:
    """One line on which values of that name are missing; empty if each item has them, or no name is given.

    DataError if the dataset has no values of that name.
    """
    if name and name not in dataset.values:
        raise DataError(
            f"{dataset.name} has no values called {name!r}; it has {', '.join(dataset.values) or 'none at all'}"
        )
    lacks = [item for item in items if name and name not in item.values]
    if not lacks:
        return ""
    first = fill(dataset.values[name].patterns[0], lacks[0].id)
    return f"{dataset.name}: {len(lacks)} of {len(items)} images have no {name}, the first one is {first}"
