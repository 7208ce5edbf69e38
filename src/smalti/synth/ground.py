"""Paints the ground: patches in the order of their levels, furrows of fields, thin lines."""

from collections.abc import Sequence

import cv2
import numpy as np

from smalti.synth.canvas import SHIFT, SIZE, Canvas
from smalti.synth.plan import ON_ROAD, Patch, Plan


def paint_ground(canvas: Canvas, plans: Sequence[Plan]) -> None:
    """Paints all patches and lines of the plans, in the order of their levels across all blocks."""
    patches = [plan.patches[k] for plan in plans for k in canvas.near(plan.patch_boxes)]
    patches.sort(key=lambda p: p.level)
    for patch in patches:
        if patch.level < ON_ROAD:
            _fill(canvas, patch)
    for plan in plans:
        _lines(canvas, plan)
    for patch in patches:
        if patch.level >= ON_ROAD:
            _fill(canvas, patch)
    for patch in patches:
        if patch.rows:
            _furrows(canvas, patch)


def _fill(canvas: Canvas, patch: Patch) -> None:
    corners = canvas.fixed(patch.points)
    cv2.fillPoly(canvas.index, [corners], int(patch.material), cv2.LINE_8, SHIFT)


def _furrows(canvas: Canvas, patch: Patch) -> None:
    """Paints waves across a field, on the pixels that still have its material."""
    assert patch.rows is not None
    left, top = np.maximum(np.floor(patch.points.min(0)).astype(int) - (canvas.col, canvas.row), 0)
    right, bottom = np.minimum(np.ceil(patch.points.max(0)).astype(int) - (canvas.col, canvas.row), SIZE)
    if right <= left or bottom <= top:
        return
    x = (np.arange(left, right) + canvas.col).astype(np.float64)
    y = (np.arange(top, bottom) + canvas.row).astype(np.float64)
    turn = 2 * np.pi / patch.rows.period
    ax, ay = -np.sin(patch.rows.angle) * turn, np.cos(patch.rows.angle) * turn
    wave = np.outer(np.sin(y * ay), np.cos(x * ax)) + np.outer(np.cos(y * ay), np.sin(x * ax))
    inside = np.zeros(wave.shape, np.uint8)
    corners = canvas.fixed(patch.points) - np.array([left, top], np.int32) * (1 << SHIFT)
    cv2.fillPoly(inside, [corners], 1, cv2.LINE_8, SHIFT)
    here = np.s_[top:bottom, left:right]
    seen = (inside > 0) & (canvas.index[here] == patch.material)
    np.copyto(canvas.detail[here], (wave * patch.rows.strength).astype(np.float32), where=seen)


def _lines(canvas: Canvas, plan: Plan) -> None:
    for material, ends in plan.lines.items():
        boxes = np.concatenate([ends.min(1), ends.max(1)], axis=1)
        near = ends[canvas.near(boxes)]
        if len(near):
            cv2.polylines(canvas.index, list(canvas.fixed(near)), False, int(material), 1, cv2.LINE_8, SHIFT)
