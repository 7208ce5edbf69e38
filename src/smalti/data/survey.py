"""All labels of some scenes read once, before anything depends on them: what cannot be used is told in time."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from smalti.card import Task
from smalti.data.kept import Counts, join_stamps, kept_counts
from smalti.data.sample import known
from smalti.data.scenes import Scene
from smalti.errors import DataError
from smalti.tiling import Window

STRIP = 512
"""Rows that are read at once."""
STEPS = np.iinfo(np.uint16).max
"""Shares are kept in so many steps; any share above 0 is at least one."""


def survey(scenes: Sequence[Scene], tasks: Sequence[Task]) -> dict[str, float]:
    """Which share of the pixels of some scenes of one source is labelled, by task; kept in the cache with `Index`'s.

    Drawn scenes are labelled everywhere, and not drawn for that.

    Raises DataError where no pixel is labelled for any of the tasks, and what the readers raise.
    """
    labelled = [task for task in tasks if task in scenes[0].tasks]
    if all(scene.path is None for scene in scenes):
        return {task.name: 1.0 for task in labelled}
    stamp = join_stamps("survey", [scene.stamp for scene in scenes])
    [steps] = kept_counts(stamp, (1, len(labelled)), lambda: _steps(scenes, labelled))
    if not steps.any():
        names = ", ".join(task.name for task in labelled)
        raise DataError(f"{scenes[0].name} and {len(scenes) - 1} more: no pixel has a label of {names}")
    return {task.name: step / STEPS for task, step in zip(labelled, steps.tolist(), strict=True)}


def _steps(scenes: Sequence[Scene], tasks: Sequence[Task]) -> Counts:
    found, pixels = np.zeros(len(tasks)), 0
    for scene, window in _strips(scenes):
        targets = scene.read_targets(window)
        found += [np.count_nonzero(known(task, targets[task.name])) for task in tasks]
        pixels += window.height * window.width
    return np.array([[math.ceil(STEPS * count / pixels) for count in found]], np.uint16)


def _strips(scenes: Sequence[Scene]) -> Iterator[tuple[Scene, Window]]:
    for scene in scenes:
        for row in range(0, scene.grid.height, STRIP):
            yield scene, Window(row, 0, min(STRIP, scene.grid.height - row), scene.grid.width)
