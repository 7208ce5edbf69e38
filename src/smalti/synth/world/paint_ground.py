"""Paints the ground: patches in the order of their levels, water between them, rows of fields, terraces, snow."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.materials import LAND, VEGETATION
from smalti.synth.seeds import rng_for
from smalti.synth.world.canvas import SHIFT, Canvas
from smalti.synth.world.plan import ON_ROAD, PAVING, Patch, Plan
from smalti.synth.world.surface import surface
from smalti.synth.world.waves import Waves, share

TERRACES = 12
"""Colours of the terraces of a slope."""


def paint_ground(canvas: Canvas, plans: Sequence[Plan]) -> None:
    """Paints all patches and lines of the plans, in the order of their levels across all blocks, and the water."""
    patches = [plan.patches[k] for plan in plans for k in canvas.near(plan.patch_boxes)]
    patches.sort(key=lambda p: p.level)
    for patch in patches:
        if patch.level < PAVING:
            _fill(canvas, patch)
    _terrace(canvas, patches)
    _snow(canvas)
    _flood(canvas)
    for patch in patches:
        if PAVING <= patch.level < ON_ROAD:
            _fill(canvas, patch)
    for plan in plans:
        _lines(canvas, plan)
    for patch in patches:
        if patch.level == ON_ROAD:
            _fill(canvas, patch)
    for patch in patches:
        if patch.rows:
            _furrows(canvas, patch)


def _fill(canvas: Canvas, patch: Patch) -> None:
    cv2.fillPoly(canvas.index, [canvas.fixed(patch.points)], canvas.add(patch.surface), cv2.LINE_8, SHIFT)


def _inside(canvas: Canvas, patch: Patch, here: tuple[slice, slice]) -> npt.NDArray[np.bool_]:
    """The pixels of a part of the canvas that still show a patch."""
    inside = np.zeros((here[0].stop - here[0].start, here[1].stop - here[1].start), np.uint8)
    corners = canvas.fixed(patch.points) - np.array([here[1].start, here[0].start], np.int32) * (1 << SHIFT)
    cv2.fillPoly(inside, [corners], 1, cv2.LINE_8, SHIFT)
    seen: npt.NDArray[np.bool_] = (inside > 0) & (canvas.index[here] == canvas.add(patch.surface))
    return seen


def _furrows(canvas: Canvas, patch: Patch) -> None:
    """Rows of a field, and the pairs of lines that wheels leave in it."""
    rows, here = patch.rows, canvas.clip(patch.points)
    if here is None or rows is None:
        return
    x, y = canvas.x[here[1]], canvas.y[here[0]]
    across = (y * np.cos(rows.angle))[:, None] - (x * np.sin(rows.angle))[None, :]
    period = max(rows.period, 0.01)
    clear = min(max(period / canvas.pixel - 1.6, 0.0), 1.0)  # rows narrower than two pixels are not resolved
    wave = np.sin(across * (2 * np.pi / period)) * (rows.strength * clear)
    if rows.tramlines:
        at = across % rows.tramlines
        width = max(0.45, 0.7 * canvas.pixel)
        wheel = (np.abs(at - 1) < width / 2) | (np.abs(at - 3) < width / 2)
        wave -= wheel * (0.16 * min(1.0, 0.45 / canvas.pixel))
    np.copyto(canvas.detail[here], wave.astype(np.float32), where=_inside(canvas, patch, here))


def _terrace(canvas: Canvas, patches: Sequence[Patch]) -> None:
    """Cuts patches along the slope of the hills into steps, each with its own colour and a dark or pale edge."""
    slopes: Floats | None = None
    for patch in patches:
        here = canvas.clip(patch.points)
        if not patch.terraced or here is None:
            continue
        if slopes is None:
            slopes = canvas.setting.hills.grid(canvas.x, canvas.y)
        _steps(canvas, patch, here, slopes[here])


def _steps(canvas: Canvas, patch: Patch, here: tuple[slice, slice], slope: Floats) -> None:
    rng = rng_for(canvas.setting.seed, "terrace", *np.floor(patch.points.mean(0)).astype(int).tolist())
    inside = _inside(canvas, patch, here)
    level = slope * np.float32(60 / patch.terraced)
    step = np.floor(level)
    walls = canvas.setting.hills.grid(canvas.x[here[1]] + 900, canvas.y[here[0]] - 700)
    plot = np.floor(walls * np.float32(40 / patch.terraced) + step * np.float32(0.37))
    colours = [canvas.add(canvas.setting.crop(rng).surface.varied(rng)) for _ in range(TERRACES)]
    number = ((step * 7 + plot * 3) % TERRACES).astype(int)
    np.copyto(canvas.index[here], np.array(colours, np.uint16)[number], where=inside)
    edge = np.zeros_like(inside)
    edge[:, 1:] |= (step[:, 1:] != step[:, :-1]) | (plot[:, 1:] != plot[:, :-1])
    edge[1:] |= (step[1:] != step[:-1]) | (plot[1:] != plot[:-1])
    wide = cv2.dilate(edge.astype(np.uint8), np.ones((2, 2), np.uint8)) if canvas.pixel < 0.35 else edge
    bund = canvas.add(canvas.setting.any_ground(rng, canvas.setting.climate.verge))
    np.copyto(canvas.index[here], np.uint16(bund), where=inside & (wide > 0))


def _snow(canvas: Canvas) -> None:
    """Snow in patches on open ground; what is below it is land then."""
    amount = canvas.setting.snow
    if amount < 0.05:
        return
    drifts = Waves(rng_for(canvas.setting.seed, "snow"), 6, 160, count=60).grid(canvas.x, canvas.y)
    drifts = drifts + canvas.noise().of(2.5, 21) * np.float32(0.12) + canvas.noise().of(0.8, 24) * np.float32(0.06)
    ground = np.array([s.label in (LAND, VEGETATION) for s in canvas.surfaces])
    open_ground = ground[np.minimum(canvas.index, len(ground) - 1)]
    snow = canvas.add(canvas.setting.ground("snow"))
    np.copyto(canvas.index, np.uint16(snow), where=open_ground & (share(drifts) < amount))


def _flood(canvas: Canvas) -> None:
    """The water of the setting with its shore."""
    setting = canvas.setting
    canvas.depth = setting.water.grid(canvas.x, canvas.y)
    if canvas.depth is None:
        return
    rng = rng_for(setting.seed, "shore")
    names = setting.some("shore", setting.climate.shore, 3)
    along = Waves(rng, 30, 400).grid(canvas.x, canvas.y)
    width = setting.water.shore * np.clip(0.7 + along * 0.5 + canvas.noise().of(3, 22) * 0.1, 0, 2)
    kind = np.clip((share(along) * len(names)).astype(int), 0, len(names) - 1)
    shores = np.array([canvas.add(setting.ground(name)) for name in names], np.uint16)
    np.copyto(canvas.index, shores[kind], where=-canvas.depth < width)
    canvas.detail[(canvas.depth > -1.2) & (-canvas.depth < width)] -= np.float32(0.13)  # wet ground is darker
    water = surface(1, (20, 30, 30), (20, 30, 30), 0.0, 0.0)  # its colours come from the depth
    wet = canvas.depth > 0
    canvas.water = canvas.add(water)
    canvas.index[wet] = canvas.water
    canvas.detail[wet] = 0


def _lines(canvas: Canvas, plan: Plan) -> None:
    for line, ends in plan.lines.items():
        near = ends[canvas.near(np.concatenate([ends.min(1), ends.max(1)], axis=1))]
        if len(near):
            wide = max(1, round(0.25 / canvas.pixel))
            cv2.polylines(canvas.index, list(canvas.fixed(near)), False, canvas.add(line), wide, cv2.LINE_8, SHIFT)
