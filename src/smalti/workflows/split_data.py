"""A folder of the user's own images and labels, copied into parts to train, validate and test on."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smalti.arguments import checked
from smalti.errors import DataError, OptionError, OutputError, about
from smalti.evaluation.pairs import IMAGE_FOLDERS, find_pairs
from smalti.evaluation.split_places import PARTS, split
from smalti.files import beside, check_local, guarded
from smalti.lock import hold
from smalti.raster.files import sidecars
from smalti.text import count


@dataclass(frozen=True, slots=True)
class DataSplit:
    """The parts of a folder, each a folder with images/ and masks/; its text has a line for each."""

    folder: Path
    how: str
    """The criterion of the split."""
    images: dict[str, int] = field(hash=False)
    """The number of images of each existing part: `train`, `validation` and `test`."""

    @checked()
    def __getitem__(self, part: str) -> Path:
        """The folder of a part."""
        return self.folder / part

    def __str__(self) -> str:
        parts = (f"{self[part]}: {count(number, 'image')}" for part, number in self.images.items())
        return "\n".join([f"split by {self.how}", *parts])


@checked()
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
        DataError: There is no image with labels, there are fewer places than parts, or two images would get one name.
        OutputError: `out` exists already, lies in `folder`, or cannot be written.
        BusyError: Another process writes it.
    """
    folder, out = Path(folder), Path(out)
    check_local(out)
    shares = (1 - validation - test, validation, test)
    if not (min(shares) >= 0 and shares[0] > 0):
        raise OptionError(f"--validation {validation:g} and --test {test:g} leave nothing to train on", value=shares)
    if os.path.lexists(out):
        raise OutputError(f"{out}: exists already; choose a new folder", value=out)
    if folder.resolve() in out.resolve().parents:
        raise OutputError(f"{out}: lies in the folder that is split; choose one elsewhere", value=out)
    with about(folder):
        pairs = find_pairs(folder)
        how, parts = split(pairs, folder, shares, place)
        copies = _plan(pairs, parts, folder)
    unfinished = beside(out, "unfinished")
    with hold(out), guarded(out):
        if unfinished.exists():  # of a killed split
            shutil.rmtree(unfinished)
        try:
            for name, source in copies.items():
                (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, unfinished / name)
            unfinished.replace(out)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return DataSplit(out, how, _numbers(parts))


def _numbers(parts: Sequence[str]) -> dict[str, int]:
    return {part: parts.count(part) for part in PARTS if part in parts}


def _plan(pairs: Sequence[tuple[Path, Path]], parts: Sequence[str], folder: Path) -> dict[Path, Path]:
    """The files to copy, with their side-cars, by their names in the new folder.

    Images of several folders get a prefix from these. DataError if two have the same name even so.
    """
    found: dict[Path, Path] = {}
    for (image, labels), part in zip(pairs, parts, strict=True):
        home = image.parent.parent if image.parent.name.lower() in IMAGE_FOLDERS else image.parent
        prefix = "".join(f"{name}_" for name in home.relative_to(folder).parts)
        for path, kind in ((image, "images"), (labels, "masks")):
            for each in (path, *sidecars(path)):
                name = Path(part, kind, prefix + each.name)
                if found.setdefault(name, each) != each:
                    raise DataError(f"{each}: in the new folder it would have the name of {found[name]}; rename one")
    return found
