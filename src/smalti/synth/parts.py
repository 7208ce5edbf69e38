"""Parts of buildings: parallelograms or ellipses on the ground, each with a roof."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from smalti.arrays import Floats
from smalti.synth.warp import Points


@dataclass(frozen=True)
class Part:
    """A part of a building; lengths on the ground are in the units of its plan, heights in metres.

    A point is `centre + s * along + t * across` with s and t in -1 to 1; a ridge runs along `along`.
    """

    centre: tuple[float, float]
    along: tuple[float, float]
    across: tuple[float, float]
    eave: float
    roof: int
    pitch: float
    """Rise of a pitched roof, metres per metre."""
    building: int
    """Number of the building in its block; -1 for what stands on roofs or is no building."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom on the ground."""
        dx = abs(self.along[0]) + abs(self.across[0])
        dy = abs(self.along[1]) + abs(self.across[1])
        x, y = self.centre
        return x - dx, y - dy, x + dx, y + dy

    def local(self, x: Points, y: Points) -> tuple[Floats, Floats]:
        """Coordinates (s, t) of pixel centres: x (columns,), y (rows,) in; (rows, columns) each out."""
        (ax, ay), (bx, by) = self.along, self.across
        det = ax * by - ay * bx
        dx, dy = x - self.centre[0], (y - self.centre[1])[:, None]
        s = dx * (by / det) - dy * (bx / det)
        t = dy * (ax / det) - dx * (ay / det)
        return s.astype(np.float32), t.astype(np.float32)


P = TypeVar("P", bound=Part)


def by_building(parts: Iterable[P]) -> dict[int, list[P]]:
    """The parts of each building, in their order."""
    found: dict[int, list[P]] = {}
    for part in parts:
        found.setdefault(part.building, []).append(part)
    return found


def beside(parts: Sequence[Part], trees: Points) -> Points:
    """The trees (n, columns), the first two of which are x and y, that do not stand in a building."""
    free = np.ones(len(trees), bool)
    for part in parts:
        (ax, ay), (bx, by) = part.along, part.across
        dx, dy = trees[:, 0] - part.centre[0], trees[:, 1] - part.centre[1]
        det = ax * by - ay * bx
        free &= (np.abs(dx * by - dy * bx) > abs(det) * 1.1) | (np.abs(dy * ax - dx * ay) > abs(det) * 1.1)
    return trees[free]
