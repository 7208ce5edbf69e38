"""Paints buildings: exact parallelograms and ellipses with flat, gabled and hipped roofs, shaded by the sun."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.canvas import FIRST_ROOF, SIZE, Canvas
from smalti.synth.plan import BOX, FLAT, GABLE, HIP, PIXEL, ROUND, House, Plan
from smalti.synth.style import Style


def paint_houses(canvas: Canvas, plans: Sequence[Plan]) -> None:
    """Paints all building parts of the plans; where two overlap the higher one is visible."""
    for plan in plans:
        for k in canvas.near(plan.house_boxes):
            _paint(canvas, plan.houses[k])


def _paint(canvas: Canvas, house: House) -> None:
    left, top, right, bottom = house.box
    c0, c1 = max(int(left) - canvas.col - 1, 0), min(int(right) - canvas.col + 2, SIZE)
    r0, r1 = max(int(top) - canvas.row - 1, 0), min(int(bottom) - canvas.row + 2, SIZE)
    if c0 >= c1 or r0 >= r1:
        return
    x = np.arange(c0, c1, dtype=np.float64) + (canvas.col + 0.5)
    y = np.arange(r0, r1, dtype=np.float64) + (canvas.row + 0.5)
    s, t = house.local(x, y)
    height, part, inside = _roof(house, s, t)
    here = np.s_[r0:r1, c0:c1]
    inside &= height > canvas.height[here]
    np.copyto(canvas.height[here], height, where=inside)
    first = FIRST_ROOF + len(canvas.roofs)
    np.copyto(canvas.index[here], part.astype(np.uint16) + np.uint16(first), where=inside)
    np.copyto(canvas.detail[here], np.float32(0), where=inside)
    canvas.roofs.extend(_shades(house, canvas.style))


def _roof(house: House, s: Floats, t: Floats) -> tuple[Floats, npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Height in metres, number of the roof's side, and the pixels inside, all shaped like s and t."""
    a, b = (float(np.hypot(*axis)) * PIXEL for axis in (house.along, house.across))
    s_in, t_in = 1 - np.abs(s), 1 - np.abs(t)
    if house.roof == ROUND:
        inside = s * s + t * t <= 1
        part = (s * s + t * t > (1 - 0.7 / a) ** 2).astype(np.uint8)
        return np.full_like(s, house.eave), part, inside
    inside = (s_in >= 0) & (t_in >= 0)
    rise_t = t_in * np.float32(b)
    if house.roof in (FLAT, BOX):
        edge = np.minimum(s_in * np.float32(a), rise_t) < (0.55 if house.roof == FLAT else 0)
        return np.full_like(s, house.eave), edge.astype(np.uint8), inside
    part = (t > 0).astype(np.uint8)
    rise = rise_t
    if house.roof == HIP:
        rise_s = s_in * np.float32(a)
        part = np.where(rise_s < rise_t, (s > 0).astype(np.uint8) + np.uint8(2), part)
        rise = np.minimum(rise_s, rise_t)
    return rise * np.float32(house.pitch) + np.float32(house.eave), part, inside


def _shades(house: House, style: Style) -> list[tuple[float, float, float]]:
    """Colour of each side of a roof under the sun."""
    if house.roof not in (GABLE, HIP):
        return [_times(house.colour, 1.0), _times(house.colour, 1.12)]
    across = np.array(house.across) / np.hypot(*house.across)
    along = np.array(house.along) / np.hypot(*house.along)
    sides = [-across, across, -along, along]
    return [_times(house.colour, _lambert(side, house.pitch, style)) for side in sides]


def _lambert(side: npt.NDArray[np.float64], pitch: float, style: Style) -> float:
    """Light on a slope that falls towards `side`, relative to level ground."""
    direct = (1 + pitch * float(side @ style.sun) / style.slope) / float(np.hypot(1, pitch))
    return 0.3 + 0.7 * max(direct, 0.12)


def _times(colour: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    red, green, blue = (min(c * factor, 252.0) for c in colour)
    return red, green, blue
