"""Weak labels: made on the fly by rules on near infrared or heights, not by people, and stated as such in protocols.

NDVI = (nir - red) / (nir + red) is high for live vegetation (Rouse et al., 1974), NDWI = (green - nir) / (green + nir)
for open water (McFeeters, 1996), and a normalised surface model for buildings and trees. Each rule has a threshold and
a band around it where it says nothing. Several rules apply together, also with labels of people: a class must be
allowed by each of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from smalti.arrays import Floats
from smalti.card import Card, Task
from smalti.data.pixels.labels import TruthFile
from smalti.data.pixels.scenes import open_card_raster
from smalti.errors import DataError, LabelError
from smalti.evaluation.pairs import TruthReader
from smalti.label_sets import IDS, Allowed, allowed_table, set_ids, words
from smalti.raster.aligned import align
from smalti.raster.grid import Grid
from smalti.raster.label_spec import LabelSpec, Wanted, class_id, class_set
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader, closing_on_error
from smalti.raster.values import open_values
from smalti.tiling import Window

MOST_CLASSES = 63
"""Classes that a set of bits in an int64 holds."""
HEIGHT = Task(name="height", kind="value", quantity="height", unit="m")


class WeakRule(BaseModel):
    """A rule of weak labels, `ndvi`, `ndwi` or `ndsm`: a threshold, and the classes on either side."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    threshold: float
    """Of the index, or metres."""
    unsure: float = Field(0.0, ge=0)
    """Values this close to the threshold say nothing."""
    above: Wanted | None = None
    """The class above the threshold, or a list of the possible ones; by default any class."""
    below: Wanted | None = None
    """The same below the threshold."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("says nothing; give the classes above or below the threshold")
        return self

    def text(self, name: str, task: Task) -> str:
        """The rule in words, with the name of what it looks at."""
        low, high = self.threshold - self.unsure, self.threshold + self.unsure
        sides = ((f"above {high:g}", self.above), (f"below {low:g}", self.below))
        said = [f"{where} {_words(task, wanted)}" for where, wanted in sides if wanted is not None]
        return f"{name} {', '.join(said)}"


class WeakSpec(BaseModel):
    """Labels made by rules on near infrared or heights."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    nir: str | int | None = None
    """Near infrared: the number of a band of the images, or the folder of files of one band beside the images."""
    heights: str | None = None
    """The folder of heights above the ground, in metres, beside the images."""
    ndvi: WeakRule | None = None
    """High for live vegetation."""
    ndwi: WeakRule | None = None
    """High for open water."""
    ndsm: WeakRule | None = None
    """High for buildings and trees."""
    dark: float = Field(0.0, ge=0)
    """Pixels with a smaller mean of the two bands of an index say nothing: in shadow it is noise."""
    with_labels: bool = False
    """Whether the labels of the source apply as well; else there are only the rules, and no label files are needed."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if not (self.ndvi or self.ndwi or self.ndsm):
            raise ValueError("has no rule; give ndvi, ndwi or ndsm")
        if (self.ndvi or self.ndwi) and self.nir is None:
            raise ValueError("ndvi and ndwi need nir: the number of a band, or a folder")
        if self.ndsm and self.heights is None:
            raise ValueError("ndsm needs heights: the folder of them")
        return self

    @property
    def rules(self) -> dict[str, WeakRule]:
        """The rules by their keys."""
        return {key: rule for key in ("ndvi", "ndwi", "ndsm") if (rule := getattr(self, key))}

    def sets(self, task: Task, stated: Iterable[Allowed], where: str) -> set[Allowed]:
        """All sets that its labels can allow, where those of people allow the `stated` ones.

        LabelError, beginning with `where`, for what is not a class.
        """
        if len(task.labels) > MOST_CLASSES:
            raise LabelError(f"{where}: task {task.name} has {len(task.labels)} classes; {MOST_CLASSES} is the most")
        every = _every(task)
        own = {*stated, *((k,) for k in range(len(task.labels)))} if self.with_labels else set()
        found = {every, *(_bits(each) for each in own)}
        for key, rule in self.rules.items():
            sides = (_mask(task, rule.above, f"{where}{key}.above"), _mask(task, rule.below, f"{where}{key}.below"))
            found = {one & other for one in found for other in (*sides, every)}
        return {each for bits in found if (each := _classes(bits))}

    def text(self, task: Task) -> str:
        """The rules in words, for protocols."""
        texts = [rule.text({"ndsm": "height"}.get(key, key.upper()), task) for key, rule in self.rules.items()]
        return "; ".join(texts) + ("; together with the labels of people" if self.with_labels else "")


@dataclass(frozen=True)
class WeakFile(TruthFile):
    """The weak labels of one image; `path` and `spec` are of the labels of people, if those apply as well."""

    image: Path
    card: Card
    bands: Sequence[str | int]
    weak: WeakSpec
    beside: Mapping[str, Path]
    """The files of near infrared and heights by the names of their folders."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """See `TruthFile`."""
        return (*super().paths, *self.beside.values())

    @property
    def stated(self) -> tuple[str, ...]:
        """See `TruthFile`."""
        return (*super().stated, self.weak.model_dump_json())

    def open(self, grid: Grid) -> TruthReader:
        """See `TruthFile`."""
        with ExitStack() as stack:
            labels = stack.enter_context(closing(super().open(grid))) if self.weak.with_labels else None
            image = stack.enter_context(closing(open_card_raster(self.image, self.card, self.bands)))
            nir = self._nir(grid)
            if nir:
                stack.enter_context(closing(nir))
            heights = open_values(self.beside[self.weak.heights], grid, HEIGHT) if self.weak.heights else None
            return WeakReader(self, grid, stack.pop_all(), image, labels, nir, heights)

    def _nir(self, grid: Grid) -> Reader | None:
        nir = self.weak.nir
        if nir is None:
            return None
        if isinstance(nir, int):
            return open_raster(self.image, [nir])
        reader = open_raster(self.beside[nir], expand=False)
        with closing_on_error(reader):
            aligned = align(reader, grid)
        return aligned


class WeakReader:
    """Ids of classes and sets by the rules, and by the labels of people where those apply as well."""

    def __init__(
        self,
        file: WeakFile,
        grid: Grid,
        stack: ExitStack,
        image: Reader,
        labels: TruthReader | None,
        nir: Reader | None,
        heights: TruthReader | None,
    ) -> None:
        """`stack` closes the readers, but for that of heights."""
        self._task, self._weak, self._card = file.task, file.weak, file.card
        self._whole = Window(0, 0, grid.height, grid.width)
        self._stack, self._image, self._labels, self._nir, self._heights = stack, image, labels, nir, heights
        self._ids = {_bits(classes): number for number, classes in set_ids(file.task).items()}
        self._ids |= {1 << k: k for k in range(len(file.task.labels))}
        table = allowed_table(file.task)
        self._allows = np.array([_bits(np.flatnonzero(table[number]).tolist()) for number in range(IDS)], np.int64)

    def read(self, window: Window) -> NDArray[np.uint8]:
        """The ids (H, W) of a window; the task's `ignore` beyond the border, and where nothing or no class is said."""
        out = np.full((window.height, window.width), self._task.ignore, np.uint8)
        cut = window.intersect(self._whole)
        if cut is not None:
            out[cut.within(window)] = self._of_bits(self._bits(cut))
        return out

    def _bits(self, window: Window) -> NDArray[np.int64]:
        """The classes that are allowed, as bits (H, W)."""
        pixels, valid = self._image.read(window)
        sides = [_sides(self._index(key, pixels, window), rule, self._task) for key, rule in self._weak.rules.items()]
        if self._labels is not None:
            sides.append(self._allows[self._labels.read(window)])
        bits: NDArray[np.int64] = reduce(np.bitwise_and, sides)
        return np.where(valid, bits, 0)

    def _index(self, key: str, pixels: NDArray[Any], window: Window) -> Floats:
        """What a rule looks at (H, W), NaN where that is unknown."""
        if key == "ndsm":
            assert self._heights is not None
            return np.asarray(self._heights.read(window), np.float32)
        assert self._nir is not None
        nir, known = self._nir.read(window)
        band = "red" if key == "ndvi" else "green"
        other = pixels[self._card.bands.index(band)].astype(np.float32)
        high, low = (nir[0].astype(np.float32), other) if key == "ndvi" else (other, nir[0].astype(np.float32))
        total = high + low
        usable = known & (total > 2 * self._weak.dark) & (total > 0)
        return np.where(usable, (high - low) / np.where(usable, total, 1), np.float32(np.nan)).astype(np.float32)

    def _of_bits(self, bits: NDArray[np.int64]) -> NDArray[np.uint8]:
        values, where = np.unique(bits, return_inverse=True)
        ids = np.array([self._ids.get(int(value), self._task.ignore) for value in values], np.uint8)
        return ids[where].reshape(bits.shape)

    def close(self) -> None:
        """Closes all files."""
        self._stack.close()
        if self._heights is not None:
            self._heights.close()


def weak_file(truth: TruthFile, image: Path, card: Card, bands: Sequence[str | int], weak: WeakSpec) -> WeakFile:
    """The weak labels of an image instead of `truth`; DataError where the card's bands or a file lack for the rules."""
    for key, band in (("ndvi", "red"), ("ndwi", "green")):
        if key in weak.rules and band not in card.bands:
            raise DataError(f"weak.{key} needs the band {band}; the card has {', '.join(card.bands)}")
    assert isinstance(truth.spec, LabelSpec)
    folders = [name for name in (weak.nir, weak.heights) if isinstance(name, str)]
    beside = {name: _beside(image, name) for name in folders}
    return WeakFile(truth.task, truth.path, truth.spec, image, card, bands, weak, beside)


def _beside(image: Path, name: str) -> Path:
    """The file of an image in a folder beside that of the images; DataError if there is none."""
    home = image.parent.parent / name
    found = sorted(path for path in home.glob("*") if path.stem == image.stem)
    if not found:
        raise DataError(f"{image}: has no file of the same name in {home}; expected one of {name}")
    return found[0]


def _sides(index: Floats, rule: WeakRule, task: Task) -> NDArray[np.int64]:
    """The classes that a rule allows, as bits (H, W)."""
    above, below = _mask(task, rule.above, "above"), _mask(task, rule.below, "below")
    with np.errstate(invalid="ignore"):
        high, low = index > rule.threshold + rule.unsure, index < rule.threshold - rule.unsure
    return np.where(high, above, np.where(low, below, _every(task))).astype(np.int64)


def _every(task: Task) -> int:
    return (1 << len(task.labels)) - 1


def _bits(classes: Iterable[int]) -> int:
    return sum(1 << k for k in classes)


def _classes(bits: int) -> Allowed:
    return tuple(k for k in range(bits.bit_length()) if bits >> k & 1)


def _mask(task: Task, wanted: Wanted | None, where: str) -> int:
    """What one side of a rule allows, as bits; none for `ignore`."""
    if wanted is None:
        return _every(task)
    if isinstance(wanted, tuple):
        return _bits(class_set(task, wanted, where))
    number = class_id(task, wanted, where)
    return 0 if number == task.ignore else 1 << number


def _words(task: Task, wanted: Wanted) -> str:
    mask = _mask(task, wanted, "weak")
    return f"is {words(task.labels, _classes(mask))}" if mask else "is ignored"
