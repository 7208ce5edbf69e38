"""Whole maps of a model's predictions for one image, kept in memory."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.products import best_class
from smalti.tiling import Window

KeepMaps = Callable[[str, dict[str, NDArray[Any]]], None]
"""Takes an image's name and its maps (H, W) by task: class ids in bytes, or float32 values."""


class MapKeeper:
    """Collects the blended windows of one image into whole maps."""

    def __init__(self, tasks: Sequence[Task], height: int, width: int) -> None:
        self._tasks = [task for task in tasks if not task.per_image]
        self.maps: dict[str, NDArray[Any]] = {
            task.name: np.zeros((height, width), np.uint8 if task.kind == "classes" else np.float32)
            for task in self._tasks
        }

    def write(self, window: Window, values: dict[str, NDArray[np.float32]], valid: NDArray[np.bool_]) -> None:
        """Takes a window's values (K, H, W) per task; invalid pixels get the task's `ignore`, or NaN."""
        for task in self._tasks:
            if task.kind == "classes":
                found = np.where(valid, best_class(values[task.name]), task.ignore)
            else:
                found = np.where(valid, values[task.name][0], np.nan)
            self.maps[task.name][window.slices()] = found
