"""The endless stream of training batches: the n-th window depends only on the seed and n.

So a resumed training sees the same windows as an uninterrupted one, whatever the number of threads.
"""

from collections.abc import Generator, Sequence
from functools import partial
from itertools import count

import numpy as np

from smalti.ahead import run_ahead
from smalti.card import Card, Task
from smalti.data.pixels.mix import mixed
from smalti.data.pixels.sample import Patch, Sample, completed, stack, to_sample
from smalti.data.pixels.style import styled
from smalti.data.pixels.views import ViewStream
from smalti.data.pixels.windows import Pools, Windows

OTHER, STYLE = 1, 2
"""Third part of the seed of the windows to mix with, and of those whose style is taken; not 0, because trailing zeros
do not change a seed."""


class Stream:
    """Random windows from several sources, augmented."""

    def __init__(
        self,
        pools: Pools,
        card: Card,
        tasks: Sequence[Task],
        crop: int,
        seed: int,
        *,
        looks: Windows | None = None,
        views: ViewStream | None = None,
        further: tuple["Stream", int] | None = None,
    ) -> None:
        """`looks` are the windows whose style is taken, by default these; their sources begin with these.

        `views` are windows without labels that belong to each batch. `further` is another stream, and how many of its
        windows come behind those of each batch.
        """
        self._windows = Windows(pools, card, crop)
        self._looks, self._views, self._further = looks or self._windows, views, further
        self._card, self._tasks, self._seed = card, tasks, seed

    def patch(self, number: int) -> Patch:
        """The n-th window, with a target for every task; it has the style of another one, and is mixed with another
        one, by the probabilities of the augmentation.

        The others depend on this number only, so any share of a batch can be computed separately.
        """
        rng = np.random.default_rng([self._seed, number])
        own = self._windows.choose(rng)
        augment = self._windows.augment(own)
        patch = self._window(own, rng)
        if augment.style and rng.random() < augment.style.chance:
            there = np.random.default_rng([self._seed, number, STYLE])
            look = self._looks.window(self._looks.choose_other(own, there), there)
            patch = styled(patch, look, augment.style, self._card, rng)
        if augment.mix == "none" or rng.random() >= augment.mix_chance:
            return patch
        there = np.random.default_rng([self._seed, number, OTHER])
        other = self._window(self._windows.choose(there), there)
        return mixed(patch, other, augment.mix, self._tasks, rng)

    def _window(self, source: int, rng: np.random.Generator) -> Patch:
        return completed(self._windows.window(source, rng), self._tasks)

    def batch(self, number: int, size: int, share: range | None = None) -> Sample:
        """The n-th batch of `size` windows, or only its windows at the indices in `share`, and the further ones."""
        samples = stack([*self._samples(number, size, share), *self._beside(number)])
        if self._views:
            samples["views"] = self._views.batch(number)
        return samples

    def _samples(self, number: int, size: int, share: range | None = None) -> list[Sample]:
        return [to_sample(self.patch(number * size + i)) for i in share or range(size)]

    def _beside(self, number: int) -> list[Sample]:
        if self._further is None:
            return []
        stream, size = self._further
        return stream._samples(number, size)

    def batches(self, start: int, size: int, workers: int, share: range | None = None) -> Generator[Sample, None, None]:
        """Batches, or a share of each, from number `start` on, prefetched by `workers` threads."""
        return run_ahead((partial(self.batch, number, size, share) for number in count(start)), workers)
