"""Drawings of the world: any window of the endless country of a seed, assembled from cells drawn one by one."""

from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.drawing import Drawing, assemble
from smalti.synth.seeds import rng_for
from smalti.synth.world.blocks import BUILDERS
from smalti.synth.world.canvas import CELL, FROM_SURFACE, UNDER, Canvas, blank
from smalti.synth.world.layout import Layout, layout_of
from smalti.synth.world.light import radiance
from smalti.synth.world.paint_cars import paint_cars
from smalti.synth.world.paint_ground import paint_ground
from smalti.synth.world.paint_houses import paint_houses
from smalti.synth.world.paint_trees import paint_trees
from smalti.synth.world.plan import Plan
from smalti.synth.world.roads import main_roads
from smalti.synth.world.sensor import PAD, photograph
from smalti.synth.world.surface import tables
from smalti.synth.world.view import look, show
from smalti.tiling import Window

CELLS_KEPT = 20
PLANS_KEPT = 256
OVERHANG = 30.0
"""Metres by which the objects of a block may extend beyond its lines: half a road, a crown, a harbour's pier."""
Box = tuple[float, float, float, float]


@lru_cache(maxsize=PLANS_KEPT)
def plan_at(layout: Layout, i: int, j: int) -> Plan:
    """The plan of block (i along u, j along v)."""
    block = layout.block(i, j)
    rng = rng_for(layout.setting.seed, "block", i, j)
    plan = Plan(layout.warp, layout.setting, dry=layout.dry(block))
    BUILDERS[block.kind](plan, rng, block)
    main_roads(plan, rng, block)
    return plan.close()


def plans_near(layout: Layout, box: Box) -> list[Plan]:
    """The plans of all blocks that touch a box (left, top, right, bottom) of the world, always in the same order."""
    left, top, right, bottom = box
    xs = np.linspace(left, right, 4 + int((right - left) / 50))
    ys = np.linspace(top, bottom, 4 + int((bottom - top) / 50))
    uv = layout.warp.plan(np.array(list(product(xs, ys))))
    (u0, v0), (u1, v1) = uv.min(0) - OVERHANG, uv.max(0) + OVERHANG
    pitch = layout.setting.pitch
    columns = range(int(u0 // pitch) - 1, int(u1 // pitch) + 2)
    lines = range(int(v0 // pitch) - 1, int(v1 // pitch) + 2)
    blocks = (layout.block(i, j) for i in columns for j in lines)
    near = (b for b in blocks if b.u0 < u1 and b.u1 > u0 and b.v0 < v1 and b.v1 > v0)
    plans = (plan_at(layout, block.i, block.j) for block in near)
    return [p for p in plans if p.box[0] < right and p.box[2] > left and p.box[1] < bottom and p.box[3] > top]


def box_of(layout: Layout, window: Window) -> Box:
    """A window of pixels in metres of the world."""
    (x, y), pixel = layout.origin, layout.setting.sensor.pixel
    return x + window.col * pixel, y + window.row * pixel, x + window.right * pixel, y + window.bottom * pixel


def _labels(canvas: Canvas, ground: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """The class of every pixel of the part of the canvas that is seen, from straight above."""
    part = canvas.seen()
    table = tables(canvas.surfaces)[4]
    own = canvas.label[part]
    under: npt.NDArray[np.uint8] = table[ground[part]]
    return np.where(own == UNDER, under, np.where(own == FROM_SURFACE, table[canvas.index[part]], own))


@lru_cache(maxsize=CELLS_KEPT)
def cell_at(layout: Layout, row: int, col: int, nir: bool) -> Drawing:
    """The drawing of one cell, CELL x CELL pixels."""
    canvas = blank(row, col, layout.setting, layout.origin)
    plans = plans_near(layout, box_of(layout, Window(canvas.row, canvas.col, canvas.size, canvas.size)))
    paint_ground(canvas, plans)
    ground = canvas.index.copy()
    paint_cars(canvas, plans)
    paint_houses(canvas, plans)
    paint_trees(canvas, plans)
    labels = _labels(canvas, ground)
    planes = radiance(canvas, 4 if nir else 3)
    view = look(canvas, labels)
    noise = canvas.noise(slice(0, CELL + 2 * PAD), slice(0, CELL + 2 * PAD))
    image = photograph(show(canvas, planes, view), layout.setting.sensor, noise)
    inner = np.s_[PAD:-PAD, PAD:-PAD]
    height: Floats = np.ascontiguousarray(view.height[inner])
    return Drawing(image, labels.ravel()[view.source][inner].copy(), height)


def draw(layout: Layout, window: Window, nir: bool = False) -> Drawing:
    """Draws a window of the world of a layout; every window equals the same part of any larger one.

    Windows aligned to multiples of CELL are the fastest.
    """
    return assemble(window, 4 if nir else 3, CELL, lambda row, col: cell_at(layout, row, col, nir))


__all__ = ["Drawing", "draw", "layout_of"]
