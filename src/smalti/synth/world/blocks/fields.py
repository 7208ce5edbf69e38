"""Farmland: the patterns in which regions divide it, and single fields."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from smalti.synth.lots import Lot
from smalti.synth.roads import circle
from smalti.synth.warp import Points
from smalti.synth.world.crops import Crop
from smalti.synth.world.layout import Block
from smalti.synth.world.pieces import anywhere, build, cover, plant, scatter, thing, tree_row
from smalti.synth.world.plan import BASE, GARDEN, PARCEL, Plan, Rows
from smalti.synth.world.roads import path
from smalti.synth.world.waves import share

Quad = Points
"""Corners of a field in the plan, (4, 2), in the order of its outline."""


def farm(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Fields in one of the patterns of the country, with what stands between them."""
    setting = plan.setting
    plan.patch(BASE, thing(plan, rng, setting.climate.verge), block.corners)
    patterns = setting.some("fields", setting.climate.fields, 2)
    area = shrink(block.corners, max(block.setbacks) + float(rng.uniform(0, 1.5)))
    PATTERNS[patterns[int(rng.integers(len(patterns)))]](plan, rng, area)
    if rng.random() < 0.25:
        farmstead(plan, rng, block.inner)
    uv = anywhere(rng, block.inner, 260)
    wooded = share(setting.wood.at(plan.world(uv))) < 0.35 * setting.climate.wooded + 0.02
    plant(plan, rng, uv[wooded], "woods")


def quad(lot: Lot) -> Quad:
    """A rectangle as corners."""
    return np.array([[lot.u0, lot.v0], [lot.u1, lot.v0], [lot.u1, lot.v1], [lot.u0, lot.v1]])


def split(rng: np.random.Generator, field: Quad, largest: float, longest: float = 2.6) -> list[Quad]:
    """Cuts a quadrilateral across its longer sides until no part is larger than `largest` square metres."""
    a, b, c, d = field
    ab, bc = np.hypot(*(b - a)) + np.hypot(*(c - d)), np.hypot(*(c - b)) + np.hypot(*(d - a))
    if ab * bc / 4 < largest * rng.uniform(0.6, 1.4) and max(ab, bc) < longest * min(ab, bc) * 1.5:
        return [field]
    if min(ab, bc) < 12:
        return [field]
    if bc > ab:
        a, b, c, d = b, c, d, a
    s, t = rng.uniform(0.38, 0.62) + rng.normal(0, 0.03, 2)
    p, q = a + (b - a) * s, d + (c - d) * t
    return [
        *split(rng, np.array([a, p, q, d]), largest, longest),
        *split(rng, np.array([p, b, c, q]), largest, longest),
    ]


def shrink(field: Quad, by: float) -> Quad:
    """A field that is `by` metres smaller on each side, roughly."""
    middle = field.mean(0)
    out = field - middle
    reach = np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
    smaller: Quad = middle + out * np.maximum(1 - by * 1.3 / reach, 0.1)
    return smaller


def sow(
    plan: Plan, rng: np.random.Generator, field: Points, crop: Crop | None = None, turn: float | None = None
) -> None:
    """One field: its rows follow its first side."""
    crop = crop or plan.setting.crop(rng)
    ends = plan.world(field[:2])
    way = ends[1] - ends[0]
    angle = float(np.arctan2(way[1], way[0])) if turn is None else turn
    rows = Rows(
        angle + float(rng.normal(0, 0.01)),
        float(rng.uniform(*crop.period)),
        float(rng.uniform(*crop.strength)),
        float(rng.uniform(18, 36)) if crop.tramlines and rng.random() < 0.7 else 0.0,
    )
    plan.patch(PARCEL, crop.surface.varied(rng, 0.1, 0.03), field, rows)


def _large(plan: Plan, rng: np.random.Generator, area: Quad) -> None:
    """One to four fields without anything between."""
    for field in split(rng, area, float(rng.uniform(9e3, 6e4)), 3.5):
        sow(plan, rng, shrink(field, float(rng.choice([0.2, 0.6, 2.0]))))
        if rng.random() < 0.15:
            _edge(plan, rng, field)


def _strips(plan: Plan, rng: np.random.Generator, area: Quad) -> None:
    """Long narrow fields side by side."""
    along = rng.random() < 0.5
    for part in split(rng, area, 2e4, 3):
        a, b, c, d = part if along else np.roll(part, 1, axis=0)
        cuts = np.concatenate([[0], np.cumsum(rng.gamma(2.5, 1, int(rng.integers(4, 14))))])
        cuts /= cuts[-1]
        for begin, end in pairwise(cuts.tolist()):
            strip = np.array([a + (b - a) * begin, d + (c - d) * begin, d + (c - d) * end, a + (b - a) * end])
            sow(plan, rng, strip)


def _patchwork(plan: Plan, rng: np.random.Generator, area: Quad) -> None:
    """Small fields of many shapes with trees and hedges between some."""
    largest = float(np.exp(rng.uniform(np.log(500), np.log(5000))))
    for field in split(rng, area, largest, 2.2):
        bent = shrink(field, float(rng.uniform(0.2, 1.2))) + rng.normal(0, np.sqrt(largest) * 0.035, (4, 2))
        if rng.random() < 0.9:
            sow(plan, rng, bent)
        else:
            plan.patch(PARCEL, thing(plan, rng, plan.setting.climate.open_ground), bent)
        if rng.random() < 0.12:
            _edge(plan, rng, field)


def _paddies(plan: Plan, rng: np.random.Generator, area: Quad) -> None:
    """Small wet fields between earth banks; neighbours often bear the same crop."""
    largest = float(rng.uniform(400, 2200))
    crops = [plan.setting.crop(rng) for _ in range(int(rng.integers(1, 4)))]
    for field in split(rng, area, largest, 2.4):
        bent = shrink(field, float(rng.uniform(0.3, 0.7))) + rng.normal(0, 0.5, (4, 2))
        sow(plan, rng, bent, crops[int(rng.integers(len(crops)))])
        if rng.random() < 0.04:
            plant(plan, rng, field[:1], size=0.8)


def _terraces(plan: Plan, rng: np.random.Generator, area: Quad) -> None:
    """Steps along the slope, painted from the height of the hills."""
    surface = plan.setting.crop(rng).surface.varied(rng)
    plan.patch(PARCEL, surface, area, terraced=float(rng.uniform(4, 11)))
    plant(plan, rng, area.mean(0) + rng.normal(0, 60, (int(rng.integers(5, 60)), 2)), size=0.8)


def _pivot(plan: Plan, rng: np.random.Generator, area: Quad) -> None:
    """Round fields, watered by an arm that turns about their middle."""
    plan.patch(PARCEL, thing(plan, rng, plan.setting.climate.open_ground), area)
    middle = area.mean(0)
    radius = float(np.linalg.norm((area + np.roll(area, 1, axis=0)) / 2 - middle, axis=1).min()) * 0.97
    parts = int(rng.choice([1, 1, 2, 3]))
    start = float(rng.uniform(0, 6.3))
    for k in range(parts):
        angle = start + 2 * np.pi * (k + np.linspace(0, 1, 60)) / parts
        rim = middle + radius * np.stack([np.cos(angle), np.sin(angle)], 1)
        sow(plan, rng, rim if parts == 1 else np.vstack([middle, rim]), turn=float(rng.uniform(0, 3)))
    for ring in np.arange(radius * 0.15, radius, max(radius / 7, 12.0)):
        line = circle(middle, float(ring), 72)
        plan.strokes(thing(plan, rng, ("loam", "dirt")), np.vstack([line, line[:1]]), 0)
    far = start + float(rng.uniform(0, 6.3))
    arm = np.array([middle, middle + radius * np.array([np.cos(far), np.sin(far)])])
    plan.strokes(plan.setting.ground("concrete"), arm, 0)


def _beds(plan: Plan, rng: np.random.Generator, area: Quad) -> None:
    """Market gardens: many small beds with paths between."""
    for field in split(rng, area, float(rng.uniform(1200, 3500)), 2.2):
        a, b, c, d = shrink(field, 1.5)
        crop, count = plan.setting.crop(rng), int(rng.integers(3, 12))
        for k in range(count):
            begin, end = k / count, (k + 0.86) / count
            bed = np.array([a + (b - a) * begin, d + (c - d) * begin, d + (c - d) * end, a + (b - a) * end])
            sow(plan, rng, bed, crop if rng.random() < 0.5 else None)


def _edge(plan: Plan, rng: np.random.Generator, field: Quad) -> None:
    """A hedge, a row of trees or a track along one side of a field."""
    line = field[[1, 2]]
    fate = rng.random()
    if fate < 0.4:
        plan.strip(GARDEN, plan.setting.ground("hedge"), line, float(rng.uniform(1.2, 3.5)))
        plant(plan, rng, line[0] + (line[1] - line[0]) * rng.random((int(rng.integers(0, 9)), 1)), "bushes")
    elif fate < 0.75:
        begin, end = line.tolist()
        tree_row(plan, rng, (begin[0], begin[1]), (end[0], end[1]), "woods")
    else:
        path(plan, rng, line, 2.6)


def farmstead(plan: Plan, rng: np.random.Generator, area: Lot) -> None:
    """A few buildings around a yard."""
    side = float(rng.uniform(28, 55))
    if min(area.width, area.depth) < side + 4:
        return
    u, v = float(rng.uniform(area.u0, area.u1 - side)), float(rng.uniform(area.v0, area.v1 - side))
    yard = Lot(u, v, u + side, v + side)
    cover(plan, GARDEN, thing(plan, rng, plan.setting.climate.yard), yard)
    for part in yard.split(2, 2, 6.0):
        if rng.random() < 0.8:
            size = part.width * float(rng.uniform(0.5, 0.95)), part.depth * float(rng.uniform(0.4, 0.7))
            build(plan, rng, part.centre, size, float(rng.uniform(3, 6)), turn=float(rng.normal(0, 0.05)))
    scatter(plan, rng, yard.inset(-4), 140)
    path(plan, rng, np.array([[u + side / 2, area.v0], [u + side / 2, v + side / 2]]), 2.8)


PATTERNS: dict[str, Callable[[Plan, np.random.Generator, Quad], None]] = {
    "large": _large,
    "strips": _strips,
    "patchwork": _patchwork,
    "paddies": _paddies,
    "terraces": _terraces,
    "pivot": _pivot,
    "beds": _beds,
}
