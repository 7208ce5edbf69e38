"""Whole maps of what a model answers for one image, kept in memory: a byte per pixel and map."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.products import best_class
from smalti.tiling import Window

Keep = Callable[[str, dict[str, NDArray[np.uint8]]], None]
"""Takes an image's name and its maps (H, W) by task: class ids, or values from 0 to 1 as 0 to 255."""


class MapKeeper:
    """Takes the blended windows of one image and makes whole maps of them."""

    def __init__(self, tasks: Sequence[Task], height: int, width: int) -> None:
        self._tasks = tasks
        self.maps = {task.name: np.zeros((height, width), np.uint8) for task in tasks}

    def add(self, window: Window, values: dict[str, NDArray[np.float32]], valid: NDArray[np.bool_]) -> None:
        """Takes a window's values (K, H, W) per task; where there is no image, classes are the task's `ignore`."""
        for task in self._tasks:
            if task.kind == "classes":
                found = np.where(valid, best_class(values[task.name]), task.ignore)
            else:
                found = np.clip(values[task.name][0] * 255 + 0.5, 0, 255) * valid
            self.maps[task.name][window.slices()] = found
