"""Paints trees: crowns from a bank of domes, cones and fronds, in whole pixels."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.materials import VEGETATION
from smalti.synth.seeds import rng_for
from smalti.synth.warp import Points
from smalti.synth.world.canvas import FROM_SURFACE, Canvas
from smalti.synth.world.plan import Plan
from smalti.synth.world.species import BARE, CONE, FLAT, LUMPY, PALM, ROUND

FORMS, BASE = 6, 40
"""Crowns of each shape, and their radius in pixels before they are scaled."""
MOST = 96
"""Largest radius of a crown, pixels."""


@lru_cache(maxsize=1)
def _bank() -> dict[tuple[int, int], Floats]:
    """Crowns by shape and number: share of the tree's height, 0 outside; (2 BASE + 1, 2 BASE + 1)."""
    rng = rng_for(0, "world crowns")
    return {(shape, k): _crown(rng, shape) for shape in (ROUND, LUMPY, CONE, PALM, FLAT, BARE) for k in range(FORMS)}


def _crown(rng: np.random.Generator, shape: int) -> Floats:
    y, x = np.mgrid[-BASE : BASE + 1, -BASE : BASE + 1] / float(BASE)
    angle, waves = np.arctan2(y, x), np.arange(2, 12)
    rough = {LUMPY: 0.13, CONE: 0.07, FLAT: 0.12}.get(shape, 0.09)
    rim = 0.86 + sum(rng.normal(0, rough / n**0.6) * np.cos(n * angle + rng.uniform(0, 6.3)) for n in waves)
    if shape == PALM:
        fronds = int(rng.integers(8, 13))
        rim = 0.58 + 0.38 * np.cos(fronds * angle + rng.uniform(0, 6.3) + 0.8 * np.hypot(x, y))
    distance = np.hypot(x, y) / np.clip(rim, 0.2, 0.99)
    lumps = _lumps(rng, x, y, 26 if shape == LUMPY else 14)
    dome = np.sqrt(np.maximum(1 - distance**2, 0))
    profile = {
        ROUND: 0.42 + 0.36 * dome + 0.22 * lumps * dome,
        LUMPY: 0.45 + 0.25 * dome + 0.3 * lumps * np.sqrt(dome),
        CONE: 0.25 + 0.75 * np.maximum(1 - distance, 0) + 0.04 * np.cos(9 * angle),
        PALM: 0.72 + 0.28 * np.maximum(1 - distance, 0) + 0.05 * np.cos(21 * angle),
        FLAT: 0.7 + 0.12 * dome + 0.18 * lumps * dome,
        BARE: 0.5 + 0.35 * dome + 0.15 * lumps,
    }[shape]
    return np.where(distance < 1, np.maximum(profile / profile.max(), 0.05), 0).astype(np.float32)


def _lumps(rng: np.random.Generator, x: Points, y: Points, count: int) -> Points:
    out = np.zeros_like(x)
    for _ in range(count):
        cx, cy = rng.normal(0, 0.45, 2)
        out = np.maximum(out, np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / rng.uniform(0.14, 0.3) ** 2))
    return out


@lru_cache(maxsize=4096)
def crown(shape: int, form: int, radius: int) -> Floats:
    """A crown of a radius in pixels, (2 radius + 1, 2 radius + 1)."""
    side = 2 * radius + 1
    small = cv2.resize(_bank()[shape, form], (side, side), interpolation=cv2.INTER_AREA)
    out: Floats = np.where(small > 0.2, small, 0).astype(np.float32)
    return out


@lru_cache(maxsize=512)
def _twigs(form: int, radius: int) -> Floats:
    """How much of each pixel of a bare crown is wood, (2 radius + 1, 2 radius + 1)."""
    rng = rng_for(form, "twigs", radius)
    wood: Floats = rng.random((2 * radius + 1, 2 * radius + 1), np.float32)
    return wood


def paint_trees(canvas: Canvas, plans: Sequence[Plan]) -> None:
    """Paints all trees of the plans; where two overlap the higher one is visible."""
    kinds = canvas.setting.trees
    shapes = [tree.species.shape for tree in kinds]
    indices = [canvas.add(tree.surface) for tree in kinds]
    for plan in plans:
        trees = plan.trees
        reach = trees[:, 2:3] + 1
        trees = trees[canvas.near(np.hstack([trees[:, :2] - reach, trees[:, :2] + reach]))]
        places = np.floor(canvas.to_pixels(trees[:, :2])).astype(int).tolist()
        sizes = np.clip(np.rint(trees[:, 2] / canvas.pixel), 1, MOST).astype(int).tolist()
        forms = (np.floor(trees[:, 0] * 7 + trees[:, 1] * 3).astype(int) % FORMS).tolist()
        for (col, row), r, form, tall, kind in zip(
            places, sizes, forms, trees[:, 3].tolist(), trees[:, 4].astype(int).tolist(), strict=True
        ):
            _stamp(canvas, row, col, r, tall=tall, shape=shapes[kind], form=form, index=indices[kind])


def _stamp(canvas: Canvas, row: int, col: int, r: int, *, tall: float, shape: int, form: int, index: int) -> None:
    top, left = max(row - r, 0), max(col - r, 0)
    bottom, right = min(row + r + 1, canvas.size), min(col + r + 1, canvas.size)
    if top >= bottom or left >= right:
        return
    here = np.s_[top:bottom, left:right]
    part = np.s_[top - row + r : bottom - row + r, left - col + r : right - col + r]
    body = crown(shape, form, r)[part] * np.float32(tall)
    below = canvas.height[here]
    seen = body > below
    if shape == BARE:
        _stamp_bare(canvas, here, body, seen, _twigs(form, r)[part], index)
        return
    np.copyto(below, body, where=seen)
    np.copyto(canvas.index[here], np.uint16(index), where=seen)
    np.copyto(canvas.label[here], np.uint8(FROM_SURFACE), where=seen)
    np.copyto(canvas.detail[here], np.float32(0), where=seen)


def _stamp_bare(
    canvas: Canvas, here: tuple[slice, slice], body: Floats, seen: npt.NDArray[np.bool_], wood: Floats, index: int
) -> None:
    """A crown through which the ground is seen: all of it is vegetation, a part of its pixels shows twigs."""
    twigs = seen & (wood < 0.42)
    np.copyto(canvas.label[here], np.uint8(VEGETATION), where=seen)
    np.copyto(canvas.index[here], np.uint16(index), where=twigs)
    np.copyto(canvas.height[here], body, where=twigs)
    np.copyto(canvas.height[here], np.maximum(body * np.float32(0.6), canvas.height[here]), where=seen & ~twigs)
