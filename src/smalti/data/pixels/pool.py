"""A pool: the scenes of one source, from which windows are drawn at random."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smalti.arrays import Mask
from smalti.card import Task
from smalti.data.pixels.cells import Index
from smalti.data.pixels.sample import Patch, known
from smalti.data.pixels.scenes import Scene
from smalti.errors import DataError
from smalti.tiling import Window


class Pool:
    """The scenes of one source, from which windows are drawn at random."""

    def __init__(self, scenes: Sequence[Scene], by: str) -> None:
        self.scenes, self.tasks = scenes, scenes[0].tasks
        areas = np.array([scene.grid.height * scene.grid.width for scene in scenes], float)
        self._chances = areas / areas.sum()
        self._index = Index(scenes, self._classes()) if by == "class" else None

    def _classes(self) -> Task:
        """The task by whose classes positions are drawn: the first one of classes."""
        for task in self.tasks:
            if task.kind == "classes":
                return task
        raise DataError(f"by = 'class' needs classes; {self.scenes[0].name} has only {self.tasks[0].name}; use 'area'")

    def patch(self, rng: np.random.Generator, side: int) -> Patch:
        """A random window of side x side pixels; drawn again, up to TRIES times, while hardly any pixel is labelled.

        Scenes without tasks have no labels: there valid pixels count.
        """
        for _ in range(TRIES):
            scene, window = self._window(rng, side)
            patch = scene.read(window)
            if max(map(np.mean, self._usable(patch))) >= ENOUGH:
                break
        return replace(patch, name=f"{scene.name} (row {window.row}, column {window.col})")

    def _usable(self, patch: Patch) -> list[Mask]:
        """The masks of labelled pixels, or of all valid ones where nothing is labelled."""
        if not self.tasks:
            return [patch.valid]
        return [patch.valid & known(task, patch.targets[task.name]) for task in self.tasks]

    def _window(self, rng: np.random.Generator, side: int) -> tuple[Scene, Window]:
        if self._index:
            number, row, col = self._index.place(rng)
            up, left = rng.integers(side, size=2)
            return self.scenes[number], self._inside(number, row - int(up), col - int(left), side)
        number = int(rng.choice(len(self.scenes), p=self._chances))
        grid = self.scenes[number].grid
        # The centre may lie anywhere, so that borders are seen as often as the rest.
        middle_row, middle_col = int(rng.integers(grid.height)), int(rng.integers(grid.width))
        return self.scenes[number], self._inside(number, middle_row - side // 2, middle_col - side // 2, side)

    def _inside(self, number: int, row: int, col: int, side: int) -> Window:
        """The window, moved inside the scene, or centred on it if the scene is smaller."""
        grid = self.scenes[number].grid
        return Window(_clip(row, side, grid.height), _clip(col, side, grid.width), side, side)


TRIES = 8
ENOUGH = 0.05
"""Minimum share of labelled pixels in a window."""


def _clip(start: int, side: int, length: int) -> int:
    return -((side - length) // 2) if side >= length else min(max(start, 0), length - side)
