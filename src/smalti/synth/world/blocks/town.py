"""Dense quarters: closed blocks around courtyards, old towns, medinas, bazaars, slabs in the green, parks."""

import numpy as np

from smalti.synth.lots import Lot, blob
from smalti.synth.world.blocks.country import pond
from smalti.synth.world.blocks.fields import quad, shrink, split
from smalti.synth.world.layout import Block
from smalti.synth.world.pieces import Pair, build, car_park, cover, plant, scatter, thing, tree_row
from smalti.synth.world.plan import BASE, GARDEN, PARCEL, Plan
from smalti.synth.world.roads import path, street
from smalti.synth.world.roofs import ROOFS, Roof


def grid_streets(plan: Plan, rng: np.random.Generator, block: Block, size: Pair, width: float) -> list[Lot]:
    """Cuts a block by local streets into lots with sides in the range `size`; returns them."""
    area, full = block.inner, block.whole
    columns, rows = (max(1, round(side / rng.uniform(*size))) for side in (area.width, area.depth))
    gap = (width + 4.0) * 1.1
    lots = area.split(columns, rows, gap)
    for lot in lots[: columns - 1]:
        street(plan, rng, np.array([[lot.u1 + gap / 2, full.v0], [lot.u1 + gap / 2, full.v1]]), width)
    for lot in lots[: (rows - 1) * columns : columns]:
        street(plan, rng, np.array([[full.u0, lot.v1 + gap / 2], [full.u1, lot.v1 + gap / 2]]), width)
    return lots


def town(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Closed blocks of adjoining houses around courtyards."""
    plan.patch(BASE, thing(plan, rng, ("pavement", "concrete", "pavement", *plan.setting.climate.yard)), block.corners)
    usual = [plan.setting.roof(rng) for _ in range(2)] + [plan.setting.roof(rng, big=True)]
    level = float(rng.uniform(6, 18))
    for lot in grid_streets(plan, rng, block, (55, 105), float(rng.uniform(4.8, 7.0))):
        fate = rng.random()
        if fate < 0.08:
            square(plan, rng, lot)
        elif fate < 0.14:
            car_park(plan, rng, lot.inset(1), float(rng.uniform(0.3, 0.9)))
        else:
            ring(plan, rng, lot, usual, level)


def square(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """A small park with paths."""
    cover(plan, PARCEL, thing(plan, rng, ("lawn", *plan.setting.climate.verge)), lot.inset(1))
    for a, b in (((lot.u0, lot.v0), (lot.u1, lot.v1)), ((lot.u1, lot.v0), (lot.u0, lot.v1))):
        plan.strip(GARDEN, plan.setting.ground("gravel"), np.array([a, b]), 2.4)
    scatter(plan, rng, lot.inset(3), 110)


def ring(plan: Plan, rng: np.random.Generator, lot: Lot, usual: list[Roof], level: float) -> None:
    """Houses along the four sides, a court inside."""
    lot = lot.inset(float(rng.uniform(0.3, 2.5)))
    deep = min(float(rng.uniform(9, 15)), min(lot.width, lot.depth) / 3.2)
    court(plan, rng, lot.inset(deep - 1))
    for side in range(4):
        along = side < 2
        begin, end = (lot.u0, lot.u1) if along else (lot.v0 + deep, lot.v1 - deep)
        across = ((lot.v0, lot.v1)[side] if along else (lot.u0, lot.u1)[side - 2]) + (deep / 2) * (1 - 2 * (side % 2))
        at = begin
        while end - at > 5:
            front = min(float(rng.uniform(8, 28)), end - at)
            front = end - at if end - at - front < 6 else front
            if rng.random() < 0.92:
                place = (at + front / 2, across) if along else (across, at + front / 2)
                eave = float(np.clip(level + rng.normal(0, 2.5), 3, 30))
                size = (front, deep) if along else (deep, front)
                build(plan, rng, place, size, eave, roof=usual[int(rng.integers(len(usual)))])
            at += front


def court(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """The inside of a ring: garden, asphalt or stone; sheds, trees and cars."""
    if lot.width < 8 or lot.depth < 8:
        return
    if rng.random() < 0.25:
        car_park(plan, rng, lot, float(rng.uniform(0.2, 0.8)))
        return
    cover(plan, PARCEL, thing(plan, rng, (*plan.setting.climate.yard, "lawn", "concrete")), lot)
    scatter(plan, rng, lot.inset(2), 160)
    if min(lot.width, lot.depth) > 24:
        for part in lot.inset(4).split(2, 1, 6.0):
            if rng.random() < 0.6:
                size = part.width * float(rng.uniform(0.4, 0.9)), part.depth * float(rng.uniform(0.25, 0.6))
                build(plan, rng, part.centre, size, float(rng.uniform(3, 6)), big=True)


def old_town(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Houses of all sizes wall to wall between crooked lanes."""
    _dense(plan, rng, block, lanes=float(rng.uniform(3, 5)), house=(60, 170), eaves=(5, 14))


def medina(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Flat-roofed houses with small yards between narrow lanes."""
    _dense(plan, rng, block, lanes=float(rng.uniform(2, 3.4)), house=(70, 190), eaves=(3, 9))


def bazaar(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """A grown town of narrow concrete houses of two to five storeys, with sheds of tin between."""
    _dense(plan, rng, block, lanes=float(rng.uniform(2.5, 4.5)), house=(45, 130), eaves=(3, 15))


def _dense(plan: Plan, rng: np.random.Generator, block: Block, *, lanes: float, house: Pair, eaves: Pair) -> None:
    setting = plan.setting
    plan.patch(BASE, thing(plan, rng, ("pavement", "stained concrete", "dirt", "concrete")), block.corners)
    usual = [setting.roof(rng) for _ in range(3)]
    for quarter in split(rng, quad(block.inner), float(rng.uniform(1800, 4200)), 2.6):
        bent = shrink(quarter, lanes / 2) + rng.normal(0, 1.2, (4, 2))
        plan.patch(PARCEL, thing(plan, rng, setting.climate.yard), bent)
        way = bent[1] - bent[0]
        turn = float(np.arctan2(way[1], way[0]))
        for plot in split(rng, bent, float(rng.uniform(*house)), 2.2):
            fate = rng.random()
            if fate < 0.12:
                plant(plan, rng, plot.mean(0)[None] + rng.normal(0, 2, (int(rng.integers(1, 4)), 2)))
                continue
            a = (np.hypot(*(plot[1] - plot[0])) + np.hypot(*(plot[2] - plot[3]))) / 2
            b = (np.hypot(*(plot[2] - plot[1])) + np.hypot(*(plot[3] - plot[0]))) / 2
            size = float(a * rng.uniform(0.8, 1.0)), float(b * rng.uniform(0.75, 1.0))
            middle = plot.mean(0)
            roof = usual[int(rng.integers(3))] if fate < 0.85 else ROOFS["tin"]
            build(
                plan, rng, (float(middle[0]), float(middle[1])), size, float(rng.uniform(*eaves)), roof=roof, turn=turn
            )


def estate(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Slabs and towers in lawns, with car parks."""
    plan.patch(BASE, thing(plan, rng, (*plan.setting.climate.verge, "lawn")), block.corners)
    for lot in grid_streets(plan, rng, block, (75, 130), float(rng.uniform(5.5, 7.5))):
        inner = lot.inset(3)
        if min(inner.width, inner.depth) < 40:
            square(plan, rng, inner)
            continue
        cut = inner.v0 + inner.depth * float(rng.uniform(0.14, 0.22))
        car_park(plan, rng, Lot(inner.u0, inner.v0, inner.u1, cut - 2), float(rng.uniform(0.3, 0.9)))
        rest = Lot(inner.u0, cut + 2, inner.u1, inner.v1)
        cover(plan, PARCEL, thing(plan, rng, ("lawn", *plan.setting.climate.yard)), rest)
        roof = plan.setting.roof(rng, big=True)
        for part in rest.split(1, max(1, int(rest.depth / rng.uniform(26, 38))), 12.0):
            _slabs(plan, rng, part, roof)
        scatter(plan, rng, rest, 200)
        tree_row(plan, rng, (inner.u0, cut), (inner.u1, cut))


def _slabs(plan: Plan, rng: np.random.Generator, part: Lot, roof: Roof) -> None:
    """One long slab, two short ones, or towers."""
    eave, deep = float(rng.uniform(9, 26)), min(part.depth, float(rng.uniform(10, 16)))
    count = int(rng.choice([1, 1, 2, 2, 3]))
    for piece in part.split(count, 1, 9.0):
        if count == 3:
            side = min(piece.width, part.depth, 20.0)
            build(plan, rng, piece.centre, (side, side * 0.9), eave * 1.4, roof=roof, big=True)
        else:
            build(
                plan, rng, piece.centre, (piece.width * float(rng.uniform(0.65, 0.95)), deep), eave, roof=roof, big=True
            )


def park(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Lawns, groups of trees, paths, a pitch, a pond."""
    setting = plan.setting
    area = block.inner
    plan.patch(BASE, thing(plan, rng, ("lawn", "lawn", *setting.climate.verge)), block.corners)
    for _ in range(int(rng.integers(2, 6))):
        size = float(rng.uniform(12, 45))
        centre = float(rng.uniform(area.u0, area.u1)), float(rng.uniform(area.v0, area.v1))
        group = np.array(centre) + rng.normal(0, size / 2, (int(size * size / 34), 2))
        plant(plan, rng, group)
    rim = blob(rng, area.centre, (area.width * 0.4, area.depth * 0.4), 0.1)
    path(plan, rng, np.vstack([rim, rim[:1]]), 2.4)
    path(plan, rng, np.array([[block.u0, block.v0], [block.u1, block.v1]]), 2.0)
    if rng.random() < 0.5:
        pitch(plan, rng, area)
    if rng.random() < 0.5:
        pond(plan, rng, area)


def pitch(plan: Plan, rng: np.random.Generator, area: Lot) -> None:
    """A football pitch or courts."""
    wide, deep = (68.0, 105.0) if rng.random() < 0.5 else (18.0, 36.0)
    if area.width < wide + 6 or area.depth < deep + 6:
        return
    u, v = float(rng.uniform(area.u0, area.u1 - wide)), float(rng.uniform(area.v0, area.v1 - deep))
    lot = Lot(u, v, u + wide, v + deep)
    cover(plan, GARDEN, thing(plan, rng, ("lawn", "lawn", "clay court", "blue court", "dirt")), lot)
    plan.fell(quad(lot))
    corners = quad(lot.inset(1.0))
    plan.strokes(plan.setting.ground("concrete"), np.vstack([corners, corners[:1]]), 0)
    plan.strokes(plan.setting.ground("concrete"), np.array([[lot.u0, lot.centre[1]], [lot.u1, lot.centre[1]]]), 0)
