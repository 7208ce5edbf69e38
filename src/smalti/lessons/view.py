"""The classes that a lesson gives to all cells of a tile, from the maps that are known already."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats
from smalti.lessons.classes import ClassPlan
from smalti.lessons.lesson import Lesson
from smalti.lessons.network import Maps

Ids = NDArray[np.uint8]


class View:
    """Predicts tiles by a lesson; by the parent where nothing was learned yet."""

    def __init__(self, plan: ClassPlan, lesson: Lesson | None, sizes: Sequence[int]) -> None:
        """`sizes` are the channels of the network's maps."""
        self.plan = plan
        self._parts: list[Floats] = []
        self._scales: Floats = np.ones((len(plan.shares), 1, 1), np.float32)
        if lesson is not None and lesson.penalty is not None:
            plain, constant = lesson.basis.unfolded(lesson.weights)
            self._parts = np.split(
                plain.T.astype(np.float32), np.cumsum(sizes), axis=1
            )  # of each map, then logits: J,C
            self._scales = lesson.scales.astype(np.float32)[:, None, None]
            self._constant: Floats = constant.astype(np.float32)[:, None, None]

    def __call__(self, maps: Maps) -> Ids:
        """Class ids (h, w) at the cells of a tile."""
        ids: Ids = self.logits(maps).argmax(axis=0).astype(np.uint8)
        return ids

    def logits(self, maps: Maps) -> Floats:
        """Logits (J, h, w) at the cells of a tile."""
        count, height, width = maps.logits.shape
        plain = maps.logits.reshape(count, -1)  # K,N
        found = self._scales * self.plan.offsets(plain.T).T.reshape(-1, height, width)
        if self._parts:
            found = found + (self._parts[-1] @ plain).reshape(found.shape) + self._constant
            for values, part in zip(maps.maps, self._parts, strict=False):
                few = (part @ values.reshape(len(values), -1)).reshape(-1, *values.shape[1:])  # J,h',w'
                found += _spread(values.shape[1], height) @ few @ _spread(values.shape[2], width).T
        return found


@lru_cache(maxsize=32)
def _spread(own: int, size: int) -> Floats:
    """The matrix (size, own) that resamples one axis as the graph does: bilinear, between the centres of cells."""
    place = np.clip((np.arange(size) + 0.5) * (own / size) - 0.5, 0, own - 1)
    first = np.floor(place).astype(np.intp)
    share = (place - first).astype(np.float32)
    found = np.zeros((size, own), np.float32)
    np.add.at(found, (np.arange(size), first), 1 - share)
    np.add.at(found, (np.arange(size), np.minimum(first + 1, own - 1)), share)
    return found
