"""The interface of engines of other packages, and the checks of their predictions."""

from collections.abc import Callable, Mapping

import numpy as np

from smalti.arrays import Floats, Pixels
from smalti.card import UNLIKE, Card, Task
from smalti.extensions import calling, unfit
from smalti.runtime.batch import network_input, usable_cores
from smalti.runtime.models import ModelFile

Infer = Callable[[Floats], Mapping[str, Floats]]
"""Raw pixels N,C,H,W, contiguous float32, bands in the order of the card -> per task of the card float32 N,K,H,W, or
N,K of a task for the whole image: probabilities of classes, or a value (K = 1); and `unlike`, N,1, where the card has
it and the engine gives it. Several threads may call it at once."""

GROUP = "smalti.engines"
"""Where other packages register theirs, each a `Start`."""

Start = Callable[[ModelFile, int], Infer]
"""Loads a model file (with `content`, `card` and `path`) to run on that number of CPU threads."""


class CheckedEngine:
    """An engine of another package, whose predictions are checked against the card."""

    def __init__(self, name: str, start: Start, model: ModelFile, threads: int | None) -> None:
        """`threads` defaults to the cores that this process may use; ExtensionError if the engine is not callable."""
        self._name = name
        self.card: Card = model.card
        with calling(GROUP, name):
            self._infer = start(model, threads or usable_cores())
        if not callable(self._infer):
            raise unfit(GROUP, name, f"starts {self._infer!r}", "a function of a batch")

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """See `scene.Predictor`; ModelError for a batch of another shape, ExtensionError for invalid predictions."""
        pixels = network_input(batch, self.card)
        if np.may_share_memory(pixels, batch):  # the engine may change what it is given
            pixels = pixels.copy()
        shape = pixels.shape
        with calling(GROUP, self._name):
            found = self._infer(pixels)
        if not isinstance(found, Mapping):
            raise unfit(GROUP, self._name, f"gave {type(found).__name__}", "a dict of arrays by task")
        further = {UNLIKE} & found.keys() if self.card.unlike else ()  # engines may lack it
        return {task.name: self._checked(task, found.get(task.name), shape) for task in self.card.tasks} | {
            name: self._array(name, found[name], (shape[0], 1)) for name in further
        }

    def _checked(self, task: Task, values: object, batch: tuple[int, ...]) -> Floats:
        wanted = (batch[0], task.channels, *(() if task.per_image else batch[2:]))
        return self._array(f"task {task.name!r}", values, wanted)

    def _array(self, what: str, values: object, wanted: tuple[int, ...]) -> Floats:
        """A copy, which the caller may keep and change while the engine uses its own array again."""
        if not isinstance(values, np.ndarray) or values.dtype != np.float32 or values.shape != wanted:
            came = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
            raise unfit(GROUP, self._name, f"gave {came} for {what}", f"float32 {wanted}")
        if not np.isfinite(values).all():
            raise unfit(GROUP, self._name, f"gave NaN or infinity for {what}", "finite numbers")
        return np.array(values)
