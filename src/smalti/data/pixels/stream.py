"""The endless stream of training batches: the n-th window is a function of the seed and n alone.

So a training that goes on after a kill sees what it would have seen, whatever the number of threads.
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
"""Third part of the seed of the windows that others are mixed with; zeros at its end would count for nothing."""


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
        """The n-th window, with a target for every task; mixed with another one where the augmentation says so.

        The other one is drawn for this number alone: so any share of a batch can be made by itself.
        """
        rng = np.random.default_rng([self._seed, number])
        patch, augment = self._window(rng)
        if augment.mix == "none" or rng.random() >= augment.mix_chance:
            return patch
        other, _ = self._window(np.random.default_rng([self._seed, number, OTHER]))
        return mixed(patch, other, augment.mix, self._tasks, rng)

    def _window(self, rng: np.random.Generator) -> tuple[Patch, Augment]:
        """A random window, augmented as its source says."""
        pool, augment = self._pools[int(rng.choice(len(self._pools), p=self._chances))]
        view = choose_view(augment, self._crop, rng)
        patch = pool.patch(rng, view.side)
        seen = augmented(patch, view, augment, self._card, pool.tasks, rng)
        return completed(replace(seen, name=patch.name), self._tasks), augment

    def batch(self, number: int, size: int, share: range | None = None) -> Sample:
        """The n-th batch of `size` windows, or those of its windows that `share` names."""
        first = number * size
        return stack([to_sample(self.patch(first + i)) for i in share or range(size)])

    def batches(self, start: int, size: int, workers: int, share: range | None = None) -> Generator[Sample, None, None]:
        """Batches, or a share of each, from the `start`-th on, made by `workers` threads ahead of time."""
        return run_ahead((partial(self.batch, number, size, share) for number in count(start)), workers)
