"""Open country: fields, woods, bare ground."""

import numpy as np
import numpy.typing as npt

from smalti.synth.districts.suburb import villa
from smalti.synth.layout import Block
from smalti.synth.lots import Lot, blob, ground, inner, plant, scatter_trees, shrubs, tree_row, whole
from smalti.synth.materials import Material
from smalti.synth.plan import BASE, GARDEN, PARCEL, ROADWAY, Plan, Rows
from smalti.synth.warp import Points

FIELDS = (Material.CROP, Material.CROP, Material.CROP_PALE, Material.PLOUGHED, Material.STUBBLE, Material.MEADOW)


def farm(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Fields with rows, hedges between some of them, a farm at the edge."""
    ground(plan, BASE, Material.MEADOW, whole(block))
    area = inner(block)
    cut = area.v0 + area.depth * float(rng.uniform(0.35, 0.65))
    for part in (Lot(area.u0, area.v0, area.u1, cut - 3), Lot(area.u0, cut + 3, area.u1, area.v1)):
        for lot in part.split(int(rng.integers(1, 6)), 1, float(rng.choice([0.5, 2.0, 4.0]))):
            field(plan, rng, lot)
    full = whole(block)
    plan.strip(ROADWAY, Material.TRACK, np.array([[full.u0, cut], [full.u1, cut]]), 3.4)
    if rng.random() < 0.8:
        yard = Lot(area.u0 + 8, cut - 48, area.u0 + 62, cut - 6)
        ground(plan, GARDEN, Material.GRAVEL, yard)
        for part in yard.split(2, 2, 8.0):
            villa(plan, rng, part.centre, (part.width * 0.9, part.depth * 0.8), 0)
        scatter_trees(plan, rng, yard.inset(-5), 9)


def field(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """One field; its rows follow the longer side."""
    material = FIELDS[int(rng.integers(len(FIELDS)))]
    axes = plan.warp.axes(np.array([lot.centre]))[0]
    along = axes[0] if lot.width > lot.depth else axes[1]
    angle = float(np.arctan2(along[1], along[0])) + float(rng.normal(0, 0.02))
    rows = Rows(angle, float(rng.uniform(4, 14)), float(rng.uniform(0.02, 0.13)))
    corners = np.array([[lot.u0, lot.v0], [lot.u1, lot.v0], [lot.u1, lot.v1], [lot.u0, lot.v1]])
    plan.patch(PARCEL, material, corners, None if material == Material.MEADOW else rows)
    if rng.random() < 0.15:
        tree_row(plan, rng, (lot.u1, lot.v0), (lot.u1, lot.v1))
    elif rng.random() < 0.2:
        plan.strip(GARDEN, Material.HEDGE, np.array([[lot.u1, lot.v0], [lot.u1, lot.v1]]), float(rng.uniform(1.5, 3.5)))
    if material == Material.MEADOW and rng.random() < 0.4:
        orchard(plan, rng, lot.inset(5))


def orchard(plan: Plan, rng: np.random.Generator, lot: Lot) -> None:
    """Trees of one kind on a grid."""
    step = float(rng.uniform(5.5, 8))
    if lot.width < step or lot.depth < step:
        return
    u, v = np.meshgrid(np.arange(lot.u0, lot.u1, step), np.arange(lot.v0, lot.v1, step))
    uv = np.stack([u.ravel(), v.ravel()], 1) + rng.normal(0, 0.25, (u.size, 2))
    radius = rng.normal(1.9, 0.25, len(uv)).clip(1.2, 2.8)
    plan.trees_at(uv, radius, radius + 2.4, np.full(len(uv), float(rng.integers(12))))


def wood(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Forest with a ragged edge, a clearing and a track."""
    dry = plan.style.aridity > 0.5
    ground(plan, BASE, Material.SAND if dry else Material.MEADOW, whole(block))
    area, full = inner(block), whole(block)
    step = 6.6 if dry else 5.0
    u, v = np.meshgrid(np.arange(area.u0, area.u1, step), np.arange(area.v0, area.v1, step))
    uv = np.stack([u.ravel(), v.ravel()], 1) + rng.uniform(-0.42, 0.42, (u.size, 2)) * step
    phase = rng.uniform(0, 2 * np.pi, 4)
    wave = np.sin(uv[:, 0] / 31 + phase[0]) + np.sin(uv[:, 1] / 37 + phase[1])
    wave += np.sin((uv[:, 0] + uv[:, 1]) / 23 + phase[2]) + 0.5 * np.sin((uv[:, 0] - uv[:, 1]) / 11 + phase[3])
    keep = wave > (-0.1 if dry else -1.1)
    track = area.v0 + area.depth * float(rng.uniform(0.3, 0.7))
    line = np.array([[full.u0, track], [full.centre[0], track + float(rng.uniform(-40, 40))], [full.u1, track]])
    away = np.abs(uv[:, 1] - np.interp(uv[:, 0], line[:, 0], line[:, 1]))
    _floor(plan, (keep & (away > 4)).reshape(u.shape), area, step)
    plant(plan, rng, uv[keep & (away > 5)], 1.15)
    plan.strip(ROADWAY, Material.TRACK, line, 3.2)


def _floor(plan: Plan, covered: npt.NDArray[np.bool_], area: Lot, step: float) -> None:
    """Undergrowth below the trees: one rectangle for each unbroken run in a row of the grid."""
    for row, line in enumerate(covered):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], line, [False]])))
        for begin, end in edges.reshape(-1, 2):
            u, v = area.u0 + step * (begin - 0.6), area.v0 + step * (row - 0.6)
            plan.rect(PARCEL, Material.FOREST_FLOOR, u, v, u + step * (end - begin + 0.2), v + step * 1.2)


def bare(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """Bare ground with stains, tracks, pits and few shrubs; building sites."""
    area, full = inner(block), whole(block)
    dunes = Rows(float(rng.uniform(0, 3)), float(rng.uniform(18, 60)), float(rng.uniform(0.0, 0.06)))
    corners = np.array([[full.u0, full.v0], [full.u1, full.v0], [full.u1, full.v1], [full.u0, full.v1]])
    plan.patch(BASE, Material.SAND if rng.random() < 0.6 else Material.BARE, corners, dunes)
    kinds = (Material.SAND, Material.BARE, Material.PIT, Material.RUBBLE, Material.MEADOW, Material.GRAVEL)
    for _ in range(int(rng.integers(4, 10))):
        at = float(rng.uniform(area.u0 + 30, area.u1 - 30)), float(rng.uniform(area.v0 + 30, area.v1 - 30))
        size = float(rng.uniform(10, 55)), float(rng.uniform(10, 45))
        graded = Rows(float(rng.uniform(0, 3)), float(rng.uniform(5, 16)), float(rng.uniform(0.01, 0.05)))
        material = kinds[int(rng.integers(len(kinds)))]
        plan.patch(PARCEL, material, blob(rng, at, size, 0.2), graded if rng.random() < 0.5 else None)
    for _ in range(int(rng.integers(1, 4))):
        a, b = rng.uniform(full.v0 + 20, full.v1 - 20, 2)
        middle = rng.uniform((area.u0, area.v0), (area.u1, area.v1))
        line = np.array([[full.u0, a], middle, [full.u1, b]])
        plan.strip(ROADWAY, Material.TRACK, smooth(line), float(rng.uniform(2.6, 4.5)), dense=True)
    shrubs(plan, rng, area, int(rng.integers(5, 40)))
    scatter_trees(plan, rng, area, int(rng.integers(5, 40)), 0.6)
    if rng.random() < 0.5:
        at = float(rng.uniform(area.u0 + 30, area.u1 - 30)), float(rng.uniform(area.v0 + 30, area.v1 - 30))
        villa(plan, rng, at, (18.0, 13.0), 0)


def smooth(line: Points, points: int = 40) -> Points:
    """A quadratic curve from the first to the last of three points, pulled by the second, (points, 2)."""
    t = np.linspace(0, 1, points)[:, None]
    curve: Points = (1 - t) ** 2 * line[0] + 2 * t * (1 - t) * line[1] + t**2 * line[2]
    return curve
