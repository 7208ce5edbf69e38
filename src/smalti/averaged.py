"""Test-time augmentation: the mean of a model's predictions for a tile, flipped and turned.

There are eight such views. A tile whose views agree early gets only two or four of them: the rule is our own, and looks
at nothing but the tile, so that maps do not depend on which tiles were predicted before, or where.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from smalti.arrays import Floats, Pixels
from smalti.card import Card, Task
from smalti.products import best_class
from smalti.raster.values import METRES
from smalti.scene import Coarse, Predictor, coarse_of

VIEWS = 8
PASSES = "mean of 2, 4 or 8 flips and turns, until they agree"
"""In protocols and in the tags of maps."""

PASSES_TAG = "SMALTI_PASSES"
"""Tag of a map of averaged views."""

_CLASSES = 0.035
"""Means of two sets of views agree if at most this share of a tile's pixels has different classes, and"""
_SPREAD = 0.25
"""if the differences of their values are, as root mean square, at most this part of the tile's standard deviation."""
_FLAT = 1.0
"""Metres: in tiles of even less relief differences of heights are compared with this."""


class Averaged:
    """Test-time augmentation: a predictor's mean over two, four or all eight flips and quarter turns of each tile.

    After the first two and the first four views, the mean of one half of them is compared with that of the other half.
    Where these have nearly the same classes, and nearly the same values, the tile is done: more views would change
    little. The first four are the turns, whose mean is nearest to that of all eight. Pixels without data, which a
    predictor does not know of, count like others.
    """

    def __init__(self, predict: Predictor | Coarse, fewest: int = 2) -> None:
        """`fewest`: how many views a tile has at least, 2, 4 or 8."""
        self._predict, self._fewest = predict, fewest

    @property
    def card(self) -> Card:
        """The card of the predictor inside."""
        return self._predict.card

    @property
    def coarse(self) -> Coarse | None:
        """The same mean without the last upsampling, where the predictor inside can leave it out."""
        inside = coarse_of(self._predict)
        return None if inside is None else replace(inside, ask=Averaged(inside, self._fewest))

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        """Raw pixels (N, C, H, W) -> per task the mean prediction (N, K, H, W), of probabilities or values.

        Images of a batch are predicted one by one, each with as many views as it needs.
        """
        return one_by_one(self._mean, batch)

    def _mean(self, image: Pixels) -> dict[str, Floats]:
        total, count = self._sums(image, range(1)), 1
        while count < VIEWS:
            more = self._sums(image, range(count, 2 * count))
            done = self._fewest <= 2 * count < VIEWS and self._agree(total, more, count)
            for name, sums in total.items():
                sums += more[name]
            count *= 2
            if done:
                break
        for sums in total.values():
            sums /= count
        return total

    def _sums(self, image: Pixels, views: range) -> dict[str, Floats]:
        """The sum of the predictions (1, K, H, W) for some views, turned back."""
        total: dict[str, Floats] = {}
        for view in views:
            turns, step = view % 4, 1 if view < 4 else -1  # -1: mirrored
            turned = np.rot90(image[..., ::step], turns, axes=(2, 3))
            for name, found in self._predict(turned).items():
                back = np.rot90(found, -turns, axes=(2, 3))[..., ::step] if found.ndim == 4 else found
                total[name] = total[name] + back if name in total else back.copy()
        return total

    def _agree(self, one: dict[str, Floats], other: dict[str, Floats], count: int) -> bool:
        """Whether two sums of as many views have nearly the same mean, in all tasks per pixel."""
        return all(_alike(task, one[task.name][0], other[task.name][0], count) for task in self.card.map_tasks())


def _alike(task: Task, one: Floats, other: Floats, count: int) -> bool:
    """See `_CLASSES` and `_SPREAD`; sums (K, H, W)."""
    if task.has_classes:
        return bool((best_class(one) != best_class(other)).mean() <= _CLASSES)
    least = _FLAT / METRES.get(task.unit, 1.0) if task.quantity == "height" else 0.0
    spread = max(least, float((one + other).std()) / (2 * count))
    return bool(np.sqrt(np.square(one - other).mean()) / count <= _SPREAD * spread)


def one_by_one(ask: Callable[[Pixels], dict[str, Floats]], batch: Pixels) -> dict[str, Floats]:
    """The predictions (N, ...) for the images of a batch (N, C, H, W), each asked for alone."""
    if len(batch) == 1:  # as in maps: without a copy
        return ask(batch)
    found = [ask(batch[k : k + 1]) for k in range(len(batch))]
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}
