"""Paints trees: crowns from a bank of domes with ragged rims, in whole pixels."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from smalti.arrays import Floats
from smalti.synth.canvas import FIRST_TREE, SIZE, Canvas
from smalti.synth.plan import Plan
from smalti.synth.seeds import rng_for

SMALLEST, LARGEST, VARIANTS, PALMS = 3, 20, 7, 2
LOWEST = 2.1
"""Minimum height of any part of a crown, metres."""


@lru_cache(maxsize=1)
def crowns() -> dict[tuple[int, int], Floats]:
    """Domes by radius in pixels and variant: share of the tree's height, 0 outside; (2 r + 1, 2 r + 1).

    The last PALMS variants have fronds and grow in dry country only.
    """
    rng = rng_for(0, "crowns")
    return {(r, k): _crown(rng, r, k) for r in range(SMALLEST, LARGEST + 1) for k in range(VARIANTS)}


def _crown(rng: np.random.Generator, radius: int, variant: int) -> Floats:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    angle = np.arctan2(y, x)
    waves = np.arange(2, 9)
    rim = 0.87 + sum(rng.normal(0, 0.11 / n**0.6) * np.cos(n * angle + rng.uniform(0, 6.3)) for n in waves)
    if variant >= VARIANTS - PALMS:
        rim = 0.66 + 0.3 * np.cos(rng.integers(6, 9) * angle + rng.uniform(0, 6.3)) + rng.normal(0, 0.05, angle.shape)
    distance = np.hypot(x, y) / (radius + 0.3) / rim
    dome = np.sqrt(np.maximum(1 - distance**2, 0))
    lumps = np.zeros_like(dome)
    for _ in range(4 + radius):
        cy, cx = rng.normal(0, 0.45 * radius, 2)
        size = rng.uniform(0.16, 0.32) * radius + 0.7
        lumps = np.maximum(lumps, np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / size**2))
    crown = 0.4 + 0.38 * dome + 0.22 * lumps * dome
    return np.where(distance < 1, crown / crown.max(), 0).astype(np.float32)


def paint_trees(canvas: Canvas, plans: Sequence[Plan]) -> None:
    """Paints all trees of the plans; where two overlap the higher one is visible. No tree stands in water."""
    bank = crowns()
    variants = VARIANTS if canvas.style.aridity > 0.5 else VARIANTS - PALMS
    for plan in plans:
        trees = plan.trees
        boxes = np.hstack([trees[:, :2] - LARGEST - 1, trees[:, :2] + LARGEST + 1])
        for x, y, radius, tall, kind in trees[canvas.near(boxes)].tolist():
            col, row = int(x) - canvas.col, int(y) - canvas.row
            r = min(max(round(radius), SMALLEST), LARGEST)
            crown = bank[r, int(x * 7 + y * 3) % variants]
            top, left = max(row - r, 0), max(col - r, 0)
            bottom, right = min(row + r + 1, SIZE), min(col + r + 1, SIZE)
            if top >= bottom or left >= right:
                continue
            crown = crown[top - row + r : bottom - row + r, left - col + r : right - col + r]
            _stamp(canvas, np.s_[top:bottom, left:right], crown, tall, int(kind))


def _stamp(canvas: Canvas, here: tuple[slice, slice], crown: Floats, tall: float, kind: int) -> None:
    body = crown * np.float32(tall)
    below = canvas.height[here]
    seen = body > np.maximum(below, LOWEST)
    np.copyto(below, body, where=seen)
    np.copyto(canvas.index[here], np.uint16(FIRST_TREE + kind), where=seen)
