"""A coarse index of where the classes of some scenes are, to draw windows by class."""

from collections.abc import Iterator, Sequence

import numpy as np

from smalti.card import Task
from smalti.data.cache import Counts, join_stamps, kept_counts
from smalti.data.pixels.scenes import Scene
from smalti.errors import DataError
from smalti.tiling import Window

CELL = 64
"""Side of a cell in pixels."""
Cell = tuple[int, Window]
"""The index of a scene, and a cell in it."""


class Index:
    """Pixels of each class in each cell of some scenes; counted once and cached until the labels change.

    A label that allows several classes counts for none of them.
    """

    def __init__(self, scenes: Sequence[Scene], task: Task) -> None:
        self.task = task
        self._places = [(i, window) for i, scene in enumerate(scenes) for window in _cells(scene)]
        shape = (len(self._places), len(task.labels))
        stamp = join_stamps(f"{CELL} {task.name}", [scene.stamp for scene in scenes])
        counts = kept_counts(stamp, shape, lambda: _count(scenes, self._places, task), np.uint16)
        self.seen = {int(i) for i in np.flatnonzero(counts.any(0))}
        """Ids of the classes that occur."""
        self._chances = [column / column.sum() for column in counts.T.astype(float) if column.any()]
        if not self._chances:
            sure = " of its own, only sets of them; use by = 'area'" if task.sets else ""
            raise DataError(f"{scenes[0].name} and {len(scenes) - 1} more: no pixel has a class{sure}")

    def place(self, rng: np.random.Generator) -> tuple[int, int, int]:
        """A random position (scene index, row, column); every class that occurs is drawn with the same probability."""
        chances = self._chances[rng.integers(len(self._chances))]
        i, cell = self._places[rng.choice(len(chances), p=chances)]
        return i, cell.row + int(rng.integers(cell.height)), cell.col + int(rng.integers(cell.width))


def _cells(scene: Scene) -> Iterator[Window]:
    for row in range(0, scene.grid.height, CELL):
        for col in range(0, scene.grid.width, CELL):
            yield Window(row, col, min(CELL, scene.grid.height - row), min(CELL, scene.grid.width - col))


def _count(scenes: Sequence[Scene], places: Sequence[Cell], task: Task) -> Counts:
    """Pixels of each class in each cell: (cells, classes)."""
    classes = len(task.labels)
    counts = np.zeros((len(places), classes), np.uint16)
    for row, (i, window) in enumerate(places):
        labels = scenes[i].read_targets(window)[task.name]
        counts[row] = np.bincount(labels.ravel(), minlength=classes)[:classes]
    return counts
