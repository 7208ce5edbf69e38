"""Sun and surface: shadows from the heights, relief of crowns and hills, texture and colour of everything."""

import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.seeds import rng_for
from smalti.synth.shadows import highest_rays
from smalti.synth.world.canvas import Canvas, margins
from smalti.synth.world.surface import tables
from smalti.synth.world.waves import Waves

RELIEF = 0.05
"""How strongly a slope of a crown of one metre per metre changes its brightness."""


def shadows(canvas: Canvas) -> Floats:
    """Share of the direct sun that reaches each pixel, (size, size), 0 to 1."""
    fall = canvas.setting.slope * canvas.pixel
    ray = highest_rays(canvas.height, canvas.setting.sun, fall, margins(canvas.setting)[1])
    soft = 0.5 / fall
    lit: Floats = np.clip(np.float32(1.1) - ray * np.float32(min(max(soft, 0.8), 4)), 0, 1)
    return lit


def _crowns(canvas: Canvas, part: tuple[slice, slice]) -> Floats:
    """Brightness of crowns by their slope towards the sun, about 0."""
    height = canvas.height[part]
    sx, sy = canvas.setting.sun
    down, right = _slopes(height)
    slope = (right * np.float32(-sx) + down * np.float32(-sy)) * np.float32(RELIEF / canvas.pixel)
    out: Floats = np.clip(slope, -0.42, 0.5)
    return out


def _slopes(height: Floats) -> tuple[Floats, Floats]:
    """Differences along the rows and along the columns, per pixel."""
    down: Floats = np.gradient(height, axis=0)
    right: Floats = np.gradient(height, axis=1)
    return down, right


def _hills(canvas: Canvas, part: tuple[slice, slice]) -> Floats | float:
    """Brightness of the ground by the slope of the hills towards the sun, about 0."""
    strength = canvas.setting.climate.hills
    if not strength:
        return 0.0
    dx, dy = canvas.setting.hills.slope(canvas.x[part[1]], canvas.y[part[0]])
    sx, sy = canvas.setting.sun
    slope = (dx * np.float32(-sx) + dy * np.float32(-sy)) * np.float32(9 * strength)
    out: Floats = np.clip(slope, -0.3, 0.3)
    return out


def _patches(canvas: Canvas, part: tuple[slice, slice], sizes: npt.NDArray[np.uint8]) -> Floats:
    """Where between its two colours each pixel lies, 0 to 1."""
    noise = canvas.noise(*part)
    waves = Waves(rng_for(canvas.setting.seed, "patches"), 14, 260, count=40)
    small = noise.of(4.5, 1) * np.float32(0.6) + noise.of(1.2, 2) * np.float32(0.4) + noise.of(14, 6) * np.float32(0.7)
    middle = waves.grid(canvas.x[part[1]] * 2.7, canvas.y[part[0]] * 2.7) + noise.of(5, 4) * np.float32(0.25)
    large = waves.grid(canvas.x[part[1]], canvas.y[part[0]]) + noise.of(7, 5) * np.float32(0.3)
    mix = np.choose(sizes, [small, middle, large])
    out: Floats = np.clip(mix * np.float32(0.26) + np.float32(0.5), 0, 1)
    return out


def radiance(canvas: Canvas, bands: int) -> list[Floats]:
    """The light that leaves the canvas upwards where it is seen: one plane per band, in grey levels."""
    part = canvas.seen()
    index = canvas.index[part].astype(np.intp)
    a, b, strength, sizes, _ = tables(canvas.surfaces)
    noise = canvas.noise(*part)
    fine = noise.of(0.45, 11) * np.float32(0.8) + noise.of(0.14, 12) * np.float32(0.6)
    medium = noise.of(1.3, 13) * np.float32(0.75) + noise.of(4.2, 14) * np.float32(0.65)
    medium *= np.clip(noise.of(45, 15) * np.float32(0.3) + np.float32(0.8), 0.3, 1.4)
    shine = strength[:, 0][index] * fine + strength[:, 1][index] * medium + canvas.detail[part]
    trees = np.isin(np.arange(len(a)), [canvas.add(t.surface) for t in canvas.setting.trees])[index]
    shine += np.where(trees, _crowns(canvas, part), _hills(canvas, part))
    shine = np.maximum(shine + np.float32(1), np.float32(0.15))
    mix = _patches(canvas, part, sizes[index])
    lit = shadows(canvas)[part]
    water, wet = _water(canvas, part, bands)
    planes = []
    for band in range(bands):
        shade = np.float32(canvas.setting.shade[band])
        plane = (a[:, band][index] + (b - a)[:, band][index] * mix) * shine
        if wet is not None:
            np.copyto(plane, water[band], where=wet)
        planes.append(plane * (lit * (1 - shade) + shade))
    return planes


def _water(canvas: Canvas, part: tuple[slice, slice], bands: int) -> tuple[list[Floats], npt.NDArray[np.bool_] | None]:
    """The light of the water, and where it is on top."""
    if canvas.depth is None or canvas.depth[part].max() <= 0:
        return [], None
    flat = canvas.index[part] == canvas.water
    planes = canvas.setting.water.colours(
        canvas.depth[part], canvas.x[part[1]], canvas.y[part[0]], canvas.noise(*part), bands
    )
    return planes, flat
