"""Leaning of what is high, on a canvas with one block."""

import numpy as np

from smalti.synth.world.canvas import Canvas, blank
from smalti.synth.world.layout import layout_of
from smalti.synth.world.light import shadows
from smalti.synth.world.sensor import PAD
from smalti.synth.world.setting import Setting
from smalti.synth.world.view import look

HEIGHT = 12.0


def leaning() -> Setting:
    """The setting of a seed whose sensor looks well off nadir."""
    settings = (layout_of(seed, "temperate", "satellite").setting for seed in range(40))
    return next(setting for setting in settings if np.hypot(*setting.sensor.lean) > 0.15)


def with_block(setting: Setting) -> tuple[Canvas, np.ndarray]:
    canvas = blank(0, 0, setting, (0.0, 0.0))
    rows, cols = canvas.seen()
    middle = np.s_[rows.start + 290 : rows.start + 310, cols.start + 290 : cols.start + 310]
    canvas.height[middle] = HEIGHT
    return canvas, np.where(canvas.height[rows, cols] > 0, 2, 0).astype(np.uint8)


def test_a_roof_moves_with_its_height_and_shows_a_wall() -> None:
    setting = leaning()
    canvas, labels = with_block(setting)
    view = look(canvas, labels)
    lean = (canvas.seen()[0].stop - canvas.seen()[0].start - (512 + 2 * PAD)) // 2
    roof = (view.height == HEIGHT) & ~view.wall
    moved = np.argwhere(roof).mean(0) - (299.5 - lean)
    expected = np.array(setting.sensor.lean)[::-1] * HEIGHT / setting.sensor.pixel
    assert np.abs(moved - expected).max() < 1.5
    assert roof.sum() == 400
    walls = view.height[view.wall]
    assert len(walls) > 20 and walls.min() > 0 and walls.max() < HEIGHT


def test_labels_and_heights_follow_the_view() -> None:
    canvas, labels = with_block(leaning())
    view = look(canvas, labels)
    assert ((labels.ravel()[view.source] == 2) == (view.height > 0)).all()


def test_shadows_fall_away_from_the_sun() -> None:
    setting = leaning()
    canvas, _ = with_block(setting)
    rows, cols = canvas.seen()
    dark = np.argwhere(shadows(canvas) < 0.5) - (rows.start + 300, cols.start + 300)
    towards_sun = dark @ np.array(setting.sun)[::-1]
    assert len(dark) > 50 and towards_sun.max() < 16
    assert abs(-towards_sun.min() - HEIGHT / setting.slope / setting.sensor.pixel) < 16
