"""A folder of the user's own images and labels, copied into parts to train, validate and test on."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smalti.errors import OptionError, OutputError
from smalti.evaluation.pairs import find_pairs
from smalti.evaluation.split_places import PARTS, split
from smalti.files import beside, guarded
from smalti.raster.files import sidecars
from smalti.text import count
from smalti.workflows.paths import as_path


@dataclass(frozen=True, slots=True)
class DataSplit:
    """The parts of a folder, each a folder with images/ and masks/; its text has a line for each."""

    folder: Path
    how: str
    """The criterion of the split."""
    images: dict[str, int]
    """The number of images of each existing part: `train`, `validation` and `test`."""

    def __getitem__(self, part: str) -> Path:
        """The folder of a part."""
        return self.folder / part

    def __str__(self) -> str:
        parts = (f"{self[part]}: {count(number, 'image')}" for part, number in self.images.items())
        return "\n".join([f"split by {self.how}", *parts])


def split_data(
    folder: str | Path, out: str | Path, *, validation: float = 0.2, test: float = 0.2, place: str | None = None
) -> DataSplit:
    """Copies a folder of images and labels into OUT/train, OUT/validation and OUT/test, split by place.

    Args:
        folder: images/ with masks/, or NAME.tif with NAME_classes.tif, at any depth.
        out: A new folder. It appears once everything is copied.
        validation: Share of the pixels to choose a checkpoint by, 0 to 1.
        test: Share of the pixels that are only scored, 0 to 1.
        place: Regular expression: the part of an image's path that names its place. Without one, images with a place
            on the ground are split into three stripes, others are grouped by folder and name.

    Raises:
        OptionError: The shares leave nothing to train on.
        DataError: There is no image with labels, or there are fewer places than parts.
        OutputError: `out` exists already, or cannot be written.
    """
    folder, out = as_path(folder, "folder"), as_path(out, "out")
    shares = (1 - validation - test, validation, test)
    if min(shares) < 0 or not shares[0]:
        raise OptionError(f"--validation {validation:g} and --test {test:g} leave nothing to train on")
    if out.exists():
        raise OutputError(f"{out}: exists already; choose a new folder")
    pairs = find_pairs(folder)
    how, parts = split(pairs, folder, shares, place)
    unfinished = beside(out, "partial")
    with guarded(out):
        shutil.rmtree(unfinished, ignore_errors=True)  # of an interrupted split
        for (image, labels), part in zip(pairs, parts, strict=True):
            for path, kind in ((image, "images"), (labels, "masks")):
                _put(path, unfinished / part / kind, folder)
        unfinished.replace(out)
    return DataSplit(out, how, _numbers(parts))


def _numbers(parts: Sequence[str]) -> dict[str, int]:
    return {part: parts.count(part) for part in PARTS if part in parts}


def _put(path: Path, home: Path, folder: Path) -> None:
    """Copies a file and its side-cars; equal names from several folders get a prefix from these."""
    home.mkdir(parents=True, exist_ok=True)
    above = path.parent.parent.relative_to(folder) if path.parent != folder else Path()
    prefix = "".join(f"{name}_" for name in above.parts)
    for each in (path, *sidecars(path)):
        shutil.copy2(each, home / f"{prefix}{each.name}")
