"""Paints buildings: exact parallelograms and ellipses with flat, gabled and hipped roofs, shaded by the sun."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.plan import BOX, FLAT, GABLE, HIP, ROUND
from smalti.synth.warp import Points
from smalti.synth.world.canvas import FROM_SURFACE, Canvas
from smalti.synth.world.plan import House, Plan
from smalti.synth.world.setting import Setting
from smalti.synth.world.surface import Surface

PARAPET = 0.45
"""Width of the rim of a flat roof, metres."""


def paint_houses(canvas: Canvas, plans: Sequence[Plan]) -> None:
    """Paints all building parts of the plans; where two overlap the higher one is visible."""
    for plan in plans:
        for k in canvas.near(plan.house_boxes):
            _paint(canvas, plan.houses[k])


def _paint(canvas: Canvas, house: House) -> None:
    left, top, right, bottom = house.box
    here = canvas.clip(np.array([[left, top], [right, bottom]]))
    if here is None:
        return
    s, t = house.local(canvas.x[here[1]], canvas.y[here[0]])
    height, part, inside = _roof(house, s, t)
    inside &= height > canvas.height[here]
    first = [canvas.add(shade) for shade in _shades(house, canvas.setting)]
    np.copyto(canvas.height[here], height, where=inside)
    np.copyto(canvas.index[here], np.array(first, np.uint16)[part], where=inside)
    np.copyto(canvas.label[here], np.uint8(FROM_SURFACE), where=inside)
    np.copyto(canvas.detail[here], _ribs(house, s, t, part, canvas.pixel), where=inside)


def _roof(house: House, s: Floats, t: Floats) -> tuple[Floats, npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Height in metres, number of the roof's side, and the pixels inside, all shaped like s and t."""
    a, b = (float(np.hypot(*axis)) for axis in (house.along, house.across))
    s_in, t_in = 1 - np.abs(s), 1 - np.abs(t)
    if house.roof == ROUND:
        far = np.hypot(s, t)
        cone = np.float32(house.eave) + np.clip(1 - far, 0, 1) * np.float32(house.pitch * a)
        part = ((far > 1 - 0.5 / a) if house.pitch == 0 else (s > 0)).astype(np.uint8)
        return cone.astype(np.float32), part, far <= 1
    inside = (s_in >= 0) & (t_in >= 0)
    rise_t = t_in * np.float32(b)
    if house.roof in (FLAT, BOX):
        edge = np.minimum(s_in * np.float32(a), rise_t) < (PARAPET if house.roof == FLAT else 0)
        return np.full_like(s, house.eave), edge.astype(np.uint8), inside
    part = (t > 0).astype(np.uint8)
    rise = rise_t
    if house.roof == HIP:
        rise_s = s_in * np.float32(a)
        part = np.where(rise_s < rise_t, (s > 0).astype(np.uint8) + np.uint8(2), part)
        rise = np.minimum(rise_s, rise_t)
    return rise * np.float32(house.pitch) + np.float32(house.eave), part, inside


def _ribs(house: House, s: Floats, t: Floats, part: npt.NDArray[np.uint8], pixel: float) -> Floats:
    """Ribs of metal sheets or rows of tiles: stripes down the slope of each side."""
    every, contrast = house.ribs
    clear = min(max(every / pixel - 1.6, 0.0), 1.0) if every else 0.0
    if not clear:
        return np.zeros_like(s)
    along, across = (float(np.hypot(*axis)) for axis in (house.along, house.across))
    place = np.where(part < 2, s * np.float32(along), t * np.float32(across))
    ribs: Floats = np.sin(place * np.float32(2 * np.pi / every)) * np.float32(contrast * clear)
    return ribs.astype(np.float32)


def _shades(house: House, setting: Setting) -> list[Surface]:
    """The covering on each side of a roof under the sun."""
    if house.roof in (FLAT, BOX) or (house.roof == ROUND and house.pitch == 0):
        return [house.cover, house.cover.times(1.14)]
    across = np.array(house.across) / np.hypot(*house.across)
    along = np.array(house.along) / np.hypot(*house.along)
    if house.roof == ROUND:
        return [house.cover.times(_lambert(side, house.pitch * 0.7, setting)) for side in (-along, along)]
    sides = [-across, across, -along, along]
    return [house.cover.times(_lambert(side, house.pitch, setting)) for side in sides]


def _lambert(side: Points, pitch: float, setting: Setting) -> float:
    """Light on a slope that falls towards `side`, relative to level ground."""
    direct = (1 + pitch * float(side @ np.array(setting.sun)) / setting.slope) / float(np.hypot(1, pitch))
    return 0.3 + 0.7 * min(max(direct, 0.12), 1.6)


__all__ = ["BOX", "GABLE", "paint_houses"]
