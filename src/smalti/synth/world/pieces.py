"""Pieces of ground that blocks are made of: covered lots, trees, houses with their roofs, car parks."""

import numpy as np
import numpy.typing as npt

from smalti.synth.lots import Lot
from smalti.synth.plan import BOX, FLAT, ROUND
from smalti.synth.warp import Points
from smalti.synth.world.plan import GARDEN, PARCEL, Plan
from smalti.synth.world.roofs import ROOFS, Roof
from smalti.synth.world.setting import VARIANTS
from smalti.synth.world.surface import Surface

Pair = tuple[float, float]


def cover(plan: Plan, level: int, surface: Surface, lot: Lot) -> None:
    """Covers a lot."""
    plan.rect(level, surface, lot.u0, lot.v0, lot.u1, lot.v1)


def anywhere(rng: np.random.Generator, lot: Lot, count: int) -> Points:
    """Random points of a lot, (count, 2)."""
    if lot.width <= 0 or lot.depth <= 0:
        return np.zeros((0, 2))
    return np.stack([rng.uniform(lot.u0, lot.u1, count), rng.uniform(lot.v0, lot.v1, count)], 1)


def plant(plan: Plan, rng: np.random.Generator, uv: Points, what: str = "garden", size: float = 1.0) -> None:
    """Trees of the country at plan points (n, 2): of its gardens, its woods, or its bushes."""
    kinds = np.array(plan.setting.kinds(what))
    plant_kinds(plan, rng, uv, kinds[rng.integers(len(kinds), size=len(uv))], size)


def plant_kinds(
    plan: Plan,
    rng: np.random.Generator,
    uv: Points,
    first: npt.NDArray[np.int64],
    size: float = 1.0,
) -> None:
    """Trees of given species, each in a colour of its own; `first` (n,) is the index of a species' first variant."""
    n = len(uv)
    if not n:
        return
    species = [plan.setting.trees[k].species for k in first.tolist()]
    low, high = np.array([s.radius for s in species]).T
    radius = (low + (high - low) * rng.beta(1.6, 2.2, n)) * size
    height = radius * np.array([s.slender for s in species]) * rng.uniform(0.8, 1.2, n)
    height = np.clip(height + 1.2 * (radius > 1.0), 0.4, 38)
    plan.trees_at(uv, radius, height, (first + rng.integers(0, VARIANTS, n)).astype(float))


def scatter(
    plan: Plan, rng: np.random.Generator, lot: Lot, every: float, what: str = "garden", size: float = 1.0
) -> None:
    """Single trees or bushes, one to `every` square metres."""
    if lot.width > 1 and lot.depth > 1:
        number = lot.width * lot.depth / every * (plan.setting.garden_trees if what == "garden" else 1.0)
        plant(plan, rng, anywhere(rng, lot, int(rng.poisson(number))), what, size)


def tree_row(plan: Plan, rng: np.random.Generator, begin: Pair, end: Pair, what: str = "garden") -> None:
    """An avenue: trees of one kind at even distances."""
    length = float(np.hypot(end[0] - begin[0], end[1] - begin[1]))
    n = int(length / rng.uniform(6, 12))
    kinds = plan.setting.kinds(what)
    if n < 1:
        return
    uv = np.array(begin) + (np.array(end) - np.array(begin)) * ((np.arange(n)[:, None] + 0.5) / n)
    first = np.full(n, kinds[int(rng.integers(len(kinds)))])
    plant_kinds(plan, rng, uv + rng.normal(0, 0.4, (n, 2)), first, float(rng.uniform(0.6, 1)))


def build(
    plan: Plan,
    rng: np.random.Generator,
    at: Pair,
    size: Pair,
    eave: float,
    *,
    roof: Roof | None = None,
    turn: float = 0.0,
    building: int | None = None,
    big: bool = False,
) -> int:
    """A building part under a roof of the country; with boxes and tanks on a flat one. The number of its building."""
    roof = roof or plan.setting.roof(rng, big)
    shape = roof.shapes[int(rng.integers(len(roof.shapes)))]
    if shape == ROUND:
        size = (min(size), min(size))
    pitch = float(rng.uniform(*roof.pitch)) * (0.45 if big else 1.0)
    number = plan.house(
        at, size, eave, roof=shape, cover=roof.surface(rng), ribs=roof.ribs, pitch=pitch, turn=turn, building=building
    )
    if shape == FLAT and number >= 0 and roof.ribs[0] == 0:
        _clutter(plan, rng, at, size, eave)
    return number


def _clutter(plan: Plan, rng: np.random.Generator, at: Pair, size: Pair, eave: float) -> None:
    """Stairs, tanks and machines on a flat roof."""
    for _ in range(int(rng.integers(0, 4 + int(min(size) / 9))) if min(size) > 6 else 0):
        box = float(rng.uniform(1.0, 3.6)), float(rng.uniform(1.0, 3.0))
        place = at[0] + rng.uniform(-0.36, 0.36) * size[0], at[1] + rng.uniform(-0.36, 0.36) * size[1]
        kind = ("membrane", "concrete", "tin", "painted tin")[int(rng.choice(4, p=[0.45, 0.3, 0.17, 0.08]))]
        top = eave + float(rng.uniform(0.7, 2.6))
        plan.house(place, box, top, roof=BOX, cover=ROOFS[kind].surface(rng), building=-1)


def car_park(plan: Plan, rng: np.random.Generator, lot: Lot, fill: float) -> None:
    """Asphalt with rows of bays along u, cars in some of them, and trees on islands."""
    paving = plan.setting.any_ground(rng, ("asphalt", "dark asphalt", "old asphalt", "pale asphalt"))
    cover(plan, PARCEL, paving, lot)
    if lot.width < 12 or lot.depth < 9:
        return
    columns, rows = int((lot.width - 4) / 2.6), max(1, int(lot.depth / 16.5))
    u = lot.u0 + 2 + 2.6 * np.arange(columns + 1, dtype=np.float64)
    trees = rng.random() < 0.5
    for r in range(rows):
        middle = lot.v0 + (r + 0.5) * lot.depth / rows
        for side in (-1, 1):
            v = middle + side * 5.4
            if lot.v0 + 2.4 <= v <= lot.v1 - 2.4:
                _bays(plan, rng, u, v, fill)
        if trees and r:
            island = Lot(
                lot.u0 + 2, middle - lot.depth / rows / 2 - 0.8, lot.u1 - 2, middle - lot.depth / rows / 2 + 0.8
            )
            cover(plan, GARDEN, plan.setting.any_ground(rng, plan.setting.climate.verge), island)
            tree_row(plan, rng, (island.u0, island.centre[1]), (island.u1, island.centre[1]))


def _bays(plan: Plan, rng: np.random.Generator, u: Points, v: float, fill: float) -> None:
    ends = np.stack([np.stack([u, np.full_like(u, v - 2.4)], 1), np.stack([u, np.full_like(u, v + 2.4)], 1)], 1)
    plan.segments(plan.setting.ground("paint"), ends)
    taken = rng.random(len(u) - 1) < fill
    at = np.stack([u[:-1] + 1.3, np.full(len(u) - 1, v) + rng.normal(0, 0.25, len(u) - 1)], 1)[taken]
    plan.cars_at(at, False, rng.integers(0, 12, len(at)).astype(float))


def thing(plan: Plan, rng: np.random.Generator, names: tuple[str, ...]) -> Surface:
    """One of some surfaces of the ground, as it looks here."""
    return plan.setting.any_ground(rng, names)
