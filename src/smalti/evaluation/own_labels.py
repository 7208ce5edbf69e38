"""Counts the values or colours in the labels of a user's folder, before any classes are declared."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.errors import DataError, InputError
from smalti.evaluation.own_copies import copies
from smalti.evaluation.pairs import VECTORS, OpenTruth
from smalti.raster.feature_file import OWN, read_features
from smalti.raster.features import FeatureLabels, text_of
from smalti.raster.grid import Grid
from smalti.raster.ground import pixel_size_m
from smalti.raster.image_labels import is_jpeg
from smalti.raster.label_spec import LabelSpec
from smalti.raster.labels import open_labels
from smalti.raster.other_vectors import need_pyogrio
from smalti.raster.palette import to_hex
from smalti.raster.plain_name import plain_name
from smalti.raster.read import open_file, open_raster
from smalti.tiling import strips

MOST_VALUES = 64
"""More values than this in one file are not classes."""
RARE = 1e-5
"""Share of all pixels below which a value is reported as possibly stray."""
GREY = 0x010101
_LARGEST = 2.0**53  # beyond it neighbouring whole numbers are one
IGNORED = "255"
"""The value of a class map that is ignored by default."""
FEATURE = "feature"
"""The name of features without an attribute `class`."""


@dataclass(frozen=True, slots=True)
class PairLabels:
    """An image and what its labels hold."""

    image: Path
    labels: Path
    grid: Grid
    kind: str
    """Bands and type of the image, for example `3 x uint8`."""
    colored: bool
    """Whether the labels are colours and not numbers."""
    values: dict[str, int]
    """Pixels by value (`7`), colour (`#3C1098`) or attribute (`building`); without those that a mask hides."""
    nodata: frozenset[str] = frozenset()
    """Values that the file declares as no data."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Class names by value, where the file has them as tags (`CLASS_0=land`)."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The values in the labels of all pairs of a folder."""

    found: tuple[PairLabels, ...]
    problems: tuple[str, ...]
    """Why others cannot be used, a line each, without duplicates."""

    @property
    def pixels(self) -> Counter[str]:
        """Pixels of each value, the most frequent one first."""
        return sum((Counter(each.values) for each in self.found), Counter())

    @property
    def colored(self) -> bool:
        """Whether labels are colours."""
        return any(each.colored for each in self.found)

    def names(self) -> list[str]:
        """All values, numbers by their size."""
        return sorted(self.pixels, key=lambda name: (not is_number(name), int(name) if is_number(name) else 0, name))

    def nodata(self) -> list[str]:
        """Numbers that labels have and some files declare as no data."""
        declared = {value for each in self.found for value in each.nodata if not self.colored}
        return [name for name in self.names() if name in declared]

    def ignored(self) -> bool:
        """Whether 255 is probably not a class, but pixels that are ignored, as by default."""
        numbers = {name for name in self.pixels if is_number(name)}
        return not self.colored and IGNORED in numbers and not numbers <= {"0", IGNORED}

    def class_names(self) -> dict[str, set[str]]:
        """The class names of each value; several where files differ."""
        names: dict[str, set[str]] = {}
        for each in self.found:
            for value, name in each.names.items():
                names.setdefault(value, set()).add(name)
        return names

    def task(self) -> Task:
        """A task whose classes are the values themselves."""
        names = self.names()
        colors = [(int(name[1:3], 16), int(name[3:5], 16), int(name[5:], 16)) for name in names if name[0] == "#"]
        return Task(name="values", labels=tuple(names), colors=tuple(colors) if len(colors) == len(names) else ())

    def opener(self, each: PairLabels) -> OpenTruth:
        """Opens labels as classes of `task`."""
        if each.labels.suffix.lower() in VECTORS:
            spec = _vector_spec(each.labels)
        elif self.colored:
            spec = LabelSpec(colors={name: name for name in each.values})
        else:
            spec = LabelSpec(ids={int(name): name for name in each.values})
        return partial(_open_labels, each.labels, self.task(), spec)


def is_number(name: str) -> bool:
    """Whether a value is a whole number, not a colour or an attribute."""
    return name.removeprefix("-").isdecimal()


def _open_labels(path: Path, task: Task, spec: LabelSpec, grid: Grid) -> Any:
    return open_labels(path, grid, task, spec)


def survey(pairs: Sequence[tuple[Path, Path]], advance: Callable[[], None] = lambda: None) -> Survey:
    """Reads all labels; `advance` is called after each. Unusable files are listed among the problems."""
    found, problems = [], []
    for image, labels in pairs:
        try:
            found.append(_look(image, labels))
        except InputError as error:
            problems.append(str(error))
        advance()
    if any(each.colored for each in found):  # black, grey and white are colours then
        found = [each if each.colored or _is_vector(each.labels) else _as_colors(each) for each in found]
    return Survey(tuple(found), tuple(dict.fromkeys(problems)))


def _look(image: Path, labels: Path) -> PairLabels:
    with closing(open_raster(image)) as reader:
        grid, kind = reader.grid, f"{len(reader.bands)} x {reader.dtype}"
    if _is_vector(labels):
        return PairLabels(image, labels, grid, kind, False, _drawn(labels, grid))
    with closing(open_labels(labels, grid, Task(name="any", labels=("any",)), LabelSpec(ids={0: 0}))):
        pass  # raises on another size or place
    return _counted(PairLabels(image, labels, grid, kind, False, {}))


def _is_vector(path: Path) -> bool:
    return path.suffix.lower() in VECTORS


def _drawn(labels: Path, grid: Grid) -> dict[str, int]:
    """Pixels of each value of the attribute `class`; features without it are one class."""
    spec = _vector_spec(labels)
    shapes, values = read_features(str(labels), grid, spec)
    if not len(shapes):
        return {}
    names = sorted({text_of(value) for value in values} - {""}) if values is not None else [FEATURE]
    found = np.zeros(256, np.int64)
    task = Task(name="values", labels=tuple(names))
    drawn = FeatureLabels.of(str(labels), grid, task, spec, (shapes, values))
    for strip in strips(grid.height, grid.width):
        found += np.bincount(drawn.read(strip).ravel(), minlength=256)
    return {name: int(found[k]) for k, name in enumerate(names) if found[k]}


def _vector_spec(labels: Path) -> LabelSpec:
    """By their attribute `class`, or all as one."""
    need_pyogrio("reads vector files")
    import pyogrio

    try:
        with plain_name(labels) as name:
            fields = pyogrio.read_info(name)["fields"]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError):
        return LabelSpec()  # reading it raises the error
    return LabelSpec() if OWN in fields else LabelSpec(burn=FEATURE)


def _counted(image: PairLabels, *, tagged: bool = True) -> PairLabels:
    """The same with the pixels of each value or colour, whether it is colours, and values declared as no data.

    Grey ones of three bands count as numbers. With `tagged` the palette of a file with class names is only for display.
    """
    total: Counter[int] = Counter()
    labels, deep = image.labels, False
    with closing(open_file(labels, expand=False, holes=False)) as reader:
        names = reader.class_names() if tagged and len(reader.bands) == 1 else {}
        painted = not names and reader.palette is not None and bool((reader.palette[:3] != reader.palette[0]).any())
        for strip in strips(reader.grid.height, reader.grid.width):
            pixels, valid = reader.read(strip)
            if np.any(odd := valid & ((pixels[0] % 1 != 0) | (np.abs(pixels[0].astype(np.float64)) >= _LARGEST))):
                raise DataError(f"{labels}: has the value {pixels[0][odd][0]:g}; class maps hold whole numbers")
            packed = _packed(reader.palette[:3, pixels[0]] if painted and reader.palette is not None else pixels[:3])
            packed = packed[valid]
            total.update(dict(zip(*map(np.ndarray.tolist, np.unique(packed, return_counts=True)), strict=True)))
            if len(total) > MOST_VALUES:
                raise DataError(_too_many(labels))
            deep |= not painted and bool(np.any(valid & ((pixels[:3] < 0) | (pixels[:3] > 255))))
        three = painted or len(reader.bands) >= 3
        declared = frozenset(f"{value:.0f}" for value in reader.nodata if value is not None and value % 1 == 0)
        kind = reader.dtype
    colored = three and any(value % GREY for value in total)
    if colored and deep:
        raise DataError(f"{labels}: has colours of {kind} beyond 0 to 255; store class maps of colours as uint8")
    values = {_name(value, three, colored): count for value, count in total.items()}
    known = {str(value): name for value, name in names.items()}
    return replace(image, colored=colored, values=values, nodata=declared, names=known)


def _packed(pixels: NDArray[Any]) -> NDArray[np.int64]:
    """One number per pixel of (C, H, W): its value, or red, green and blue in one."""
    if len(pixels) < 3:
        return np.asarray(pixels[0], np.int64)
    red, green, blue = pixels.astype(np.int64)
    packed: NDArray[np.int64] = (red << 16) + (green << 8) + blue
    return packed


def _name(value: int, three: bool, colored: bool) -> str:
    if colored:
        return to_hex((value >> 16, value >> 8 & 255, value & 255))
    return str(value // GREY if three else value)


def _as_colors(each: PairLabels) -> PairLabels:
    if each.names:
        each = _counted(each, tagged=False)
    if each.colored:
        return each
    values = {to_hex((int(name), int(name), int(name))): count for name, count in each.values.items()}
    return replace(each, colored=True, values=values)


def _too_many(labels: Path) -> str:
    why = "JPEG changes values: save labels as PNG" if is_jpeg(str(labels)) else "is it an image, or smoothed?"
    return f"{labels}: has more than {MOST_VALUES} values, so it is not a class map; {why}"


def remarks(found: Survey) -> Iterator[str]:
    """What the user should check, a line each."""
    for what, kinds in (("images are", [each.kind for each in found.found]), ("pixel sizes are", _pixel_sizes(found))):
        if len(set(kinds)) > 1:
            yield f"{what} of several kinds: {', '.join(f'{kind} ({n})' for kind, n in Counter(kinds).most_common(5))}"
    if single := [each.labels.name for each in found.found if len(each.values) == 1]:
        yield f"{len(single)} of {len(found.found)} labels hold only one value: {_some(single)}"
    if empty := [each.labels.name for each in found.found if not each.values]:
        yield f"{len(empty)} labels hold no value (no feature on their image, or all masked): {_some(empty)}"
    if same := copies([each.image for each in found.found]):
        more = sum(map(len, same)) - len(same)
        yield f"{more} of {len(found.found)} images are copies of others: {_some([_equal(group) for group in same])}"
    yield from _value_remarks(found)


def _equal(images: Sequence[Path]) -> str:
    return " = ".join(image.name for image in images[:3]) + (" = ..." if len(images) > 3 else "")


def _value_remarks(found: Survey) -> Iterator[str]:
    """The same about the values of the labels."""
    pixels = found.pixels
    if set(pixels) == {"0", "255"}:
        yield 'values are 0 and 255, and 255 is ignored by default: set labels.ids = { 0 = "other", 255 = "..." }'
    if found.ignored():
        yield f"{pixels[IGNORED]:,} pixels are 255: ignored by default; if it is a class, list it in labels.ids"
    if nodata := found.nodata():
        holders = [each.labels.name for each in found.found if each.nodata & set(nodata)]
        yield f"labels declare {', '.join(nodata)} as no data: ignored unless labels.ids lists it: {_some(holders)}"
    for value, names in found.class_names().items():
        if len(names) > 1:
            yield f"value {value} has several class names in the files: {', '.join(sorted(names))}"
    total = sum(pixels.values())
    for name, count in pixels.items():
        holders = [each.labels.name for each in found.found if name in each.values]
        if count < RARE * total:
            yield f"value {name} is rare, possibly stray: {count} pixels, in {_some(holders)}"


def _pixel_sizes(found: Survey) -> list[str]:
    return [f"{size:.2g} m" for each in found.found if (size := pixel_size_m(each.grid)) is not None]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
