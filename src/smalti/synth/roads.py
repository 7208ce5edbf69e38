"""Roads: carriageways, pavements, markings; each block brings the main streets on its left and its top."""

import numpy as np

from smalti.synth.layout import Block
from smalti.synth.materials import Material
from smalti.synth.plan import ON_ROAD, PAVING, ROADWAY, Plan
from smalti.synth.warp import Points

TRACK_WIDTH = 4.0
"""Roads narrower than this are unpaved, metres."""


def street(
    plan: Plan, rng: np.random.Generator, uv: Points, width: float, surface: Material, paved: bool = True
) -> None:
    """A local street along plan points, with pavements and, if it is wide, a dashed middle line."""
    if paved:
        plan.strip(PAVING, Material.PAVEMENT, uv, width + 3.2)
    plan.strip(ROADWAY, surface, uv, width)
    if width >= 6.5 and rng.random() < 0.6:
        plan.strokes(Material.PAINT, uv, 0, dash=3, gap=4.5)


def main_streets(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """The streets on the left and the top line of a block, crossings included."""
    dark = (Material.ASPHALT, Material.ASPHALT_DARK, Material.ASPHALT_OLD)
    left = np.array([[block.u0, block.v0], [block.u0, block.v1]])
    top = np.array([[block.u0, block.v0], [block.u1, block.v0]])
    for line, width in ((left, block.widths[0]), (top, block.widths[1])):
        _main(plan, rng, line, width, dark[int(rng.integers(3))])
    crossing(plan, rng, block)


def _main(plan: Plan, rng: np.random.Generator, line: Points, width: float, surface: Material) -> None:
    if width < TRACK_WIDTH:
        plan.strip(ROADWAY, Material.TRACK, line, width)
        return
    if width < 7:
        plan.strip(PAVING, Material.GRAVEL, line, width + 1.6)
        plan.strip(ROADWAY, surface, line, width)
        plan.strokes(Material.PAINT, line, 0, dash=3, gap=6)
        return
    plan.strip(PAVING, Material.PAVEMENT, line, width + 5)
    plan.strip(ROADWAY, surface, line, width)
    for side in (-1, 1):
        plan.strokes(Material.PAINT, line, side * (width / 2 - 0.5))
    if width > 15:
        _dual(plan, rng, line, width)
    else:
        plan.strokes(Material.PAINT, line, 0, dash=0 if rng.random() < 0.3 else 4, gap=5)
    _traffic(plan, rng, line, width)


def _dual(plan: Plan, rng: np.random.Generator, line: Points, width: float) -> None:
    """A median with trees and two lanes on each side; it stops short of the crossings."""
    way = (line[1] - line[0]) / np.hypot(*(line[1] - line[0]))
    median = np.array([line[0] + way * 22, line[1] - way * 22])
    plan.strip(ON_ROAD, Material.ISLAND if rng.random() < 0.7 else Material.PAVEMENT, median, 3.4)
    for side in (-1, 1):
        plan.strokes(Material.PAINT, line, side * (width / 4 + 0.9), dash=3, gap=6)
    if rng.random() < 0.6:
        n = int(np.hypot(*(median[1] - median[0])) / 11)
        uv = median[0] + (median[1] - median[0]) * (np.arange(n)[:, None] + 0.5) / n
        plan.trees_at(uv, rng.uniform(1.4, 2.4, n), rng.uniform(4.5, 7, n), np.full(n, rng.integers(12)))


def _traffic(plan: Plan, rng: np.random.Generator, line: Points, width: float) -> None:
    """Cars in the lanes."""
    n = int(rng.poisson(width * 0.9))
    if not n:
        return
    along_u = abs(line[1, 0] - line[0, 0]) > abs(line[1, 1] - line[0, 1])
    lanes = np.array([-0.375, -0.14, 0.14, 0.375]) if width > 15 else np.array([-0.25, 0.25])
    share = rng.uniform(0.08, 0.92, n)[:, None]
    uv = line[0] + (line[1] - line[0]) * share
    uv[:, 1 if along_u else 0] += lanes[rng.integers(len(lanes), size=n)] * width
    plan.cars_at(uv, along_u, rng.integers(0, 11, n).astype(float))


def crossing(plan: Plan, rng: np.random.Generator, block: Block) -> None:
    """The crossing of the two main streets of a block: plain asphalt or a roundabout."""
    corner = np.array([block.u0, block.v0])
    widest = max(block.widths[0], block.widths[1])
    if widest < 7:
        return
    if min(block.widths[0], block.widths[1]) >= 7 and rng.random() < 0.3:
        radius = widest * 0.5 + rng.uniform(8, 13)
        plan.patch(PAVING, Material.PAVEMENT, circle(corner, radius + 2.5))
        plan.patch(ON_ROAD, Material.ASPHALT, circle(corner, radius))
        plan.patch(ON_ROAD, Material.ISLAND, circle(corner, radius - 8))
        n = int(rng.integers(0, 6))
        uv = corner + rng.uniform(-4, 4, (n, 2))
        plan.trees_at(uv, rng.uniform(1.2, 2.4, n), rng.uniform(4, 7, n), rng.integers(0, 12, n).astype(float))


def circle(centre: Points, radius: float, points: int = 28) -> Points:
    """Corners of a circle in the plan, (points, 2)."""
    angle = np.arange(points) * (2 * np.pi / points)
    return centre + radius * np.stack([np.cos(angle), np.sin(angle)], 1)
