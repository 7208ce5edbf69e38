"""The strokes that are held out of a deep lesson, and how many of them are mapped right."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smalti.arrays import Doubles, Mask
from smalti.lessons.lesson import over_classes
from smalti.training.teaching.ground import SIDE, Ground

_FOLDS = 5
_FAR = -7.0
"""The least logarithm of a probability that counts."""


def held_out(labels: NDArray[np.intp]) -> Mask:
    """The strokes that are held out, S: a fifth of each class, at least one where there are two."""
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = np.random.default_rng(0).permutation(np.flatnonzero(labels == label))
        held[own[: max(1, round(len(own) / _FOLDS)) if len(own) > 1 else 0]] = True
    return held


@dataclass(frozen=True, eq=False)
class Material:
    """What a deep lesson learns from."""

    grounds: Sequence[Ground]
    labels: NDArray[np.intp]
    """S: the class of each stroke."""
    weights: Doubles
    """S: the weight of a cell of each stroke, 0 where it is held out."""
    of: str
    """What all of it depends on: a stored state of anything else is not continued."""

    @property
    def held(self) -> Mask:
        """S: the strokes that are held out."""
        return np.asarray(self.weights == 0)


@dataclass(frozen=True, eq=False)
class Deepened:
    """The result of a deep lesson."""

    rights: Doubles
    """S': the share of each stroke held out that is right."""
    quick: Doubles
    """S': the same of the quick head that did not see them either."""
    labels: NDArray[np.intp]
    """S': their classes."""
    step: int
    """Whose weights are kept."""
    steps: int

    @property
    def score(self) -> float:
        """The share that is right, a mean over classes."""
        return over_classes(self.rights, self.labels)

    @property
    def gain(self) -> float:
        """Of the share that is right, over the quick head, a mean over classes."""
        return over_classes(self.rights - self.quick, self.labels)

    @property
    def spread(self) -> float:
        """Standard error of the gain."""
        gains = self.rights - self.quick
        return float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 1.0


class Held:
    """The strokes that are held out, in windows around them."""

    def __init__(self, material: Material) -> None:
        numbers = np.flatnonzero(material.held)
        parts = []
        step = material.grounds[0].pixels.shape[1] // material.grounds[0].strokes.shape[0]
        for at, ground in enumerate(material.grounds):
            here = np.intersect1d(numbers, ground.strokes)
            parts += [(int(number), at, np.argwhere(ground.strokes == number)) for number in here]
        known = sorted({number for number, _, _ in parts})
        self.labels = material.labels[known]
        place = {number: at for at, number in enumerate(known)}
        self._parts, cells, quick, true = [], [], [], []
        for number, at, own in parts:
            ground = material.grounds[at]
            top, left = (
                int(np.clip(int(own[:, k].mean()) - SIDE // 2, 0, max(0, ground.valid.shape[k] - SIDE))) for k in (0, 1)
            )
            inside = own[(own[:, 0] < top + SIDE) & (own[:, 1] < left + SIDE) & (own >= (top, left)).all(1)]
            image = ground.pixels[:, top * step : (top + SIDE) * step, left * step : (left + SIDE) * step]
            self._parts.append((image, inside - (top, left)))
            quick.append(ground.said[:, inside[:, 0], inside[:, 1]].argmax(0) == material.labels[number])
            cells.append(np.full(len(inside), place[number]))
            true.append(np.full(len(inside), material.labels[number]))
        self._of, self._true = np.concatenate(cells), np.concatenate(true)
        self.quick = self._per_stroke(np.concatenate(quick))

    def _per_stroke(self, values: NDArray[Any]) -> Doubles:
        size = len(self.labels)
        found: Doubles = np.bincount(self._of, values, size) / np.maximum(np.bincount(self._of, minlength=size), 1)
        return found

    @torch.inference_mode()
    def look(self, cells: Callable[[Tensor], Tensor]) -> tuple[Tensor, float]:
        """The share of each stroke that is right, and minus the cross-entropy, a mean over classes."""
        logs = []
        for image, inside in self._parts:
            found = cells(torch.from_numpy(np.ascontiguousarray(image[None], np.float32))).log_softmax(1)[0]
            logs.append(found[:, inside[:, 0], inside[:, 1]].numpy().T)
        every = np.concatenate(logs)
        rights = self._per_stroke(every.argmax(1) == self._true)
        own = self._per_stroke(np.maximum(every[np.arange(len(every)), self._true], _FAR))
        return torch.from_numpy(rights), over_classes(own, self.labels)

    def result(self, rights: Doubles, step: int, steps: int) -> Deepened:
        """The result, with these shares."""
        return Deepened(rights, self.quick, self.labels, step, steps)
