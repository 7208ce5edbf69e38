"""Sun and surface: shadows from the heights, relief of the crowns, texture and colour of everything."""

import numpy as np

from smalti.arrays import Floats
from smalti.synth.canvas import FIRST_CAR, FIRST_TREE, REACH, Canvas
from smalti.synth.plan import PIXEL
from smalti.synth.shadows import highest_rays
from smalti.synth.textures import textures

RELIEF = 0.16
"""How strongly a slope of a crown of one metre per pixel changes its brightness."""


def shadows(canvas: Canvas) -> Floats:
    """Share of the direct sun that reaches each pixel, (SIZE, SIZE), 0 to 1."""
    ray = highest_rays(canvas.height, canvas.style.sun, canvas.style.slope * PIXEL, REACH)
    ray *= np.float32(-1.6)
    ray += np.float32(1.1)
    return np.clip(ray, 0, 1, out=ray)


def relief(canvas: Canvas, core: tuple[slice, slice]) -> Floats:
    """Brightness of crowns by their slope towards the sun, about 1, on the core."""
    rows, cols = core
    height = canvas.height
    sx, sy = canvas.style.sun
    r0, c0 = max(rows.start, 1), max(cols.start, 1)
    right = height[rows, c0 : c0 + (cols.stop - cols.start)] - height[rows, c0 - 1 : c0 - 1 + cols.stop - cols.start]
    below = height[r0 : r0 + (rows.stop - rows.start), cols] - height[r0 - 1 : r0 - 1 + rows.stop - rows.start, cols]
    slope = right * np.float32(-sx * RELIEF) + below * np.float32(-sy * RELIEF)
    out: Floats = np.clip(slope, -0.45, 0.55)
    return out


def radiance(canvas: Canvas, bands: int) -> list[Floats]:
    """The light from the ground to the camera: one plane of the core per band, in grey levels."""
    core = canvas.core()
    row, col = canvas.row + core[0].start, canvas.col + core[1].start
    index = canvas.index[core].astype(np.intp)
    height, width = index.shape
    squares = textures()
    fine, medium, coarse, macro = (
        squares.cut(name, row, col, height, width) for name in ("fine", "medium", "coarse", "macro")
    )
    strength = canvas.textures()
    shine = np.take(strength[:, 0], index) * fine
    shine += np.take(strength[:, 1], index) * medium
    shine += canvas.detail[core]
    crown = (index >= FIRST_TREE) & (index < FIRST_CAR)
    shine += relief(canvas, core) * crown
    shine += np.float32(1)
    mix = np.clip(coarse * np.float32(0.2) + macro * np.float32(0.3) + np.float32(0.5), 0, 1)
    lit = shadows(canvas)[core]
    a, b = canvas.colours()
    planes = []
    for band in range(bands):
        shade = np.float32(canvas.style.shade[band])
        plane = np.take((b - a)[:, band], index)
        plane *= mix
        plane += np.take(a[:, band], index)
        plane *= shine
        plane *= lit * (1 - shade) + shade
        planes.append(plane)
    return planes
