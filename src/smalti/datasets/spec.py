"""The description of a dataset: classes, files, splits, and terms of use.

Files are named by patterns below any folder: `{id}` is an image's name in the dataset, `{padded}` the same with its
numbers in two digits, `{folder}` and `{stem}` its two parts at the last slash. `*` may stand in folders. Case and
spaces are ignored.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from smalti.card import Task
from smalti.raster.label_spec import LabelSpec
from smalti.raster.palette import parse_color
from smalti.raster.reader import Reader

Role = Literal["train", "validation", "test"]
Bands = tuple[str, ...]
Patterns = tuple[str, ...]
"""Possible places of one file; the first that exists is used."""


@dataclass(frozen=True)
class SplitSpec:
    """A part of a dataset: images named one by one, or all that lie in some folders."""

    role: Role
    """What its authors or the literature use it for; a choice on a test split must be asked for by name."""
    words: str
    """Where it comes from, for the protocol."""
    ids: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    """Where there are no ids: folders whose images belong to it."""
    but: tuple[str, ...] = ()
    """Ids in those folders that do not belong to it."""
    count: int = 0
    """How many images those folders hold when complete, without `but`."""
    listed: str = ""
    """A file of the download that lists its chips, one `ID_NUMBER` a line."""
    labelled: bool = True
    """Whether its labels are public."""

    @property
    def images(self) -> int:
        """Images of it when complete."""
        return len(self.ids) or self.count


@dataclass(frozen=True)
class ValueRasters:
    """Rasters of heights or depths that come with the images."""

    patterns: Patterns
    quantity: Literal["", "height", "depth"]
    """As `Task.quantity` has it: a height above sea level is neither of them."""
    metres: float | None
    """Metres of the value 1; None if the dataset does not state it."""
    words: str
    short: int = 0
    """Rows or columns that may be missing at a file's end; invalid there."""


class Store(Protocol):
    """Opens images that lie together in one file of their own kind, each by its id."""

    def image(self, path: Path, image: str, bands: Bands) -> Reader:
        """The pixels."""

    def labels(self, path: Path, image: str, labels: Path) -> Reader:
        """The class values, as the description's `spec` explains them; `labels` is what its patterns found."""

    def values(self, path: Path, image: str, name: str) -> Reader:
        """The values of that name."""


@dataclass(frozen=True)
class DatasetSpec:
    """A public dataset."""

    name: str
    title: str
    classes: tuple[str, ...]
    """In the order of their ids."""
    colors: tuple[str, ...]
    """`#RRGGBB` for maps, one per class."""
    spec: LabelSpec
    """How its labels are stored, by the names of its classes."""
    images: dict[Bands, Patterns]
    """The same images in one or more choices of bands."""
    labels: Patterns
    splits: dict[str, SplitSpec]
    pixel: str
    """Its pixel size in words, with its unit."""
    size: str
    """Its image sizes in words."""
    licence: str
    citation: str
    url: str
    eroded: Patterns = ()
    """Labels whose borders were taken out by the dataset's authors."""
    values: dict[str, ValueRasters] = field(default_factory=dict)
    """Heights and depths by their names in the set."""
    leave_out: tuple[str, ...] = ()
    """Catch-all classes that part of the literature keeps out of its means."""
    beside: tuple[str, ...] = ()
    """Patterns of further files of the download, reported neither as missing nor as extra."""
    chip: int = 0
    """Side of the chips that `listed` splits count."""
    store: Store | None = None
    """What opens the images if all of them are in one file."""
    notes: tuple[str, ...] = ()
    """Caveats about scores on it."""

    def task(self, name: str = "classes") -> Task:
        """Its classes as a card keeps them."""
        return Task(name=name, labels=self.classes, colors=tuple(map(parse_color, self.colors)))

    def words(self, split: str) -> str:
        """A split for a protocol."""
        part = self.splits[split]
        return f"{split} of {self.name}: {part.words}"


def by_color(classes: dict[str, str], ignore: tuple[str, ...] = (), threshold: int | None = None) -> LabelSpec:
    """Labels in colours: `classes` gives each its `#RRGGBB`; see `LabelSpec.threshold`."""
    colors: dict[str, str | int] = {color: name for name, color in classes.items()}
    return LabelSpec(colors=colors | dict.fromkeys(ignore, "ignore"), threshold=threshold)


def listed(text: str, separator: str | None = None) -> tuple[str, ...]:
    """Names written in one text."""
    return tuple(text.split(separator))
