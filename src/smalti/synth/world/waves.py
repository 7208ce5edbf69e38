"""Smooth random fields without an end: sums of plane waves, which never repeat and need no lattice."""

import math

import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.warp import Points


class Waves:
    """A random field over the world of mean 0 and standard deviation 1: waves of many lengths and directions."""

    def __init__(
        self, rng: np.random.Generator, shortest: float, longest: float, *, count: int = 24, spread: float = math.pi
    ) -> None:
        """Waves of `shortest` to `longest` metres; longer ones are stronger. They run within `spread` of one way."""
        lengths = np.geomspace(shortest, longest, count) * rng.uniform(0.85, 1.15, count)
        heading = rng.uniform(0, 2 * np.pi) + rng.uniform(-spread, spread, count)
        self._waves: Points = 2 * np.pi / lengths[:, None] * np.stack([np.cos(heading), np.sin(heading)], 1)
        self._phase = rng.uniform(0, 2 * np.pi, count)
        self._weight = lengths / math.sqrt(float((lengths**2).sum()) / 2)

    def at(self, xy: Points) -> Points:
        """Values at points (n, 2) in metres, (n,)."""
        values: Points = np.sin(xy @ self._waves.T + self._phase) @ self._weight
        return values

    def grid(self, x: Points, y: Points) -> Floats:
        """Values on a grid of columns x (metres) and rows y, (rows, columns): sines of sums as a matrix product."""
        across, down = np.outer(x, self._waves[:, 0]), np.outer(y, self._waves[:, 1]) + self._phase
        left = np.hstack([np.sin(down) * self._weight, np.cos(down) * self._weight])
        values: Floats = (left @ np.hstack([np.cos(across), np.sin(across)]).T).astype(np.float32)
        return values

    def slope(self, x: Points, y: Points) -> tuple[Floats, Floats]:
        """Derivatives along x and along y on a grid, per metre, (rows, columns) each."""
        across, down = np.outer(x, self._waves[:, 0]), np.outer(y, self._waves[:, 1]) + self._phase
        right = np.hstack([np.cos(across), np.sin(across)]).T
        both = []
        for axis in (0, 1):
            weight = self._weight * self._waves[:, axis]
            left = np.hstack([np.cos(down) * weight, -np.sin(down) * weight])
            both.append((left @ right).astype(np.float32))
        return both[0], both[1]


def share(values: npt.ArrayLike) -> Points:
    """Values of a field as ranks from 0 to 1: the share of the world that lies lower (logistic approximation)."""
    ranks: Points = 1 / (1 + np.exp(-1.702 * np.asarray(values, np.float64)))
    return ranks
