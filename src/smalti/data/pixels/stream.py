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

OTHER = 1
"""Third part of the seed of the windows to mix with; not 0, because trailing zeros do not change a seed."""


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
        """The n-th window, with a target for every task; mixed with another one by the probability of the augmentation.

        The other one depends on this number only, so any share of a batch can be computed separately.
        """
        rng = np.random.default_rng([self._seed, number])
        patch, augment = self._window(rng)
        if augment.mix == "none" or rng.random() >= augment.mix_chance:
            return patch
        other, _ = self._window(np.random.default_rng([self._seed, number, OTHER]))
        return mixed(patch, other, augment.mix, self._tasks, rng)

    def _window(self, rng: np.random.Generator) -> tuple[Patch, Augment]:
        """A random window with the augmentation of its source."""
        pool, augment = self._pools[int(rng.choice(len(self._pools), p=self._chances))]
        view = choose_view(augment, self._crop, rng)
        patch = pool.patch(rng, view.side)
        seen = augmented(patch, view, augment, self._card, pool.tasks, rng)
        return completed(replace(seen, name=patch.name), self._tasks), augment

    def batch(self, number: int, size: int, share: range | None = None) -> Sample:
        """The n-th batch of `size` windows, or only its windows at the indices in `share`."""
        first = number * size
        return stack([to_sample(self.patch(first + i)) for i in share or range(size)])

    def batches(self, start: int, size: int, workers: int, share: range | None = None) -> Generator[Sample, None, None]:
        """Batches, or a share of each, from number `start` on, prefetched by `workers` threads."""
        return run_ahead((partial(self.batch, number, size, share) for number in count(start)), workers)
