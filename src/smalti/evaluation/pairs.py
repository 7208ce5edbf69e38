"""Which image belongs to which labels in a folder of files."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from smalti.card import Task
from smalti.datasets.folder import (
    IMAGE_ENDING,
    LABEL_ENDING,
    OTHER_ENDING,
    files_below,
    is_of_the_system,
    one_form,
)
from smalti.errors import DataError
from smalti.label_sets import Allowed, with_sets
from smalti.raster.grid import Grid
from smalti.raster.labels import CONVERT, OTHER_VECTORS
from smalti.raster.reader import Reader
from smalti.text import some
from smalti.tiling import Window


class TruthReader(Protocol):
    """Open ground truth of one task; `smalti.raster.labels.LabelReader` or `smalti.raster.values.ValueReader`."""

    def read(self, window: Window) -> NDArray[Any]:
        """The ground truth of a window (H, W): class ids, or float32 values with NaN where unknown."""

    def close(self) -> None:
        """Closes the file."""


OpenTruth = Callable[[Grid], TruthReader]
"""Opens ground truth on the grid of its image."""


@dataclass(frozen=True)
class Pair:
    """An image and its ground truth, not yet opened."""

    name: str
    open_image: Callable[[], Reader]
    truth: Mapping[str, OpenTruth]
    """By the name of the task; a task that is not in it is not scored on this image."""
    eroded: bool = False
    """Whether labels of classes have their borders removed."""
    open_others: OpenTruth | None = None
    """The other kind of labels of the first task of classes: eroded ones if these are full, full ones if eroded."""
    sets: Mapping[str, tuple[Allowed, ...]] = field(default_factory=dict)
    """By task of classes, the sets of classes that its labels allow; see `smalti.label_sets`."""
    place: str = ""
    """The place that the image shows, for scores by place."""
    weak: Mapping[str, str] = field(default_factory=dict)
    """By task, the rules by which its labels were made if not by people, in words."""

    def labelled(self, task: Task) -> Task:
        """The task with the sets of its labels here."""
        return with_sets(task, self.sets.get(task.name, ()))


def label_sets(tasks: Iterable[Task]) -> dict[str, tuple[Allowed, ...]]:
    """The sets of `Pair.sets`, of tasks that have some."""
    return {task.name: task.sets for task in tasks if task.sets}


RASTERS = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp", ".jp2", ".vrt", ".img", ".bmp"})
VECTORS = frozenset({".gpkg", ".geojson", ".shp", ".fgb"})
IMAGE_FOLDERS = frozenset({"images", "image", "imgs", "img", "img_dir", "images_png", "rgb", "top", "chips", "oam"})
LABEL_FOLDERS = frozenset(
    {"masks", "mask", "labels", "label", "gt", "gts", "annotations", "annotation", "ann_dir", "masks_png"}
    | {"binarymasks", "truth", "targets", "classes", "osm"}
)
NAMED_AT_ONCE = 5


@dataclass(frozen=True)
class _Names:
    """How labels of one kind are distinguished from images and from other labels."""

    folders: frozenset[str]
    ending: re.Pattern[str]


USUAL = _Names(LABEL_FOLDERS, LABEL_ENDING)


def find_pairs(folder: str | Path, named: str | None = None) -> list[tuple[Path, Path]]:
    """Pairs of (image, labels) below a folder, in the order of their paths.

    `named` looks for labels of another kind: in a folder of that name, or as `town_NAMED.tif`.

    Looks for an image folder beside a label folder (`images` and `masks`, and other usual names) at any depth, with
    files of the same stem; one vector file alone in a label folder belongs to every image. Without such folders it
    looks for labels beside their image, as `town.tif` and `town_classes.tif`. Raises DataError that names what is
    missing: the folder, labels of an image, or an image of labels. Hidden files are ignored.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; expected one with images and their labels")
    names = USUAL if named is None else _named(named)
    every = files_below(root)
    try:
        return _pairs(root, [path for path in every if _may_count(path, root)], names, named)
    except DataError as error:
        others = [path for path in every if path.suffix.lower() in OTHER_VECTORS and _is_named_label(path, names)]
        raise DataError(f"{error}; {others[0]}: {CONVERT}" if others else str(error)) from None


def find_images(folder: Path) -> list[Path]:
    """Images below a folder, whether they have labels or not: those in folders of images, or else all rasters that are
    not named as labels. DataError if there are none."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one with images")
    files = [path for path in files_below(folder) if _may_count(path, folder) and _is_image(path)]
    inside = [path for path in files if path.parent.name.lower() in IMAGE_FOLDERS]
    if found := inside or [path for path in files if not _is_named_label(path, USUAL)]:
        return found
    raise DataError(f"{folder}: no image found; expected images/NAME.tif or NAME.tif")


def _is_named_label(path: Path, names: _Names) -> bool:
    return one_form(path.parent.name).lower() in names.folders or bool(names.ending.search(one_form(path.stem)))


def _pairs(root: Path, files: list[Path], names: _Names, named: str | None) -> list[tuple[Path, Path]]:
    """See `find_pairs`."""
    homes = sorted({path.parent for path in files if path.parent.name.lower() in IMAGE_FOLDERS})
    pairs = [p for home in homes for p in _in_folders(home, files, names)] if homes else _beside(files, names)
    if not pairs:
        raise DataError(
            f"{root}: no image with labels found; expected images/NAME.tif with {named or 'masks'}/NAME.png, "
            f"or NAME.tif with NAME_{named or 'classes'}.tif beside it"
        )
    return pairs


def _named(named: str) -> _Names:
    plain = one_form(named)
    return _Names(frozenset({plain.lower()}), re.compile(rf"[._-]{re.escape(plain)}$", re.I))


def _may_count(path: Path, root: Path) -> bool:
    ending = path.suffix.lower()
    return ending in RASTERS | VECTORS and not is_of_the_system(path.relative_to(root)) and path.is_file()


def _in_folders(home: Path, files: list[Path], names: _Names) -> list[tuple[Path, Path]]:
    """The pairs of one image folder and the label folder beside it."""
    images = [path for path in files if path.parent == home and _is_image(path)]
    label_files = [
        p for p in files if p.parent.parent == home.parent and one_form(p.parent.name).lower() in names.folders
    ]
    if not label_files:
        wanted = "masks, labels, gt, ..." if names is USUAL else min(names.folders)
        raise DataError(f"{home.parent}: {home.name} has no label folder beside it ({wanted})")
    if len(label_files) == 1 and label_files[0].suffix.lower() in VECTORS:
        return [(image, label_files[0]) for image in images]
    return _match(home.parent, images, label_files, names)


def _beside(files: list[Path], names: _Names) -> list[tuple[Path, Path]]:
    """Pairs whose files lie in one folder, distinguished by the suffix of the stem."""
    pairs = []
    for home in sorted({path.parent for path in files}):
        here = [path for path in files if path.parent == home]
        labels = [path for path in here if names.ending.search(one_form(path.stem))]
        if labels:
            others = [p for p in here if p not in labels and not LABEL_ENDING.search(p.stem) and _is_image(p)]
            pairs += _match(home, others, labels, names)
    return pairs


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in RASTERS and not OTHER_ENDING.search(path.stem)


def _match(place: Path, images: list[Path], labels: list[Path], names: _Names) -> list[tuple[Path, Path]]:
    """Images and labels of one stem, but for the usual endings; DataError unless each has exactly one partner."""
    equal = {one_form(path.stem) for path in images} & {one_form(path.stem) for path in labels}
    by_image = _by_stem(place, images, IMAGE_ENDING, equal)
    by_label = _by_stem(place, labels, names.ending, equal)
    for have, lack, what in (
        (by_image, by_label, "images without labels"),
        (by_label, by_image, "labels without image"),
    ):
        alone = [have[stem].name for stem in have if stem not in lack]
        if alone:
            raise DataError(f"{place}: {what}: {some(alone, NAMED_AT_ONCE)}; add the missing files or remove these")
    return [(by_image[stem], by_label[stem]) for stem in by_image]


def _by_stem(place: Path, paths: Iterable[Path], ending: re.Pattern[str], equal: set[str]) -> dict[str, Path]:
    """Paths by their stem without the ending; stems that images and labels have in common stay as they are."""
    found: dict[str, Path] = {}
    for path in paths:
        plain = one_form(path.stem)
        stem = plain if plain in equal else ending.sub("", plain)
        if stem in found:
            raise DataError(f"{place}: {found[stem].name} and {path.name} both match {stem}; keep one of them")
        found[stem] = path
    return found
