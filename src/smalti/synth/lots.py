"""Pieces of ground that districts are made of: rectangles, blobs, groups of trees, car parks."""

from dataclasses import dataclass

import numpy as np

from smalti.synth.layout import Block
from smalti.synth.materials import Material
from smalti.synth.plan import GARDEN, PARCEL, Plan
from smalti.synth.style import TREE_KINDS
from smalti.synth.warp import Points

STRETCH = 1.18
"""Factor by which a street may become wider than planned where the plan is compressed."""


@dataclass(frozen=True)
class Lot:
    """A rectangle of the plan, metres."""

    u0: float
    v0: float
    u1: float
    v1: float

    @property
    def width(self) -> float:
        """Length along u."""
        return self.u1 - self.u0

    @property
    def depth(self) -> float:
        """Length along v."""
        return self.v1 - self.v0

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the rectangle."""
        return (self.u0 + self.u1) / 2, (self.v0 + self.v1) / 2

    def inset(self, by: float) -> "Lot":
        """The rectangle, smaller by `by` on each side."""
        return Lot(self.u0 + by, self.v0 + by, self.u1 - by, self.v1 - by)

    def split(self, columns: int, rows: int, gap: float) -> list["Lot"]:
        """Equal parts with `gap` metres between them, row by row."""
        du, dv = (self.width + gap) / columns, (self.depth + gap) / rows
        return [
            Lot(self.u0 + c * du, self.v0 + r * dv, self.u0 + (c + 1) * du - gap, self.v0 + (r + 1) * dv - gap)
            for r in range(rows)
            for c in range(columns)
        ]


def whole(block: Block) -> Lot:
    """A block up to the middle of its streets."""
    return Lot(block.u0, block.v0, block.u1, block.v1)


def inner(block: Block) -> Lot:
    """A block without its streets and their pavements."""
    left, top, right, bottom = ((w / 2 + (3.0 if w > 7 else 1.5)) * STRETCH for w in block.widths)
    return Lot(block.u0 + left, block.v0 + top, block.u1 - right, block.v1 - bottom)


def ground(plan: Plan, level: int, material: Material, lot: Lot) -> None:
    """Covers a lot."""
    plan.rect(level, material, lot.u0, lot.v0, lot.u1, lot.v1)


def blob(rng: np.random.Generator, centre: tuple[float, float], radii: tuple[float, float], rough: float) -> Points:
    """A rounded outline around a plan point, (96, 2)."""
    angle = np.arange(96) * (2 * np.pi / 96)
    waves = np.arange(2, 8)
    weight = rng.normal(0, rough, (2, 6)) / waves * 2
    radius = 1 + weight[0] @ np.cos(waves[:, None] * angle) + weight[1] @ np.sin(waves[:, None] * angle)
    radius = np.clip(radius, 0.45, 1.25)
    outline: Points = np.array(centre) + (radius * np.stack([np.cos(angle) * radii[0], np.sin(angle) * radii[1]])).T
    return outline


def scatter_trees(plan: Plan, rng: np.random.Generator, lot: Lot, count: int, tall: float = 1.0) -> None:
    """Adds single trees at random places on a lot."""
    if count < 1 or lot.width < 1 or lot.depth < 1:
        return
    uv = np.stack([rng.uniform(lot.u0, lot.u1, count), rng.uniform(lot.v0, lot.v1, count)], 1)
    plant(plan, rng, uv, tall)


def plant(plan: Plan, rng: np.random.Generator, uv: Points, tall: float = 1.0) -> None:
    """Trees of mixed size at plan points (n, 2)."""
    n = len(uv)
    arid = plan.style.aridity > 0.5
    radius = rng.gamma(7, 0.27 if arid else 0.36, n).clip(1.1, 5.5) * tall**0.5
    height = (radius * rng.uniform(1.7, 2.8, n) * tall + 2.2).clip(3.4, 22)
    plan.trees_at(uv, radius, height, rng.integers(0, TREE_KINDS, n).astype(float))


def tree_row(plan: Plan, rng: np.random.Generator, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """An avenue: trees of one kind at even distances."""
    length = float(np.hypot(end[0] - begin[0], end[1] - begin[1]))
    n = int(length / rng.uniform(7, 12))
    if n < 1:
        return
    uv = np.array(begin) + (np.array(end) - np.array(begin)) * ((np.arange(n)[:, None] + 0.5) / n)
    uv = uv + rng.normal(0, 0.4, (n, 2))
    size = rng.uniform(1.5, 2.9)
    radius = rng.normal(size, 0.25, n).clip(1.0, 4)
    plan.trees_at(uv, radius, radius * 2 + 2.5, np.full(n, float(rng.integers(TREE_KINDS))))


def car_park(plan: Plan, rng: np.random.Generator, lot: Lot, fill: float) -> None:
    """Asphalt with rows of bays along u and cars in some of them."""
    ground(
        plan,
        PARCEL,
        (Material.COURT, Material.ASPHALT, Material.ASPHALT_OLD, Material.ASPHALT_DARK)[int(rng.integers(4))],
        lot,
    )
    if lot.width < 12 or lot.depth < 9:
        return
    columns = int((lot.width - 4) / 2.6)
    rows = max(1, int(lot.depth / 16.5))
    u = lot.u0 + 2 + 2.6 * np.arange(columns + 1)
    for r in range(rows):
        middle = lot.v0 + (r + 0.5) * lot.depth / rows
        for side in (-1, 1):
            v = middle + side * 5.4
            if not lot.v0 + 2.4 <= v <= lot.v1 - 2.4:
                continue
            ends = np.stack([np.stack([u, np.full_like(u, v - 2.4)], 1), np.stack([u, np.full_like(u, v + 2.4)], 1)], 1)
            plan.segments(Material.PAINT, ends)
            taken = rng.random(columns) < fill
            at = np.stack([u[:-1] + 1.3, np.full(columns, v) + rng.normal(0, 0.25, columns)], 1)[taken]
            plan.cars_at(at, False, rng.integers(0, 11, len(at)).astype(float))
        if side and rng.random() < 0.4:
            tree_row(plan, rng, (lot.u0, lot.v0 + 0.5), (lot.u1, lot.v0 + 0.5))


def shrubs(plan: Plan, rng: np.random.Generator, lot: Lot, count: int) -> None:
    """Low bushes as dots of ground cover."""
    for _ in range(count):
        at = rng.uniform(lot.u0, lot.u1), rng.uniform(lot.v0, lot.v1)
        size = float(rng.uniform(0.7, 2.2))
        plan.patch(GARDEN, Material.HEDGE, blob(rng, at, (size, size * rng.uniform(0.7, 1.3)), 0.15)[::12])
