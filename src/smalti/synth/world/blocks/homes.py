"""Loose quarters: suburbs, villas, villages, hamlets of huts, informal settlements."""

from itertools import pairwise

import numpy as np

from smalti.synth.lots import Lot
from smalti.synth.warp import Points
from smalti.synth.world.blocks.fields import quad, shrink, sow, split
from smalti.synth.world.layout import Block
from smalti.synth.world.pieces import Pair, anywhere, build, cover, plant, scatter, thing
from smalti.synth.world.plan import BASE, GARDEN, PARCEL, WATERSIDE, Plan
from smalti.synth.world.roads import path, street
from smalti.synth.world.roofs import ROOFS, Roof


def suburb(plan: Plan, rng: np.random.Generator, block: Block, plot: Pair = (14.0, 23.0)) -> None:
    """Rows of plots on both sides of streets along u, joined by one street along v."""
    setting = plan.setting
    plan.patch(BASE, thing(plan, rng, setting.climate.verge), block.corners)
    area, full, width = block.inner, block.whole, float(rng.uniform(4.6, 7.0))
    rows = max(1, int(area.depth / rng.uniform(54, 76)))
    cut = area.u0 + area.width * float(rng.uniform(0.3, 0.7))
    street(plan, rng, np.array([[cut, full.v0], [cut, full.v1]]), width)
    setback = (width / 2 + 2.0) * 1.1
    usual = [setting.roof(rng) for _ in range(int(rng.integers(1, 4)))]
    for lot in area.split(1, rows, 0.0):
        middle = lot.centre[1]
        street(plan, rng, np.array([[full.u0, middle], [full.u1, middle]]), width)
        for u0, u1 in ((lot.u0, cut - setback), (cut + setback, lot.u1)):
            _plots(plan, rng, Lot(u0, lot.v0, u1, middle - setback), 1, plot, usual)
            _plots(plan, rng, Lot(u0, middle + setback, u1, lot.v1), -1, plot, usual)


def villas(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Large plots with large houses and pools."""
    suburb(plan, rng, block, (22.0, 36.0))


def _plots(plan: Plan, rng: np.random.Generator, lot: Lot, front: int, plot: Pair, usual: list[Roof]) -> None:
    """Cuts a row into plots; `front` is the side of the street: 1 at v1, -1 at v0."""
    if lot.width < 12 or lot.depth < 14:
        return
    count = max(1, int(lot.width / rng.uniform(*plot)))
    wide, turn = float(rng.uniform(0.55, 0.85)), float(rng.normal(0, 0.03))
    for part in lot.split(count, 1, 0.0):
        yard = thing(plan, rng, plan.setting.climate.yard).varied(rng, 0.06)
        cover(plan, PARCEL, yard, part.inset(0.3))
        if rng.random() < 0.93:
            _home(plan, rng, part, front, usual[int(rng.integers(len(usual)))], wide, turn)
        _garden(plan, rng, part, front)


def _home(plan: Plan, rng: np.random.Generator, lot: Lot, front: int, roof: Roof, wide: float, turn: float) -> None:
    """A house with its wing, drive, car, shed and fence."""
    size = lot.width * wide * float(rng.uniform(0.85, 1.1)), min(lot.depth * float(rng.uniform(0.3, 0.5)), 15.0)
    size = min(size[0], lot.width - 2.5, 24.0), max(size[1], 6.0)
    back = float(rng.uniform(3, 7))
    street_v = lot.v1 if front > 0 else lot.v0
    at = (
        lot.centre[0] + float(rng.uniform(-0.4, 0.4)) * (lot.width - size[0] - 2),
        street_v - front * (back + size[1] / 2),
    )
    eave = float(rng.choice([2.8, 3.2, 5.8, 6.4], p=[0.3, 0.35, 0.2, 0.15])) + float(rng.uniform(-0.3, 0.3))
    number = build(plan, rng, at, size, eave, roof=roof, turn=turn)
    if rng.random() < 0.55 and number >= 0:
        side = 1 if rng.random() < 0.5 else -1
        wing = float(rng.uniform(4, 7)), size[1] * float(rng.uniform(0.5, 0.75))
        place = at[0] + side * (size[0] - wing[0]) / 2, at[1] + float(rng.choice([-1, 1])) * size[1] * 0.42
        build(plan, rng, place, wing, eave * 0.95, roof=roof, turn=turn, building=number)
    u = lot.u0 + 2.0 if at[0] > lot.centre[0] else lot.u1 - 2.0
    drive = thing(plan, rng, ("concrete", "pavement", "gravel", "dirt", "concrete"))
    plan.rect(GARDEN, drive, u - 1.5, min(street_v + front * 2, at[1]), u + 1.5, max(street_v + front * 2, at[1]))
    if rng.random() < 0.5:
        car = np.array([[u, street_v - front * float(rng.uniform(2.5, 5))]])
        plan.cars_at(car, False, rng.integers(0, 12, 1).astype(float))
    fence = plan.setting.ground("wall") if rng.random() < 0.5 else plan.setting.ground("hedge")
    if rng.random() < 0.55:
        corners = [(lot.u0, lot.v0), (lot.u1, lot.v0), (lot.u1, lot.v1), (lot.u0, lot.v1), (lot.u0, lot.v0)]
        plan.strokes(fence, np.array(corners), 0)


def _garden(plan: Plan, rng: np.random.Generator, lot: Lot, front: int) -> None:
    """The back: pool, shed, beds and trees."""
    far = lot.v0 + 5 if front > 0 else lot.v1 - 5
    rear = Lot(lot.u0, lot.v0, lot.u1, lot.v0 + lot.depth * 0.42)
    if front < 0:
        rear = Lot(lot.u0, lot.v1 - lot.depth * 0.42, lot.u1, lot.v1)
    climate = plan.setting.climate
    if rng.random() < (0.25 if "turquoise" in climate.waters or "pool" in climate.yard else 0.06):
        u, half = lot.centre[0] + float(rng.uniform(-2, 2)), float(rng.uniform(1.6, 2.6))
        long = half * float(rng.uniform(1.3, 2.2))
        plan.rect(
            GARDEN, plan.setting.ground("pavement"), u - long - 1.2, far - half - 1.2, u + long + 1.2, far + half + 1.2
        )
        plan.rect(WATERSIDE, plan.setting.ground("pool"), u - long, far - half, u + long, far + half)
    elif rng.random() < 0.35:
        patch = Lot(rear.u0 + 1, far - 2.5, rear.u0 + lot.width * float(rng.uniform(0.3, 0.9)), far + 2.5)
        cover(plan, GARDEN, thing(plan, rng, (*climate.verge, "lawn", "weeds")), patch)
    if rng.random() < 0.4:
        build(plan, rng, (lot.u1 - 3, far), (float(rng.uniform(2.5, 4.5)), float(rng.uniform(2.5, 5))), 2.5)
    scatter(plan, rng, rear.inset(0.5), 75)
    scatter(plan, rng, lot.inset(0.5), 420)
    scatter(plan, rng, lot.inset(0.5), 130, "bushes")


def village(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """A street with houses of all directions close to it, gardens and fields behind."""
    setting = plan.setting
    plan.patch(BASE, thing(plan, rng, setting.climate.verge), block.corners)
    area, full = block.inner, block.whole
    bend = float(rng.uniform(-0.2, 0.2)) * area.depth
    line = np.array([[full.u0, area.centre[1]], [area.centre[0], area.centre[1] + bend], [full.u1, area.centre[1]]])
    for field in split(rng, quad(area), 900, 2.2):
        middle = field.mean(0)
        away = abs(float(middle[1] - np.interp(middle[0], line[:, 0], line[:, 1])))
        if away > 45 and rng.random() < 0.7:
            sow(plan, rng, shrink(field, 0.6))
        elif away > 4:
            _compound(plan, rng, shrink(field, 0.8), float(rng.uniform(0.5, 0.9)))
    street(plan, rng, line, float(rng.uniform(3.6, 5.5)), paved=False)
    path(plan, rng, np.array([[area.centre[0], full.v0], [area.centre[0], full.v1]]), 2.4)


def _compound(plan: Plan, rng: np.random.Generator, field: Points, full: float) -> None:
    """A yard with one to five buildings at its rim and trees between."""
    plan.patch(PARCEL, thing(plan, rng, plan.setting.climate.yard).varied(rng, 0.06), field)
    (a, b), (c, d) = field[2] - field[0], field[3] - field[1]
    middle, side = field.mean(0), float(np.sqrt(abs(a * d - b * c) / 2))
    turn, roof = float(rng.normal(0, 0.3)), plan.setting.roof(rng)
    for corner in field:
        if rng.random() < full:
            at = middle + (corner - middle) * float(rng.uniform(0.3, 0.62)) + rng.normal(0, 1, 2)
            size = side * float(rng.uniform(0.25, 0.5)), side * float(rng.uniform(0.2, 0.36))
            size = max(size[0], 3.5), max(size[1], 3.0)
            kind = roof if rng.random() < 0.6 else plan.setting.roof(rng)
            eave = float(rng.choice([2.4, 3.0, 5.8], p=[0.45, 0.4, 0.15]))
            build(
                plan,
                rng,
                (float(at[0]), float(at[1])),
                size,
                eave,
                roof=kind,
                turn=turn + float(rng.choice([0, np.pi / 2])),
            )
    plant(plan, rng, middle + rng.normal(0, side * 0.35, (int(rng.poisson(1.8 * plan.setting.garden_trees)), 2)))
    plant(plan, rng, middle + rng.normal(0, side * 0.4, (int(rng.poisson(2)), 2)), "bushes")


def hamlet(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Scattered compounds with trodden ground around, small plots and trees between; paths from door to door."""
    setting = plan.setting
    plan.patch(BASE, thing(plan, rng, setting.climate.open_ground), block.corners)
    fields = split(rng, quad(block.inner), float(rng.uniform(700, 1800)), 2.0)
    built = []
    for field in fields:
        fate = rng.random()
        if fate < 0.4:
            sow(plan, rng, shrink(field, 1.5) + rng.normal(0, 1.5, (4, 2)))
        elif fate < 0.8:
            inner = shrink(field, float(rng.uniform(3, 8))) + rng.normal(0, 1.5, (4, 2))
            _compound(plan, rng, inner, float(rng.uniform(0.3, 0.8)))
            built.append(field.mean(0))
        else:
            plant(plan, rng, field.mean(0) + rng.normal(0, 6, (int(rng.integers(2, 12)), 2)))
    for a, b in pairwise(built):
        if rng.random() < 0.7:
            path(plan, rng, np.array([a, (a + b) / 2 + rng.normal(0, 5, 2), b]), float(rng.uniform(0.8, 2.2)))
    scatter(plan, rng, block.inner, 500)
    scatter(plan, rng, block.inner, 110, "bushes")


def informal(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Huts so close that only lanes of a metre or two are left, in patches of unlike direction."""
    plan.patch(BASE, thing(plan, rng, ("dirt", "litter", "laterite", "mud", "stained concrete")), block.corners)
    for part in split(rng, quad(block.inner), float(rng.uniform(900, 3000)), 2.4):
        inner = shrink(part, float(rng.uniform(0.6, 1.8)))
        if rng.random() < 0.06:
            plan.patch(PARCEL, thing(plan, rng, ("litter", "weeds", "dirt")), inner)
            continue
        _huts(plan, rng, inner)
    for _ in range(int(rng.integers(2, 5))):
        a, b = anywhere(rng, block.inner, 2)
        path(plan, rng, np.array([a, (a + b) / 2 + rng.normal(0, 6, 2), b]), float(rng.uniform(1.2, 3)))
    scatter(plan, rng, block.inner, 700)
    plant(plan, rng, anywhere(rng, block.inner, 30), "bushes")


def _huts(plan: Plan, rng: np.random.Generator, part: Points) -> None:
    """Rows of huts that almost touch, on one quadrilateral."""
    way = part[1] - part[0]
    turn = float(np.arctan2(way[1], way[0])) + float(rng.normal(0, 0.06))
    mean = float(rng.uniform(28, 62))
    tin = ROOFS["tin"], ROOFS["rusty tin"], ROOFS["painted tin"]
    for hut in split(rng, part, mean, 1.9):
        if rng.random() < 0.1:
            continue
        size = (
            (np.hypot(*(hut[1] - hut[0])) + np.hypot(*(hut[2] - hut[3]))) / 2,
            (np.hypot(*(hut[2] - hut[1])) + np.hypot(*(hut[3] - hut[0]))) / 2,
        )
        gap = float(rng.uniform(0.25, 1.0))
        at = hut.mean(0)
        roof = tin[int(rng.choice(3, p=[0.45, 0.42, 0.13]))] if rng.random() < 0.85 else plan.setting.roof(rng)
        build(
            plan, rng, (float(at[0]), float(at[1])), (max(size[0] - gap, 2.2), max(size[1] - gap, 2.2)),
            float(rng.uniform(2.2, 3.4)) + (2.8 if rng.random() < 0.08 else 0), roof=roof,
            turn=turn + float(rng.normal(0, 0.05)),
        )  # fmt: skip


__all__ = ["hamlet", "informal", "suburb", "village", "villas"]
