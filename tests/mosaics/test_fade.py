import numpy as np
import pytest

from smalti.mosaics.fade import FADE, fade


def test_a_weight_rises_smoothly_from_the_border_of_a_scene() -> None:
    valid = np.zeros((2 * FADE + 4, 6 * FADE), bool)
    valid[:, 2 * FADE :] = True  # within the margin above and below too
    weights = fade(valid)
    assert weights.shape == (4, 4 * FADE)
    row = weights[0]
    assert (row[:FADE] == 0).all()
    assert 0 < row[FADE] < 1e-3
    assert row[FADE + FADE // 2] == pytest.approx(0.5, abs=0.02)
    assert (row[2 * FADE :] == 1).all()
    steps = np.diff(row[FADE:])
    assert (steps >= 0).all() and steps.max() < 0.04


def test_holes_and_clouds_fade_as_borders_do() -> None:
    valid = np.ones((4 * FADE + 1, 4 * FADE + 1), bool)
    valid[2 * FADE, 2 * FADE] = False
    weights = fade(valid)
    assert weights[FADE, FADE] == 0
    assert 0 < weights[FADE, FADE + 1] < 0.2
    assert (weights[0] > 0.9).all()


def test_a_weight_does_not_depend_on_the_window() -> None:
    valid = np.random.default_rng(1).random((400, 420)) > 0.001
    whole = fade(valid)
    part = fade(valid[50:300, 70:390])
    assert np.array_equal(part, whole[50 : 50 + part.shape[0], 70 : 70 + part.shape[1]])


def test_nothing_valid_weighs_nothing() -> None:
    assert not fade(np.zeros((2 * FADE + 3, 2 * FADE + 3), bool)).any()
