"""Reads all labels of some scenes once before the training, so that unusable ones are reported early."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.data.cache import join_stamps, kept_counts
from smalti.data.pixels.sample import known
from smalti.data.pixels.scenes import Scene
from smalti.errors import DataError
from smalti.evaluation.values import threshold
from smalti.label_sets import IDS, set_ids
from smalti.tiling import strips
from smalti.watch import Watch, unwatched

NEAR = 2
"""The place of values that relative errors count."""


@dataclass(frozen=True)
class LabelCounts:
    """Counts of labelled and unlabelled pixels of some scenes for one task."""

    pixels: NDArray[np.int64]
    """For classes the pixels of each id; for values those that are 0, others below the threshold of relative errors,
    and those from it on (`NEAR`)."""
    unknown: int
    """Pixels without a label."""
    of_sets: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Pixels of each of the task's sets of classes; these are not in `pixels`."""

    @property
    def known(self) -> int:
        """Pixels with a label."""
        return int(self.pixels.sum()) + int(self.of_sets.sum())

    @property
    def share(self) -> float:
        """The share of pixels with a label."""
        return self.known / max(1, self.known + self.unknown)

    def __add__(self, other: "LabelCounts") -> "LabelCounts":
        return LabelCounts(self.pixels + other.pixels, self.unknown + other.unknown, self.of_sets + other.of_sets)


def census(scenes: Sequence[Scene], tasks: Sequence[Task], watch: Watch = unwatched) -> dict[str, LabelCounts]:
    """The label counts of one source's scenes for each of their tasks; cached like those of `Index`.

    Drawn scenes are labelled everywhere, with all classes, and are not counted.

    Raises DataError if no pixel is labelled for any of the tasks, and the errors of the readers.
    """
    labelled = [task for task in tasks if task in scenes[0].tasks]
    if all(scene.path is None for scene in scenes):
        none = {task.name: np.zeros(len(task.sets), np.int64) for task in labelled}
        return {task.name: LabelCounts(np.ones(_places(task), np.int64), 0, none[task.name]) for task in labelled}
    sets = "".join(f" {task.sets}" for task in labelled if task.sets)
    least = "".join(f" {threshold(task)}" for task in labelled if task.kind == "value")
    stamp = join_stamps(f"census {[task.name for task in labelled]}{sets}{least}", [scene.stamp for scene in scenes])
    shape = (len(labelled), 1 + max(_places(task) + len(task.sets) for task in labelled))
    counts = kept_counts(stamp, shape, lambda: _count(scenes, labelled, shape, watch), np.int64)
    found = {
        task.name: LabelCounts(row[1 : 1 + _places(task)], int(row[0]), row[1 + _places(task) :][: len(task.sets)])
        for task, row in zip(labelled, counts, strict=True)
    }
    if not any(each.known for each in found.values()):
        names = ", ".join(found)
        raise DataError(
            f"{scenes[0].name} and {len(scenes) - 1} more: no pixel has a label of {names}; give the encoding "
            "of the labels (labels of the source), or remove the source"
        )
    return found


def total_counts(parts: Sequence[Mapping[str, LabelCounts]]) -> dict[str, LabelCounts]:
    """The sum of the label counts of several sources."""
    whole: dict[str, LabelCounts] = {}
    for part in parts:
        for name, found in part.items():
            whole[name] = whole[name] + found if name in whole else found
    return whole


def _places(task: Task) -> int:
    return len(task.labels) if task.kind == "classes" else 3


def _count(scenes: Sequence[Scene], tasks: Sequence[Task], shape: tuple[int, int], watch: Watch) -> NDArray[np.int64]:
    """One row per task: pixels without a label, then those of each class, or zero, other low values and further ones.

    Last come those of each set of classes.
    """
    counts = np.zeros(shape, np.int64)
    pixels = sum(scene.grid.height * scene.grid.width for scene in scenes)
    advance = watch("labels", pixels, "Pix")
    for scene in scenes:
        for window in strips(scene.grid.height, scene.grid.width):
            targets = scene.read_targets(window)
            for found, task in zip(counts, tasks, strict=True):
                _add(found, targets[task.name], task)
            advance(window.height * window.width)
    return counts


def _add(found: NDArray[np.int64], target: NDArray[np.generic], task: Task) -> None:
    says = known(task, target)
    found[0] += says.size - np.count_nonzero(says)
    if task.kind == "classes":
        each = np.bincount(target[says].ravel(), minlength=IDS)
        ids = [*range(len(task.labels)), *set_ids(task)]
        found[1 : 1 + len(ids)] += each[ids]
    else:
        values = target[says].astype(np.float64)
        others = np.count_nonzero(values)
        near = np.count_nonzero((values >= threshold(task)) & (values > 0))
        found[1:4] += (values.size - others, others - near, near)
