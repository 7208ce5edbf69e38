"""Roads: carriageways, verges, markings, traffic; each block brings the main roads on its left and its top."""

import numpy as np

from smalti.synth.roads import circle
from smalti.synth.warp import Points
from smalti.synth.world.layout import AVENUE, LANE, NONE, STREET, TRACK, Block, Road
from smalti.synth.world.pieces import plant, thing, tree_row
from smalti.synth.world.plan import ON_ROAD, PAVING, ROADWAY, Plan
from smalti.synth.world.surface import Surface

BRIDGE = 140.0
"""Longest bridge, metres."""
CART = 2.0
"""Width in metres from which a track is a road."""
UNPAVED = ("laterite road", "dirt road", "sand road", "gravel road", "snow road")


def local_surface(plan: Plan) -> tuple[str, Surface]:
    """The usual surface of small streets here, with its name."""
    name = plan.setting.some("local", plan.setting.climate.local_roads, 1)[0]
    return name, plan.setting.ground(name)


def street(plan: Plan, rng: np.random.Generator, uv: Points, width: float, paved: bool = True) -> None:
    """A local street along plan points, with pavements where it is sealed."""
    name, surface = local_surface(plan)
    if name in UNPAVED:
        plan.strip(PAVING, thing(plan, rng, plan.setting.climate.verge), uv, width + 1.5)
        plan.strip(ROADWAY, surface, uv, width * 0.85)
        return
    if paved:
        plan.strip(PAVING, plan.setting.ground("pavement"), uv, width + 3.2)
    plan.strip(ROADWAY, surface, uv, width)
    if width >= 6.5 and rng.random() < 0.5:
        plan.strokes(plan.setting.ground("paint"), uv, 0, dash=3, gap=4.5)


def path(plan: Plan, rng: np.random.Generator, uv: Points, width: float) -> None:
    """A track for carts, or a trodden path, which is no road."""
    names = plan.setting.some("tracks", plan.setting.climate.tracks, 2)
    name = names[int(rng.integers(len(names)))]
    surface = plan.setting.ground(name) if width >= CART else plan.setting.trodden(name)
    plan.strip(ROADWAY, surface, uv, width)


def main_roads(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """The roads on the left and the top line of a block, crossings included."""
    left, top = block.corners[[0, 3]], block.corners[[0, 1]]
    for line, road in ((left, block.roads[0]), (top, block.roads[1])):
        _main(plan, rng, line, road)
    first = block.roads[0], block.roads[1]
    if min(road.kind for road in first) >= STREET and rng.random() < 0.2:
        _roundabout(plan, rng, np.array([block.u0, block.v0]), max(road.width for road in first))


def _main(plan: Plan, rng: np.random.Generator, line: Points, road: Road) -> None:
    setting = plan.setting
    if road.kind == NONE:
        return
    if road.kind == TRACK:
        path(plan, rng, line, road.width)
        return
    name = setting.some("main", setting.climate.main_roads, 1)[0]
    if road.kind == LANE:
        plan.strip(PAVING, thing(plan, rng, (*setting.climate.verge, "gravel")), line, road.width + 1.8)
        plan.strip(ROADWAY, setting.ground(name), line, road.width, BRIDGE)
        if name not in UNPAVED and rng.random() < 0.6:
            plan.strokes(setting.ground("paint"), line, 0, dash=3, gap=6)
        if rng.random() < 0.3:
            _avenue(plan, rng, line, road.width / 2 + 3.5)
    else:
        _wide(plan, rng, line, road, setting.ground(name), name in UNPAVED)
    _traffic(plan, rng, line, road.width)


def _wide(plan: Plan, rng: np.random.Generator, line: Points, road: Road, surface: Surface, unpaved: bool) -> None:
    setting = plan.setting
    plan.strip(PAVING, setting.ground("dirt" if unpaved else "pavement"), line, road.width + 5)
    plan.strip(ROADWAY, surface, line, road.width, BRIDGE)
    if unpaved:
        return
    paint = setting.ground("paint")
    for side in (-1, 1):
        plan.strokes(paint, line, side * (road.width / 2 - 0.5))
    if road.kind == AVENUE:
        _dual(plan, rng, line, road.width)
    else:
        plan.strokes(paint, line, 0, dash=0 if rng.random() < 0.3 else 4, gap=5)
    if rng.random() < 0.4:
        _avenue(plan, rng, line, road.width / 2 + 2.2)


def _avenue(plan: Plan, rng: np.random.Generator, line: Points, offset: float) -> None:
    """Rows of trees beside a road."""
    way = (line[1] - line[0]) / np.hypot(*(line[1] - line[0]))
    side = np.array([-way[1], way[0]]) * offset
    for at in (side, -side):
        begin, end = line[0] + way * 16 + at, line[1] - way * 16 + at
        tree_row(plan, rng, (float(begin[0]), float(begin[1])), (float(end[0]), float(end[1])))


def _dual(plan: Plan, rng: np.random.Generator, line: Points, width: float) -> None:
    """A median with trees and two lanes on each side; it stops short of the crossings."""
    way = (line[1] - line[0]) / np.hypot(*(line[1] - line[0]))
    median = np.array([line[0] + way * 22, line[1] - way * 22])
    plan.strip(ON_ROAD, thing(plan, rng, (*plan.setting.climate.verge, "pavement")), median, 3.0)
    for side in (-1, 1):
        plan.strokes(plan.setting.ground("paint"), line, side * (width / 4 + 0.8), dash=3, gap=6)
    if rng.random() < 0.6:
        n = int(np.hypot(*(median[1] - median[0])) / 11)
        plant(plan, rng, median[0] + (median[1] - median[0]) * (np.arange(n)[:, None] + 0.5) / n, size=0.7)


def _traffic(plan: Plan, rng: np.random.Generator, line: Points, width: float) -> None:
    """Cars and lorries in the lanes."""
    n = int(rng.poisson(width * 0.7))
    along_u = abs(line[1, 0] - line[0, 0]) > abs(line[1, 1] - line[0, 1])
    lanes = np.array([-0.375, -0.14, 0.14, 0.375]) if width > 14 else np.array([-0.25, 0.25])
    uv = line[0] + (line[1] - line[0]) * rng.uniform(0.06, 0.94, n)[:, None]
    uv[:, 1 if along_u else 0] += lanes[rng.integers(len(lanes), size=n)] * width
    large = rng.random(n) < 0.12
    kinds = rng.integers(0, 12, n).astype(float)
    plan.cars_at(uv[~large], along_u, kinds[~large])
    plan.cars_at(uv[large], along_u, kinds[large], (9.5, 2.4))


def _roundabout(plan: Plan, rng: np.random.Generator, corner: Points, widest: float) -> None:
    radius = widest * 0.5 + float(rng.uniform(8, 13))
    name = plan.setting.some("main", plan.setting.climate.main_roads, 1)[0]
    plan.patch(PAVING, plan.setting.ground("pavement"), circle(corner, radius + 2.5))
    plan.patch(ON_ROAD, plan.setting.ground(name), circle(corner, radius))
    plan.patch(ON_ROAD, thing(plan, rng, plan.setting.climate.verge), circle(corner, radius - 8))
    plant(plan, rng, corner + rng.uniform(-4, 4, (int(rng.integers(0, 6)), 2)), size=0.7)
