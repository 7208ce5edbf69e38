"""What may be wrong with files of labels: features that lie on no image, class names that are not the task's."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from smalti.card import Task
from smalti.raster.features import FeatureLabels
from smalti.raster.image_labels import ImageLabels
from smalti.text import some

NAMED_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Doubts:
    """What may be wrong with the labels of one image."""

    astray: bool | None = None
    """Whether they have features, but none on the image; None for labels of another kind."""
    misnamed: str = ""
    """How the class names in the file differ from the task's; empty where they do not."""


def doubts(labels: object) -> Doubts:
    """The doubts about open labels."""
    if isinstance(labels, FeatureLabels):
        return Doubts(astray=labels.astray)
    return Doubts(misnamed=labels.misnamed) if isinstance(labels, ImageLabels) else Doubts()


def doubt_lines(found: Iterable[tuple[Path, Doubts]]) -> list[str]:
    """Lines of warning about files of labels.

    `found` holds the doubts of each file and image: a vector file may be opened for several images.
    """
    everywhere: dict[Path, bool] = {}
    misnamed: dict[str, list[Path]] = {}
    for path, doubt in found:
        if doubt.astray is not None:
            everywhere[path] = everywhere.get(path, True) and doubt.astray
        if doubt.misnamed:
            misnamed.setdefault(doubt.misnamed, []).append(path)
    lines = []
    if lost := [path for path, away in everywhere.items() if away]:
        why = "no feature lies on an image; check the CRS, and that the longitude comes first in GeoJSON"
        lines.append(f"{some(list(map(str, lost)), NAMED_AT_ONCE)}: {why}")
    return lines + [
        f"{some(list(map(str, paths)), NAMED_AT_ONCE)}: {what}; if they differ, give `ids`: which value is which class"
        for what, paths in misnamed.items()
    ]


def other_names(names: Mapping[int, str], task: Task, class_of: Callable[[int], int | None]) -> str:
    """How the class names that a file has for its values differ from those of the task; empty if they do not.

    `class_of` is the class that a value is read as, None if it is read as none.
    """
    read_as = {value: class_of(value) for value in sorted(names)}
    other = [
        f"{value} is {names[value]!r} in the file and read as {task.labels[k]!r}"
        for value, k in read_as.items()
        if k is not None and 0 <= k < len(task.labels) and _plain(names[value]) != _plain(task.labels[k])
    ]
    return some(other, NAMED_AT_ONCE)


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
