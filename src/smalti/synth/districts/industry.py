"""Halls, yards and large car parks."""

import numpy as np

from smalti.synth.districts.town import flat_house, grid_streets, pick
from smalti.synth.layout import Block
from smalti.synth.lots import Lot, car_park, ground, inner, scatter_trees, whole
from smalti.synth.materials import Material
from smalti.synth.plan import BASE, GABLE, PARCEL, ROUND, Plan


def industry(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Large lots, each with a hall or two, a yard and a car park."""
    arid = plan.style.aridity > 0.5
    ground(plan, BASE, Material.BARE if arid else Material.GRASS, whole(block))
    area = inner(block)
    columns, rows = (max(1, round(side / rng.uniform(100, 160))) for side in (area.width, area.depth))
    for lot in grid_streets(plan, rng, block, columns, rows, float(rng.uniform(6.5, 8))):
        _works(plan, rng, lot.inset(float(rng.uniform(1, 5))))


def _works(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    ground(
        plan, PARCEL, (Material.CONCRETE, Material.PAVEMENT, Material.GRAVEL, Material.BARE)[int(rng.integers(4))], lot
    )
    cut = lot.v0 + lot.depth * float(rng.uniform(0.18, 0.3))
    yard, rest = Lot(lot.u0, lot.v0, lot.u1, cut), Lot(lot.u0, cut, lot.u1, lot.v1)
    if rng.random() < 0.5:
        yard, rest = (
            Lot(lot.u0, lot.v1 - (cut - lot.v0), lot.u1, lot.v1),
            Lot(lot.u0, lot.v0, lot.u1, lot.v1 - (cut - lot.v0)),
        )
    if rng.random() < 0.65:
        car_park(plan, rng, yard.inset(1.5), float(rng.uniform(0.2, 0.9)))
    else:
        _tanks(plan, rng, yard)
    for part in rest.split(int(rng.integers(1, 3)), 1, 9.0):
        hall(plan, rng, part.inset(4))
    trucks = rng.uniform((lot.u0 + 4, cut - 4), (lot.u1 - 4, cut + 4), (int(rng.integers(0, 7)), 2))
    plan.cars_at(trucks, False, rng.integers(0, 5, len(trucks)).astype(float), 9.0)
    scatter_trees(plan, rng, Lot(lot.u0, lot.v0, lot.u1, lot.v0 + 3), int(rng.integers(0, 8)))


def hall(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """A hall with a flat or a low gabled roof, rows of skylights on the flat one."""
    size = lot.width * float(rng.uniform(0.7, 1)), lot.depth * float(rng.uniform(0.7, 1))
    if min(size) < 8:
        return
    eave = float(rng.uniform(6, 13))
    if rng.random() < 0.4:
        n = int(rng.integers(1, 4)) if size[1] > 30 else 1
        deep = size[1] / n
        colour = pick(rng, plan.style.flat)
        building = None
        for k in range(n):
            at = lot.centre[0], lot.centre[1] + (k + 0.5 - n / 2) * deep
            building = plan.house(at, (size[0], deep), eave, GABLE, colour, pitch=0.18, rigid=False, building=building)
        return
    flat_house(plan, rng, lot.centre, size, eave, rigid=True)


def _tanks(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """Round tanks in a row."""
    side = min(lot.depth * 0.7, float(rng.uniform(8, 20)))
    for part in lot.split(max(1, int(lot.width / (side + 6))), 1, 2.0):
        plan.house(part.centre, (side, side), float(rng.uniform(6, 13)), ROUND, pick(rng, plan.style.flat))
