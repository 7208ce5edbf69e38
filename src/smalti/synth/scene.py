"""Drawings: any window of the endless world of a seed, assembled from cells that are always drawn the same."""

from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

from smalti.synth.camera import photograph
from smalti.synth.canvas import CELL, PAD, Canvas, blank
from smalti.synth.cars import paint_cars
from smalti.synth.districts import DISTRICTS
from smalti.synth.drawing import Drawing, assemble
from smalti.synth.ground import paint_ground
from smalti.synth.houses import paint_houses
from smalti.synth.layout import PITCH, block_at
from smalti.synth.light import radiance
from smalti.synth.materials import KEEP
from smalti.synth.plan import PIXEL, Plan
from smalti.synth.roads import main_streets
from smalti.synth.seeds import rng_for
from smalti.synth.style import style_of
from smalti.synth.trees import paint_trees
from smalti.synth.warp import warp_of
from smalti.tiling import Window

CELLS_KEPT = 20
PLANS_KEPT = 160
OVERHANG = 34.0
"""Metres by which the objects of a block may extend beyond its lines: half a street, a roundabout, a crown."""


@lru_cache(maxsize=PLANS_KEPT)
def plan_at(seed: int, i: int, j: int) -> Plan:
    """The plan of block (i along u, j along v)."""
    block = block_at(seed, i, j)
    rng = rng_for(seed, "block", i, j)
    plan = Plan(warp_of(seed), style_of(seed))
    DISTRICTS[block.kind](plan, rng, block)
    main_streets(plan, rng, block)
    return plan.close()


def plans_near(seed: int, window: Window) -> list[Plan]:
    """The plans of all blocks that touch a window, always in the same order."""
    rows = np.linspace(window.row, window.bottom, 3 + window.height // 150)
    cols = np.linspace(window.col, window.right, 3 + window.width // 150)
    uv = warp_of(seed).plan(np.array(list(product(cols, rows))) * PIXEL)
    (u0, v0), (u1, v1) = uv.min(0) - OVERHANG, uv.max(0) + OVERHANG
    columns = range(int(u0 // PITCH) - 1, int(u1 // PITCH) + 2)
    lines = range(int(v0 // PITCH) - 1, int(v1 // PITCH) + 2)
    blocks = (block_at(seed, i, j) for i in columns for j in lines)
    near = (b for b in blocks if b.u0 < u1 and b.u1 > u0 and b.v0 < v1 and b.v1 > v0)
    plans = (plan_at(seed, block.i, block.j) for block in near)
    return [plan for plan in plans if _touches(plan.box, window)]


def _touches(box: tuple[float, float, float, float], window: Window) -> bool:
    left, top, right, bottom = box
    return left < window.right and right > window.col and top < window.bottom and bottom > window.row


def _truth(canvas: Canvas, ground: npt.NDArray[np.uint16], inner: tuple[slice, slice]) -> npt.NDArray[np.uint8]:
    table = canvas.classes()
    classes: npt.NDArray[np.uint8] = table[canvas.index[inner]]
    below = table[ground[inner]]
    return np.where(classes == KEEP, below, classes)


@lru_cache(maxsize=CELLS_KEPT)
def cell_at(seed: int, row: int, col: int, nir: bool) -> Drawing:
    """The drawing of one cell, CELL x CELL pixels."""
    canvas = blank(row, col, style_of(seed))
    plans = plans_near(seed, canvas.window)
    paint_ground(canvas, plans)
    ground = canvas.index.copy()
    paint_cars(canvas, plans)
    paint_houses(canvas, plans)
    paint_trees(canvas, plans)
    core = canvas.core()
    inner = slice(core[0].start + PAD, core[0].stop - PAD), slice(core[1].start + PAD, core[1].stop - PAD)
    planes = radiance(canvas, 4 if nir else 3)
    image = photograph(planes, canvas.style, canvas.row + core[0].start, canvas.col + core[1].start)
    return Drawing(image, _truth(canvas, ground, inner), canvas.height[inner].copy())


def draw(window: Window, seed: int, nir: bool = False) -> Drawing:
    """Draws a window of the world of `seed`.

    Every window equals the same part of any larger one. Windows aligned to multiples of CELL are the fastest.

    Args:
        window: rows and columns in pixels; they may be negative, the world has no border.
        seed: of the world.
        nir: also draw a near-infrared band.
    """
    return assemble(window, 4 if nir else 3, CELL, lambda row, col: cell_at(seed, row, col, nir))
