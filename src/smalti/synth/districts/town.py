"""Dense quarters: closed blocks around courtyards, and slabs in the green."""

import numpy as np

from smalti.arrays import Floats
from smalti.synth.layout import Block
from smalti.synth.lots import Lot, car_park, ground, inner, plant, scatter_trees, tree_row, whole
from smalti.synth.materials import Material
from smalti.synth.plan import BASE, BOX, FLAT, GABLE, GARDEN, HIP, PARCEL, ROUND, Plan
from smalti.synth.roads import street


def grid_streets(
    plan: Plan, rng: np.random.Generator, block: Block, columns: int, rows: int, width: float
) -> list[Lot]:
    """Cuts a block by local streets; returns the lots between them."""
    area, full = inner(block), whole(block)
    surface = (Material.ASPHALT, Material.ASPHALT_OLD, Material.ASPHALT_DARK)[int(rng.integers(3))]
    gap = (width + 4.0) * 1.15
    lots = area.split(columns, rows, gap)
    for lot in lots[: columns - 1]:
        u = lot.u1 + gap / 2
        street(plan, rng, np.array([[u, full.v0], [u, full.v1]]), width, surface)
    for lot in lots[: (rows - 1) * columns : columns]:
        v = lot.v1 + gap / 2
        street(plan, rng, np.array([[full.u0, v], [full.u1, v]]), width, surface)
    return lots


def town(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Closed blocks of adjoining houses around courtyards."""
    ground(plan, BASE, Material.PAVEMENT, whole(block))
    area = inner(block)
    columns, rows = (max(1, round(side / rng.uniform(62, 105))) for side in (area.width, area.depth))
    for lot in grid_streets(plan, rng, block, columns, rows, float(rng.uniform(4.8, 6.4))):
        fate = rng.random()
        if fate < 0.08:
            square(plan, rng, lot)
        elif fate < 0.12:
            car_park(plan, rng, lot.inset(1), float(rng.uniform(0.3, 0.9)))
        else:
            ring(plan, rng, lot)


def square(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """A small park with paths."""
    ground(plan, PARCEL, Material.LAWN, lot.inset(1))
    plan.strip(GARDEN, Material.PATH, np.array([[lot.u0, lot.v0], [lot.u1, lot.v1]]), 2.4)
    plan.strip(GARDEN, Material.PATH, np.array([[lot.u1, lot.v0], [lot.u0, lot.v1]]), 2.4)
    scatter_trees(plan, rng, lot.inset(4), int(lot.width * lot.depth / 160), 1.1)


def ring(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """Houses along the four sides, a court inside."""
    lot = lot.inset(float(rng.uniform(0.3, 2.5)))
    deep = float(rng.uniform(11, 16.5))
    if min(lot.width, lot.depth) < 2 * deep + 12:
        deep = min(lot.width, lot.depth) / 3.2
    level = float(rng.uniform(7, 20))
    court(plan, rng, lot.inset(deep - 1))
    pitched = rng.random() < 0.65
    for side in range(4):
        along = side < 2
        begin, end = (lot.u0, lot.u1) if along else (lot.v0 + deep, lot.v1 - deep)
        across = ((lot.v0, lot.v1)[side] if along else (lot.u0, lot.u1)[side - 2]) + (deep / 2) * (1 - 2 * (side % 2))
        at = begin
        while end - at > 5:
            front = min(float(rng.uniform(10, 30)), end - at)
            if end - at - front < 6:
                front = end - at
            if rng.random() < 0.93:
                middle = at + front / 2
                place = (middle, across) if along else (across, middle)
                _ring_house(plan, rng, place, (front, deep) if along else (deep, front), level, pitched)
            at += front


def _ring_house(
    plan: Plan,
    rng: np.random.Generator,
    at: tuple[float, float],
    size: tuple[float, float],
    level: float,
    pitched: bool,
) -> None:
    eave = float(np.clip(level + rng.normal(0, 2.2), 5, 26))
    if rng.random() < (0.85 if pitched else 0.1):
        roof = GABLE if rng.random() < 0.8 else HIP
        plan.house(at, size, eave, roof, pick(rng, plan.style.pitched), pitch=float(rng.uniform(0.4, 0.9)), rigid=False)
    else:
        flat_house(plan, rng, at, size, eave, rigid=False)


def court(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """The inside of a ring: lawn, asphalt or stone; sheds, trees and cars."""
    if lot.width < 8 or lot.depth < 8:
        return
    if rng.random() < 0.22:
        car_park(plan, rng, lot, float(rng.uniform(0.2, 0.8)))
    else:
        dry = plan.style.aridity > 0.5 and rng.random() < 0.6
        ground(
            plan,
            PARCEL,
            Material.CONCRETE if dry else (Material.LAWN, Material.GRASS, Material.PAVEMENT)[int(rng.integers(3))],
            lot,
        )
        scatter_trees(plan, rng, lot.inset(3), int(rng.poisson(lot.width * lot.depth / 220)))
        if min(lot.width, lot.depth) > 26 and rng.random() < 0.75:
            size = (float(rng.uniform(0.4, 0.75)) * lot.width, float(rng.uniform(0.25, 0.5)) * lot.depth)
            flat_house(plan, rng, lot.centre, size, float(rng.uniform(3.2, 6)), rigid=True)


def flat_house(
    plan: Plan,
    rng: np.random.Generator,
    at: tuple[float, float],
    size: tuple[float, float],
    eave: float,
    rigid: bool,
    building: int | None = None,
) -> int:
    """A flat roof with a few boxes of plant on it."""
    building = plan.house(at, size, eave, FLAT, pick(rng, plan.style.flat), rigid=rigid, building=building)
    for _ in range(int(rng.integers(0, 4)) if min(size) > 7 else 0):
        box = float(rng.uniform(1.2, 4)), float(rng.uniform(1.2, 3.2))
        place = at[0] + rng.uniform(-0.34, 0.34) * size[0], at[1] + rng.uniform(-0.34, 0.34) * size[1]
        plan.house(place, box, eave + float(rng.uniform(0.8, 2.8)), BOX, pick(rng, plan.style.flat), building=-1)
    return building


def pick(rng: np.random.Generator, palette: Floats) -> Floats:
    """One colour of a palette, a little off."""
    colour: Floats = palette[rng.integers(len(palette))] * np.float32(rng.normal(1, 0.05))
    return colour


def estate(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Slabs and towers in lawns, with car parks."""
    arid = plan.style.aridity > 0.5
    ground(plan, BASE, Material.SAND if arid and rng.random() < 0.5 else Material.GRASS, whole(block))
    area = inner(block)
    columns, rows = (max(1, round(side / rng.uniform(85, 130))) for side in (area.width, area.depth))
    for lot in grid_streets(plan, rng, block, columns, rows, float(rng.uniform(5.5, 7.5))):
        _estate_lot(plan, rng, lot.inset(4))


def _estate_lot(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    if lot.depth < 40 or lot.width < 40:
        ring(plan, rng, lot)
        return
    cut = lot.v0 + lot.depth * float(rng.uniform(0.16, 0.23))
    car_park(plan, rng, Lot(lot.u0, lot.v0, lot.u1, cut - 3), float(rng.uniform(0.3, 0.9)))
    rest = Lot(lot.u0, cut + 2, lot.u1, lot.v1)
    ground(plan, PARCEL, Material.LAWN, rest)
    count = max(1, int(rest.depth / rng.uniform(26, 36)))
    for part in rest.split(1, count, 12.0):
        _slabs(plan, rng, part)
    n = int(rest.width * rest.depth / 300)
    uv = np.stack([rng.uniform(rest.u0, rest.u1, n), rng.uniform(rest.v0, rest.v1, n)], 1)
    plant(plan, rng, uv)
    tree_row(plan, rng, (lot.u0, cut - 1), (lot.u1, cut - 1))


def _slabs(plan: Plan, rng: np.random.Generator, part: Lot) -> None:
    """One long slab, two short ones, towers, or a round one."""
    eave = float(rng.uniform(12, 27 * max(plan.style.slope, 1)))
    deep = min(part.depth, float(rng.uniform(11, 16)))
    fate = rng.random()
    colour = pick(rng, plan.style.flat)
    if fate < 0.45:
        flat_house(plan, rng, part.centre, (part.width * float(rng.uniform(0.6, 0.95)), deep), eave, rigid=True)
    elif fate < 0.8:
        for half in part.split(2, 1, 9.0):
            flat_house(plan, rng, half.centre, (half.width * 0.85, deep), eave * float(rng.uniform(0.7, 1)), rigid=True)
    elif fate < 0.92:
        for third in part.split(3, 1, 10.0):
            side = min(third.width, part.depth, 19.0)
            flat_house(plan, rng, third.centre, (side, side * 0.9), 32 * max(plan.style.slope, 0.9), rigid=True)
    else:
        side = min(part.width * 0.8, part.depth, 24.0)
        plan.house(part.centre, (side, side), eave, ROUND, colour)
