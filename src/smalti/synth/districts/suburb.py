"""Loose quarters: houses on plots along quiet streets; villas behind walls in dry country."""

import numpy as np

from smalti.synth.districts.town import flat_house, pick
from smalti.synth.layout import Block
from smalti.synth.lots import Lot, ground, inner, scatter_trees, whole
from smalti.synth.materials import Material
from smalti.synth.plan import BASE, FLAT, GABLE, GARDEN, HIP, PARCEL, Plan
from smalti.synth.roads import street


def suburb(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Rows of plots on both sides of streets along u, joined by one street along v."""
    arid = plan.style.aridity > 0.5
    ground(plan, BASE, Material.SAND if arid else Material.GRASS, whole(block))
    area, full = inner(block), whole(block)
    surface = (Material.ASPHALT, Material.ASPHALT_OLD, Material.ASPHALT_DARK)[int(rng.integers(3))]
    width = float(rng.uniform(4.6, 6.2))
    rows = max(1, int(area.depth / rng.uniform(58, 74)))
    cut = area.u0 + area.width * float(rng.uniform(0.35, 0.65))
    street(plan, rng, np.array([[cut, full.v0], [cut, full.v1]]), width, surface)
    setback = (width / 2 + 2.2) * 1.12
    for lot in area.split(1, rows, 0.0):
        middle = lot.centre[1]
        street(plan, rng, np.array([[full.u0, middle], [full.u1, middle]]), width, surface)
        for u0, u1 in ((lot.u0, cut - setback), (cut + setback, lot.u1)):
            plots(plan, rng, Lot(u0, lot.v0, u1, middle - setback), front=1)
            plots(plan, rng, Lot(u0, middle + setback, u1, lot.v1), front=-1)


def plots(plan: Plan, rng: np.random.Generator, lot: Lot, front: int) -> None:
    """Cuts a row into plots; `front` is the side of the street: 1 at v1, -1 at v0."""
    if lot.width < 12 or lot.depth < 14:
        return
    count = max(1, int(lot.width / rng.uniform(14.5, 23)))
    style = int(rng.integers(3))
    for part in lot.split(count, 1, 0.0):
        fate = rng.random()
        if fate < 0.06:
            ground(plan, PARCEL, Material.BARE, part)
            scatter_trees(plan, rng, part, int(rng.integers(0, 4)))
        else:
            plot(plan, rng, part, front, style)


def plot(plan: Plan, rng: np.random.Generator, lot: Lot, front: int, style: int) -> None:
    """One plot: garden, house, drive, perhaps a pool, a shed, a wall, trees."""
    arid = plan.style.aridity > 0.5
    gardens = (
        (Material.SAND, Material.CONCRETE, Material.LAWN, Material.PAVEMENT)
        if arid
        else (Material.LAWN, Material.LAWN, Material.GRASS, Material.MEADOW)
    )
    ground(plan, PARCEL, gardens[int(rng.integers(4))], lot.inset(0.4))
    wide = min(lot.width - 3.5, float(rng.uniform(9.5, 17)))
    deep = min(lot.depth - 10, float(rng.uniform(9.5, 15)))
    back = float(rng.uniform(3.5, 7))
    street_v = lot.v1 if front > 0 else lot.v0
    at = lot.centre[0] + float(rng.uniform(-0.5, 0.5)) * (lot.width - wide - 3), street_v - front * (back + deep / 2)
    villa(plan, rng, at, (wide, deep), style)
    _outside(plan, rng, lot, at, wide=wide, street_v=street_v, front=front)
    _garden(plan, rng, lot, front)


def villa(plan: Plan, rng: np.random.Generator, at: tuple[float, float], size: tuple[float, float], style: int) -> int:
    """The house, with a wing every other time."""
    arid = plan.style.aridity > 0.5
    eave = float(rng.choice([3.2, 5.8, 6.4, 8.2], p=[0.3, 0.3, 0.3, 0.1])) + float(rng.uniform(-0.3, 0.3))
    flat = rng.random() < (0.6 if arid else 0.12)
    roof = FLAT if flat else (GABLE, HIP, GABLE if rng.random() < 0.6 else HIP)[style]
    colour = pick(rng, plan.style.pitched)
    pitch = float(rng.uniform(0.35, 0.6) if arid else rng.uniform(0.5, 0.95))
    if flat:
        building = flat_house(plan, rng, at, size, eave, rigid=True)
    else:
        building = plan.house(at, size, eave, roof, colour, pitch=pitch)
    if rng.random() < 0.5:
        wing = float(rng.uniform(4, 6.5)), size[1] * float(rng.uniform(0.5, 0.7))
        side = 1 if rng.random() < 0.5 else -1
        place = at[0] + side * (size[0] - wing[0]) / 2, at[1] + float(rng.choice([-1, 1])) * size[1] * 0.4
        lower = max(eave * 0.8, 2.6)
        kind = FLAT if flat or rng.random() < 0.2 else roof
        plan.house(place, wing, lower, kind, colour, pitch=pitch, building=building)
    return building


def _outside(
    plan: Plan,
    rng: np.random.Generator,
    lot: Lot,
    at: tuple[float, float],
    *,
    wide: float,
    street_v: float,
    front: int,
) -> None:
    """The drive with its car, garage or shed, and the wall."""
    left = at[0] - wide / 2 > lot.centre[0] - wide / 2
    u = (lot.u0 + 2.0) if left else (lot.u1 - 2.0)
    drive = (Material.CONCRETE, Material.PAVEMENT, Material.GRAVEL)[int(rng.integers(3))]
    end = at[1]
    plan.rect(GARDEN, drive, u - 1.4, min(street_v + front * 2, end), u + 1.4, max(street_v + front * 2, end))
    if rng.random() < 0.55:
        car = np.array([[u, street_v - front * float(rng.uniform(2.5, 5))]])
        plan.cars_at(car, False, rng.integers(0, 11, 1).astype(float))
    if rng.random() < 0.45:
        shed = float(rng.uniform(2.8, 4)), float(rng.uniform(3, 6))
        rear = lot.v0 + 4 if front > 0 else lot.v1 - 4
        colour = pick(rng, plan.style.flat)
        plan.house((u, rear), shed, float(rng.uniform(2.3, 3)), FLAT, colour)
    chance = 0.8 if plan.style.aridity > 0.5 else 0.12
    if rng.random() < chance:
        corners = np.array([[lot.u0, lot.v0], [lot.u1, lot.v0], [lot.u1, lot.v1], [lot.u0, lot.v1], [lot.u0, lot.v0]])
        plan.strokes(Material.WALL, corners, 0)
    elif rng.random() < 0.4:
        plan.strip(GARDEN, Material.HEDGE, np.array([[lot.u0, lot.v0], [lot.u0, lot.v1]]), float(rng.uniform(0.7, 1.3)))


def _garden(plan: Plan, rng: np.random.Generator, lot: Lot, front: int) -> None:
    """The back: pool, terrace, beds and trees."""
    arid = plan.style.aridity > 0.5
    far = lot.v0 + 5 if front > 0 else lot.v1 - 5
    if rng.random() < (0.4 if arid else 0.14):
        u, half = lot.centre[0] + float(rng.uniform(-2, 2)), float(rng.uniform(1.6, 2.6))
        long = half * float(rng.uniform(1.3, 2.2))
        plan.rect(GARDEN, Material.PAVEMENT, u - long - 1.2, far - half - 1.2, u + long + 1.2, far + half + 1.2)
        plan.rect(GARDEN, Material.POOL, u - long, far - half, u + long, far + half)
    behind = Lot(lot.u0, lot.v0, lot.u1, lot.v0 + lot.depth * 0.4)
    before = Lot(lot.u0, lot.v0 + lot.depth * 0.6, lot.u1, lot.v1)
    rear, street_side = (behind, before) if front > 0 else (before, behind)
    scatter_trees(plan, rng, rear.inset(1), int(rng.poisson(1.4 if arid else 2.2)), 0.9)
    scatter_trees(plan, rng, street_side.inset(1), int(rng.poisson(0.5)), 0.7)
