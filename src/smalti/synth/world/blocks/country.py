"""Open country: grass, heath, steppe, dunes, bogs, potholes, quarries."""

import numpy as np

from smalti.synth.lots import Lot, blob
from smalti.synth.seeds import rng_for
from smalti.synth.world.blocks.woods import _winding
from smalti.synth.world.layout import Block
from smalti.synth.world.pieces import anywhere, build, cover, plant, scatter, thing
from smalti.synth.world.plan import BASE, GARDEN, PARCEL, WATERSIDE, Plan, Rows
from smalti.synth.world.roads import path
from smalti.synth.world.waves import Waves, share


def stains(plan: Plan, rng: np.random.Generator, lot: Lot, names: tuple[str, ...], count: int) -> None:
    """Ragged patches of other ground, unlike in size, dissolved at the rim by smaller ones."""
    for _ in range(count):
        at = anywhere(rng, lot, 1)[0]
        size = float(np.exp(rng.uniform(np.log(3), np.log(45))))
        surface = thing(plan, rng, names)
        centre = float(at[0]), float(at[1])
        plan.patch(PARCEL, surface, blob(rng, centre, (size, size * float(rng.uniform(0.4, 1))), 0.22))
        for x, y in at + rng.normal(0, size * 0.9, (int(rng.integers(2, 7)), 2)):
            little = size * float(rng.uniform(0.1, 0.3))
            plan.patch(PARCEL, surface, blob(rng, (float(x), float(y)), (little, little), 0.2)[::4])


def _bushes(plan: Plan, rng: np.random.Generator, lot: Lot, every: float) -> None:
    """Bushes and single trees in loose groups."""
    uv = anywhere(rng, lot, int(lot.width * lot.depth / every))
    group = share(Waves(rng_for(plan.setting.seed, "groups"), 8, 130).at(plan.world(uv)))
    plant(plan, rng, uv[group > rng.uniform(0.3, 0.7)], "bushes")
    few = uv[rng.random(len(uv)) < 0.05]
    plant(plan, rng, few, "woods")


def wild(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """What nobody tends: ground, stains of other ground, bushes, trodden tracks."""
    names = plan.setting.some("open", plan.setting.climate.open_ground, 3)
    plan.patch(BASE, thing(plan, rng, names), block.corners)
    stains(plan, rng, block.whole, plan.setting.climate.open_ground, int(rng.integers(2, 14)))
    _bushes(plan, rng, block.inner, float(np.exp(rng.uniform(np.log(9), np.log(160)))))
    uv = anywhere(rng, block.inner, 400)
    wooded = share(plan.setting.wood.at(plan.world(uv))) < plan.setting.climate.wooded * 0.6
    plant(plan, rng, uv[wooded], "woods")
    for _ in range(int(rng.integers(0, 3))):
        path(plan, rng, _winding(rng, block.whole), float(rng.uniform(1.0, 3.4)))
    if rng.random() < 0.12:
        build(plan, rng, block.inner.centre, (float(rng.uniform(7, 14)), float(rng.uniform(5, 9))), 3.2)


def meadow(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Pastures with fences, single trees and cattle tracks."""
    plan.patch(BASE, thing(plan, rng, plan.setting.climate.verge), block.corners)
    names = ("meadow", "lush grass", "dull grass", "dark grass", "grey grass")
    for part in block.inner.split(int(rng.integers(1, 4)), int(rng.integers(1, 3)), 1.0):
        cover(plan, PARCEL, thing(plan, rng, names).varied(rng), part)
        if rng.random() < 0.4:
            plan.strip(GARDEN, plan.setting.ground("hedge"), np.array([[part.u1, part.v0], [part.u1, part.v1]]), 1.8)
        scatter(plan, rng, part, float(rng.uniform(500, 4000)), "woods")
    stains(plan, rng, block.inner, names, int(rng.integers(0, 6)))
    if rng.random() < 0.4:
        pond(plan, rng, block.inner)


def dunes(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Sand in long waves, hardly anything on it."""
    name = plan.setting.some("dunes", ("sand", "white sand", "red sand", "grey sand"), 1)[0]
    calm = rng_for(plan.setting.seed, "dunes")
    rows = Rows(float(calm.uniform(0, 3)), float(calm.uniform(6, 40)), float(calm.uniform(0.0, 0.04)))
    plan.patch(BASE, plan.setting.ground(name), block.corners, rows)
    if rng.random() < 0.6:
        scatter(plan, rng, block.inner, float(rng.uniform(60, 900)), "bushes")
    if rng.random() < 0.4:
        path(plan, rng, _winding(rng, block.whole), 3.0)


def bog(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Wet moor: brown and green patches, dark pools, crippled trees."""
    plan.patch(BASE, plan.setting.ground("bog"), block.corners)
    stains(plan, rng, block.whole, ("heath", "bog", "dark grass", "reed", "fern"), int(rng.integers(8, 24)))
    for _ in range(int(rng.integers(0, 6))):
        pond(plan, rng, block.inner, float(rng.uniform(2, 9)))
    scatter(plan, rng, block.inner, float(rng.uniform(40, 260)), "woods", 0.6)


def pond(plan: Plan, rng: np.random.Generator, lot: Lot, radius: float = 0.0) -> None:
    """Standing water with a wet rim."""
    radius = radius or float(rng.uniform(6, 22))
    if min(lot.width, lot.depth) < 2.6 * radius:
        return
    reach = lot.inset(radius * 1.2)
    centre = float(rng.uniform(reach.u0, reach.u1)), float(rng.uniform(reach.v0, reach.v1))
    rim = blob(rng, centre, (radius, radius * float(rng.uniform(0.5, 1))), 0.15)
    middle = np.array(centre)
    plan.patch(GARDEN, thing(plan, rng, plan.setting.climate.shore), middle + (rim - middle) * (1 + 2.0 / radius))
    plan.patch(WATERSIDE, plan.setting.pond, rim)
    plan.fell(rim)


def potholes(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Prairie with round wet hollows, each in rings of sedge and pale mud."""
    meadow(plan, rng, block)
    for _ in range(int(rng.integers(2, 7))):
        radius = float(np.exp(rng.uniform(np.log(4), np.log(34))))
        if min(block.inner.width, block.inner.depth) < 3 * radius:
            continue
        reach = block.inner.inset(radius * 1.4)
        centre = float(rng.uniform(reach.u0, reach.u1)), float(rng.uniform(reach.v0, reach.v1))
        middle, rim = np.array(centre), blob(rng, centre, (radius, radius * float(rng.uniform(0.6, 1))), 0.12)
        for factor, names in ((1.5, ("dark grass", "reed")), (1.22, ("mud", "grey grass", "pale straw"))):
            plan.patch(GARDEN, thing(plan, rng, names), middle + (rim - middle) * factor)
        if rng.random() < 0.8:
            plan.patch(WATERSIDE, plan.setting.pond, rim)


def quarry(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """A pit in steps, heaps, a pool, machines."""
    wild(plan, rng, block)
    area = block.inner.inset(8)
    rim = blob(rng, area.centre, (area.width * 0.45, area.depth * 0.45), 0.12)
    plan.fell(rim)
    middle = np.array(area.centre)
    names = ("rock", "pale rock", "clay", "laterite", "grey sand", "rubble")
    base = thing(plan, rng, names)
    for k in range(int(rng.integers(2, 6))):
        plan.patch(PARCEL, base.times(1 - 0.09 * (k % 2)).varied(rng, 0.05), middle + (rim - middle) * (1 - 0.17 * k))
    heaps = anywhere(rng, area.inset(20), int(rng.integers(2, 9)))
    for x, y in heaps.tolist():
        size = float(rng.uniform(2, 7))
        plan.patch(GARDEN, base.times(1.12), blob(rng, (x, y), (size, size), 0.1)[::6])
    if rng.random() < 0.4:
        plan.patch(WATERSIDE, plan.setting.pond, middle + (rim - middle) * 0.25)
    path(plan, rng, np.array([[block.u0, area.centre[1]], area.centre]), 5.0)
