"""The endless stream of training batches: the n-th window depends only on the seed and n.

So a resumed training sees the same windows as an uninterrupted one, whatever the number of threads.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count

import numpy as np

from smalti.ahead import run_ahead
from smalti.card import Card, Task
from smalti.data.pixels.augment import Augment, augmented, choose_view
from smalti.data.pixels.mix import mixed
from smalti.data.pixels.sample import Patch, Sample, completed, stack, to_sample
from smalti.data.pixels.sources import Pool
from smalti.data.pixels.style import styled

OTHER, STYLE = 1, 2
"""Third part of the seed of the windows to mix with, and of those whose style is taken; not 0, because trailing zeros
do not change a seed."""


class Stream:
    """Random windows from several sources, augmented."""

    def __init__(
        self, pools: Sequence[tuple[float, Pool, Augment]], card: Card, tasks: Sequence[Task], crop: int, seed: int
    ) -> None:
        weights = np.array([weight for weight, _, _ in pools])
        self._chances = weights / weights.sum()
        self._pools = [(pool, augment) for _, pool, augment in pools]
        self._card, self._tasks = card, tasks
        self._crop, self._seed = crop, seed

    def patch(self, number: int) -> Patch:
        """The n-th window, with a target for every task; it has the style of another one, and is mixed with another
        one, by the probabilities of the augmentation.

        The others depend on this number only, so any share of a batch can be computed separately.
        """
        rng = np.random.default_rng([self._seed, number])
        own = self._choose(rng)
        augment = self._pools[own][1]
        patch = self._window(own, rng)
        if augment.style and rng.random() < augment.style.chance:
            patch = styled(patch, self._elsewhere(own, number), augment.style, self._card, rng)
        if augment.mix == "none" or rng.random() >= augment.mix_chance:
            return patch
        there = np.random.default_rng([self._seed, number, OTHER])
        other = self._window(self._choose(there), there)
        return mixed(patch, other, augment.mix, self._tasks, rng)

    def _choose(self, rng: np.random.Generator) -> int:
        """The number of a random source, by their weights."""
        return int(rng.choice(len(self._pools), p=self._chances))

    def _elsewhere(self, own: int, number: int) -> Patch:
        """A random window of another source; of the same one if there is no other."""
        rng = np.random.default_rng([self._seed, number, STYLE])
        chances = np.where(np.arange(len(self._pools)) == own, 0, self._chances)
        other = int(rng.choice(len(self._pools), p=chances / chances.sum())) if chances.any() else own
        return self._window(other, rng)

    def _window(self, number: int, rng: np.random.Generator) -> Patch:
        """A random window of a source, augmented."""
        pool, augment = self._pools[number]
        view = choose_view(augment, self._crop, rng)
        patch = pool.patch(rng, view.side)
        seen = augmented(patch, view, augment, self._card, pool.tasks, rng)
        return completed(replace(seen, name=patch.name), self._tasks)

    def batch(self, number: int, size: int, share: range | None = None) -> Sample:
        """The n-th batch of `size` windows, or only its windows at the indices in `share`."""
        first = number * size
        return stack([to_sample(self.patch(first + i)) for i in share or range(size)])

    def batches(self, start: int, size: int, workers: int, share: range | None = None) -> Generator[Sample, None, None]:
        """Batches, or a share of each, from number `start` on, prefetched by `workers` threads."""
        return run_ahead((partial(self.batch, number, size, share) for number in count(start)), workers)
