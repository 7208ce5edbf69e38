"""Works: halls and yards, malls, building sites, railways, harbours, greenhouses, solar farms, brick kilns."""

import numpy as np

from smalti.synth.lots import Lot
from smalti.synth.materials import LAND
from smalti.synth.plan import BOX, FLAT, ROUND
from smalti.synth.warp import Points
from smalti.synth.world.blocks.country import stains
from smalti.synth.world.blocks.fields import quad
from smalti.synth.world.blocks.town import grid_streets
from smalti.synth.world.layout import Block
from smalti.synth.world.pieces import anywhere, build, car_park, cover, scatter, thing, tree_row
from smalti.synth.world.plan import BASE, GARDEN, PARCEL, PAVING, Plan
from smalti.synth.world.roads import path
from smalti.synth.world.roofs import ROOFS
from smalti.synth.world.surface import surface

PANELS = surface(LAND, (34, 40, 62), (44, 50, 74), 0.02, 0.02)
"""Solar panels: they stand on land and are neither buildings nor roads."""


def works(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Large lots, each with a hall or two, a yard and a car park."""
    plan.patch(BASE, thing(plan, rng, plan.setting.climate.verge), block.corners)
    for lot in grid_streets(plan, rng, block, (80, 170), float(rng.uniform(6.5, 8))):
        _lot(plan, rng, lot.inset(float(rng.uniform(1, 4))))


def _lot(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    cover(
        plan, PARCEL, thing(plan, rng, ("concrete", "concrete", "old asphalt", "pale asphalt", "gravel", "dirt")), lot
    )
    cut = lot.v0 + lot.depth * float(rng.uniform(0.16, 0.3))
    yard, rest = Lot(lot.u0, lot.v0, lot.u1, cut), Lot(lot.u0, cut, lot.u1, lot.v1)
    fate = rng.random()
    if fate < 0.55:
        car_park(plan, rng, yard.inset(1), float(rng.uniform(0.2, 0.9)))
    elif fate < 0.7:
        _tanks(plan, rng, yard)
    else:
        _stores(plan, rng, yard)
    for part in rest.split(int(rng.integers(1, 3)), 1, 8.0):
        hall(plan, rng, part.inset(3))
    trucks = anywhere(rng, Lot(lot.u0 + 4, cut - 3, lot.u1 - 4, cut + 3), int(rng.integers(0, 12)))
    plan.cars_at(trucks, False, rng.integers(0, 5, len(trucks)).astype(float), (9.5, 2.4))
    scatter(plan, rng, lot, 1500)


def hall(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """A hall: one wide roof or several narrow ones side by side, with rows of skylights."""
    size = lot.width * float(rng.uniform(0.8, 1)), lot.depth * float(rng.uniform(0.75, 1))
    if min(size) < 8:
        return
    roof, eave = plan.setting.roof(rng, big=True), float(rng.uniform(4.5, 12))
    parts = int(rng.integers(1, 5)) if size[1] > 30 else 1
    number = None
    for k in range(parts):
        at = lot.centre[0], lot.centre[1] + ((k + 0.5) / parts - 0.5) * size[1]
        number = build(plan, rng, at, (size[0], size[1] / parts), eave, roof=roof, building=number, big=True)
        if number < 0:
            return
    if rng.random() < 0.4 and FLAT in roof.shapes:
        light = ROOFS["plastic"].surface(rng)
        for x in np.arange(-0.42, 0.42, float(rng.uniform(0.08, 0.2))):
            at = lot.centre[0] + float(x) * size[0], lot.centre[1]
            plan.house(at, (1.2, size[1] * 0.8), eave + 0.35, roof=BOX, cover=light, building=-1)


def _tanks(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """Round tanks in a row."""
    side = min(lot.depth * 0.7, float(rng.uniform(6, 18)))
    kind = ROOFS["membrane"]
    for part in lot.split(max(1, int(lot.width / (side + 6))), 1, 2.0):
        plan.house(part.centre, (side, side), float(rng.uniform(5, 12)), roof=ROUND, cover=kind.surface(rng), pitch=0.0)


def _stores(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """Heaps and stacks of goods on the ground."""
    for part in lot.inset(2).split(max(1, int(lot.width / 9)), max(1, int(lot.depth / 9)), 3.0):
        if rng.random() < 0.6:
            cover(plan, GARDEN, thing(plan, rng, ("rubble", "litter", "gravel", "loam", "grey sand", "dirt")), part)


def mall(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """A large flat building in a large car park."""
    area = block.inner
    plan.patch(BASE, thing(plan, rng, ("pavement", "concrete", *plan.setting.climate.verge)), block.corners)
    car_park(plan, rng, area.inset(2), float(rng.uniform(0.05, 0.85)))
    size = area.width * float(rng.uniform(0.4, 0.75)), area.depth * float(rng.uniform(0.3, 0.5))
    back = Lot(
        area.u0 + (area.width - size[0]) / 2, area.v1 - size[1] - 8, area.u1 - (area.width - size[0]) / 2, area.v1 - 6
    )
    cover(plan, GARDEN, plan.setting.ground("pavement"), back.inset(-3))
    number = None
    roof = ROOFS["membrane"]
    for part in back.split(int(rng.integers(1, 4)), 1, -0.5):
        deep = part.depth * float(rng.uniform(0.75, 1))
        number = build(
            plan, rng, part.centre, (part.width, deep), float(rng.uniform(6, 11)), roof=roof, building=number
        )
        number = None if number < 0 else number


def site(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Graded ground, half of it under construction."""
    grounds = plan.setting.some("graded", ("dirt", "rubble", "loam", "clay", "sand"), 2)
    ground = thing(plan, rng, grounds)
    plan.patch(BASE, ground, block.corners)
    stains(plan, rng, block.whole, (*grounds, *plan.setting.climate.open_ground), int(rng.integers(6, 20)))
    for lot in grid_streets(plan, rng, block, (60, 130), 6.0):
        cover(plan, PARCEL, ground.varied(rng, 0.05, 0.01), lot.inset(float(rng.uniform(0, 12))))
        for part in lot.inset(4).split(2, 2, 8.0):
            if rng.random() < 0.35:
                size = part.width * float(rng.uniform(0.4, 0.9)), part.depth * float(rng.uniform(0.4, 0.9))
                build(plan, rng, part.centre, size, float(rng.uniform(0.8, 9)), roof=ROOFS["concrete"])
            elif rng.random() < 0.4:
                cover(plan, GARDEN, thing(plan, rng, ("rubble", "litter", "grey sand", "weeds")), part.inset(2))
        scatter(plan, rng, lot, 300, "bushes")


def railway(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Tracks on ballast, platforms and sheds."""
    area = block.inner
    plan.patch(BASE, thing(plan, rng, ("gravel", "weeds", "dirt")), block.corners)
    ballast, rail = plan.setting.ground("gravel").times(0.75), plan.setting.ground("dark loam")
    v = area.v0 + area.depth * 0.3
    for _ in range(int(rng.integers(2, 9))):
        line = np.array([[block.u0, v], [block.u1, v]])
        plan.strip(PAVING, ballast, line, 3.0)
        for side in (-0.75, 0.75):
            plan.strokes(rail, line, side)
        v += float(rng.choice([4.6, 4.6, 8.0]))
    for part in Lot(area.u0, v + 6, area.u1, area.v1).split(2, 1, 14.0):
        hall(plan, rng, part.inset(4))
    tree_row(plan, rng, (area.u0, area.v0 + 3), (area.u1, area.v0 + 3))
    scatter(plan, rng, Lot(area.u0, area.v0, area.u1, area.v0 + area.depth * 0.25), 60, "bushes")


def harbour(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Quays and sheds where it is dry, piers and boats where it is wet."""
    works(plan, rng, block)
    area, pier = block.inner, plan.setting.ground("pier")
    for u in np.arange(area.u0 + 12, area.u1 - 8, float(rng.uniform(16, 34))):
        v = np.arange(area.v0, area.v1, 2.0)
        depth = plan.depth(np.stack([np.full_like(v, u), v], 1))
        wet = v[(depth > -4) & (depth < 70)]
        if len(wet) > 4:
            plan.rect(PAVING, pier, float(u) - 1.2, float(wet[0]), float(u) + 1.2, float(wet[-1]))
            _berths(plan, rng, float(u), wet)


def _berths(plan: Plan, rng: np.random.Generator, u: float, wet: Points) -> None:
    """Boats on both sides of a pier."""
    length = float(rng.uniform(5, 14))
    for side in (-1, 1):
        v = np.arange(wet[0], wet[-1], length * 0.42)
        v = v[rng.random(len(v)) < 0.7]
        at = np.stack([np.full_like(v, u + side * (1.6 + length / 2)), v], 1)
        plan.boats_at(at, True, rng.integers(0, 3, len(v)).astype(float), (length, length * 0.3))


def glasshouses(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Long houses of glass or plastic sheets side by side."""
    plan.patch(BASE, thing(plan, rng, plan.setting.climate.verge), block.corners)
    kind, wide = ROOFS[("glass", "plastic", "plastic")[int(rng.integers(3))]], float(rng.choice([4.5, 6.4, 8.0, 9.6]))
    for part in block.inner.split(int(rng.integers(1, 4)), int(rng.integers(1, 3)), 6.0):
        if rng.random() < 0.2:
            cover(plan, PARCEL, thing(plan, rng, ("dirt", "weeds", "loam")), part)
            continue
        cover(plan, PARCEL, thing(plan, rng, ("dirt", "gravel", "weeds")), part)
        deep = part.depth * float(rng.uniform(0.7, 0.98))
        number: int | None = None
        gap = float(rng.choice([0.0, 0.0, 1.2]))
        for k in range(int(part.width / (wide + gap))):
            at = part.u0 + (k + 0.5) * (wide + gap), part.centre[1]
            if rng.random() < 0.94:
                joined = number if not gap else None
                number = build(plan, rng, at, (wide, deep), float(rng.uniform(2.6, 3.4)), roof=kind, building=joined)
                number = None if number < 0 else number
    path(plan, rng, np.array([[block.u0, block.inner.centre[1]], [block.u1, block.inner.centre[1]]]), 3.2)


def solar(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Rows of solar panels that face the sun, on grass or gravel."""
    plan.patch(BASE, thing(plan, rng, plan.setting.climate.verge), block.corners)
    ground = thing(plan, rng, (*plan.setting.climate.verge, "gravel", "dull grass"))
    step, deep = float(rng.uniform(5.0, 9.0)), float(rng.uniform(2.0, 4.2))
    for part in block.inner.inset(3).split(2, 2, 6.0):
        plan.patch(PARCEL, ground, quad(part))
        for v in np.arange(part.v0 + deep, part.v1 - deep, step):
            plan.rect(GARDEN, PANELS, part.u0 + 2, float(v), part.u1 - 2, float(v) + deep)
    path(plan, rng, np.array([[block.u0, block.inner.centre[1]], [block.u1, block.inner.centre[1]]]), 3.4)
    build(plan, rng, block.inner.centre, (8.0, 3.5), 3.0, roof=ROOFS["sheet"])


def kilns(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """A brick kiln: an oval of ash and brick, stacks of drying bricks, pits of clay."""
    plan.patch(BASE, thing(plan, rng, ("clay", "dirt", "loam")), block.corners)
    area = block.inner.inset(6)
    middle = np.array(area.centre)
    angle = np.linspace(0, 2 * np.pi, 60)[:-1]
    for size, name in ((1.0, "laterite"), (0.8, "burnt"), (0.55, "laterite"), (0.3, "litter")):
        rim = middle + size * np.stack([np.cos(angle) * min(55, area.width / 2.4), np.sin(angle) * 22], 1)
        plan.patch(PARCEL, plan.setting.ground(name), rim)
    for part in area.split(4, 4, 8.0):
        away = np.hypot(*(np.array(part.centre) - middle))
        if away > 45 and rng.random() < 0.6:
            for row in part.split(1, max(2, int(part.depth / 4)), 2.0):
                cover(plan, GARDEN, thing(plan, rng, ("laterite", "clay", "red sand")), row)
    plan.house(area.centre, (3.0, 3.0), 24.0, roof=ROUND, cover=ROOFS["concrete"].surface(rng), pitch=0.0)
    path(plan, rng, np.array([[block.u0, block.v0], area.centre]), 4.0)
