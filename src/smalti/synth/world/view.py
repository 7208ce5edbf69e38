"""The view of a sensor off nadir: what is high moves, hides what lies behind it and shows its wall.

Labels follow the image: a pixel that shows a roof or a wall is building, one that shows a crown is vegetation, and its
height is that of the point that is seen.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.materials import BUILDING
from smalti.synth.world.canvas import CELL, Canvas, margins
from smalti.synth.world.sensor import PAD

SIDE = CELL + 2 * PAD
FLOOR = 3.1
"""Metres from window to window on a wall."""


@dataclass(frozen=True)
class View:
    """What each pixel of the core shows, (SIDE, SIDE) each."""

    source: npt.NDArray[np.intp]
    """Flat index into the part of the canvas that is seen."""
    height: Floats
    wall: npt.NDArray[np.bool_]


def look(canvas: Canvas, labels: npt.NDArray[np.uint8]) -> View:
    """Follows the rays of the sensor from above until they meet something.

    `labels`: classes of the part of the canvas that is seen.
    """
    lean = margins(canvas.setting)[0]
    height = canvas.height[canvas.seen()]
    dx, dy = canvas.setting.sensor.lean
    tangent = math.hypot(dx, dy)
    side = height.shape[1]
    steps = min(math.ceil(float(height.max()) * tangent / canvas.pixel + 0.5), lean - 1)
    flat = (np.arange(SIDE) + lean)[:, None] * side + (np.arange(SIDE) + lean)
    source, seen = flat.copy(), np.zeros((SIDE, SIDE), np.float32)
    found = np.zeros((SIDE, SIDE), bool)
    for step in range(steps, -1, -1):
        up = (step - 0.5) * canvas.pixel / tangent if step else 0.0  # displacements are rounded to whole pixels
        down, right = (round(step * way / tangent) if step else 0 for way in (dy, dx))
        tall = height[lean - down : lean - down + SIDE, lean - right : lean - right + SIDE]
        hit = (tall >= up) & ~found
        np.copyto(source, flat - (down * side + right), where=hit)
        np.copyto(seen, np.float32(up), where=hit)
        found |= hit
    return _surfaces(height.ravel(), labels.ravel(), source, seen, canvas.pixel / max(tangent, 1e-6))


def _surfaces(
    height: Floats, labels: npt.NDArray[np.uint8], source: npt.NDArray[np.intp], seen: Floats, step: float
) -> View:
    """Tells walls from tops: a ray that ends well below the top of a building has met its wall."""
    top = height[source]
    wall = (top - seen > 1.05 * step) & (labels[source] == BUILDING)
    return View(source, np.where(wall, np.maximum(seen, 0.1), top).astype(np.float32), wall)


def show(canvas: Canvas, planes: list[Floats], view: View) -> list[Floats]:
    """Planes of the part that is seen, as the sensor sees them: (SIDE, SIDE) each, walls included."""
    out = [plane.ravel()[view.source] for plane in planes]
    if view.wall.any():
        light = _wall_light(canvas, view)
        colour = canvas.setting.wall.a
        for band, plane in enumerate(out):
            np.copyto(plane, (np.float32(colour[band]) * light).astype(np.float32), where=view.wall)
    return out


def _wall_light(canvas: Canvas, view: View) -> Floats:
    """Relative brightness of walls: the side towards the sensor in the sun or in the shade, with rows of windows."""
    dx, dy = canvas.setting.sensor.lean
    facing = -(dx * canvas.setting.sun[0] + dy * canvas.setting.sun[1]) / max(math.hypot(dx, dy), 1e-6)
    light = 0.42 + 0.4 * max(facing, 0)
    storey = (view.height % FLOOR > 0.45 * FLOOR) & (view.height % FLOOR < 0.85 * FLOOR)
    spots: Floats = canvas.noise(slice(0, SIDE), slice(0, SIDE)).of(1.2, 31)
    return np.where(storey & (spots > -0.2), light * 0.6, light).astype(np.float32)
