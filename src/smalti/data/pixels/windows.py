"""Random windows of several sources, each with its share and its augmentation."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smalti.card import Card
from smalti.data.pixels.augment import Augment, apply_view, augmented, choose_view
from smalti.data.pixels.pool import Pool
from smalti.data.pixels.sample import Patch

Pools = Sequence[tuple[float, Pool, Augment]]
"""By source: its weight, its scenes, and the augmentation of its windows."""


class Windows:
    """Chooses sources by their weights, and draws windows from them."""

    def __init__(self, pools: Pools, card: Card, crop: int) -> None:
        weights = np.array([weight for weight, _, _ in pools])
        self._chances = weights / weights.sum()
        self._pools = [(pool, augment) for _, pool, augment in pools]
        self._card, self._crop = card, crop

    def choose(self, rng: np.random.Generator) -> int:
        """The number of a random source."""
        return int(rng.choice(len(self._pools), p=self._chances))

    def choose_other(self, own: int, rng: np.random.Generator) -> int:
        """The number of another random source than `own`, which is returned if it is the only one."""
        chances = np.where(np.arange(len(self._pools)) == own, 0, self._chances)
        return int(rng.choice(len(self._pools), p=chances / chances.sum())) if chances.any() else own

    def augment(self, source: int) -> Augment:
        """The augmentation of a source's windows."""
        return self._pools[source][1]

    def window(self, source: int, rng: np.random.Generator) -> Patch:
        """A random window of a source, augmented."""
        pool, augment = self._pools[source]
        view = choose_view(augment, self._crop, rng)
        patch = pool.patch(rng, view.side)
        return replace(augmented(patch, view, augment, self._card, pool.tasks, rng), name=patch.name)

    def plain(self, source: int, rng: np.random.Generator) -> Patch:
        """A random window of a source with its own colours, as float32: only its geometry is augmented."""
        pool, augment = self._pools[source]
        view = choose_view(augment, self._crop, rng)
        patch = pool.patch(rng, view.side)
        seen = apply_view(patch, view, pool.tasks)
        return replace(seen, image=seen.image.astype(np.float32), name=patch.name)
