"""All labels of some scenes read once, before anything depends on them: what cannot be used is told in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.data.cache import join_stamps, kept_counts
from smalti.data.pixels.sample import known
from smalti.data.pixels.scenes import Scene
from smalti.errors import DataError
from smalti.label_sets import IDS, set_ids
from smalti.tiling import Window
from smalti.watch import Watch, unwatched

STRIP = 512
"""Rows that are read at once."""


@dataclass(frozen=True)
class LabelCounts:
    """The pixels of some scenes that say something about one task."""

    pixels: NDArray[np.int64]
    """Of classes by id; of values those that are 0, and the others."""
    unknown: int
    """Pixels that say nothing."""
    of_sets: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Of each of the task's sets the pixels whose label allows it; none of them is among `pixels`."""

    @property
    def known(self) -> int:
        """Pixels that say something."""
        return int(self.pixels.sum()) + int(self.of_sets.sum())

    @property
    def share(self) -> float:
        """The share of all pixels that say something."""
        return self.known / max(1, self.known + self.unknown)

    def __add__(self, other: "LabelCounts") -> "LabelCounts":
        return LabelCounts(self.pixels + other.pixels, self.unknown + other.unknown, self.of_sets + other.of_sets)


def census(scenes: Sequence[Scene], tasks: Sequence[Task], watch: Watch = unwatched) -> dict[str, LabelCounts]:
    """What the scenes of one source say about each of the tasks that they label; kept in the cache with `Index`'s.

    Drawn scenes are labelled everywhere, with all classes, and not drawn for that.

    Raises DataError where no pixel is labelled for any of the tasks, and what the readers raise.
    """
    labelled = [task for task in tasks if task in scenes[0].tasks]
    if all(scene.path is None for scene in scenes):
        none = {task.name: np.zeros(len(task.sets), np.int64) for task in labelled}
        return {task.name: LabelCounts(np.ones(_places(task), np.int64), 0, none[task.name]) for task in labelled}
    sets = "".join(f" {task.sets}" for task in labelled if task.sets)
    stamp = join_stamps(f"census {[task.name for task in labelled]}{sets}", [scene.stamp for scene in scenes])
    shape = (len(labelled), 1 + max(_places(task) + len(task.sets) for task in labelled))
    counts = kept_counts(stamp, shape, lambda: _count(scenes, labelled, shape, watch), np.int64)
    found = {
        task.name: LabelCounts(row[1 : 1 + _places(task)], int(row[0]), row[1 + _places(task) :][: len(task.sets)])
        for task, row in zip(labelled, counts, strict=True)
    }
    if not any(each.known for each in found.values()):
        names = ", ".join(found)
        raise DataError(
            f"{scenes[0].name} and {len(scenes) - 1} more: no pixel has a label of {names}; say how the labels are "
            "written (labels of the source), or take it out"
        )
    return found


def together(parts: Sequence[Mapping[str, LabelCounts]]) -> dict[str, LabelCounts]:
    """The censuses of several sources as one."""
    whole: dict[str, LabelCounts] = {}
    for part in parts:
        for name, found in part.items():
            whole[name] = whole[name] + found if name in whole else found
    return whole


def _places(task: Task) -> int:
    return len(task.labels) if task.kind == "classes" else 2


def _count(scenes: Sequence[Scene], tasks: Sequence[Task], shape: tuple[int, int], watch: Watch) -> NDArray[np.int64]:
    """Row by row the pixels that say nothing about a task, then those of each class, or that have a value.

    Last come those of each set of classes.
    """
    counts = np.zeros(shape, np.int64)
    pixels = sum(scene.grid.height * scene.grid.width for scene in scenes)
    advance = watch("labels", pixels, "Pix")
    for scene in scenes:
        for row in range(0, scene.grid.height, STRIP):
            window = Window(row, 0, min(STRIP, scene.grid.height - row), scene.grid.width)
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
        others = np.count_nonzero(target[says])
        found[1:3] += (np.count_nonzero(says) - others, others)
