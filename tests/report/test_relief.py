import numpy as np
import pytest

from smalti.raster.palette import RAMP
from smalti.report.relief import DARKEST, RIGHT, TOO_HIGH, TOO_LOW, error_map, hillshade, limits, paint, relief


def test_slopes_to_the_north_west_are_bright_and_those_away_from_it_dark():
    row, col = np.mgrid[:9, :9].astype(np.float32)
    flat = hillshade(np.zeros((9, 9), np.float32), 1.0)
    assert flat == pytest.approx(np.sin(np.pi / 4))
    to_north_west = hillshade((row + col) / 3, 1.0)  # rises to the south-east, so that it faces the sun
    assert (to_north_west > flat).all() and (hillshade(-row - col, 1.0) < flat).all()
    assert hillshade(row - col, 1.0)[4, 4] == pytest.approx(hillshade(col - row, 1.0)[4, 4])  # both lie across


def test_brightness_is_that_of_lamberts_law():
    row, _ = np.mgrid[:9, :9].astype(np.float32)
    slope = 0.5  # rises to the south: the normal leans to the north
    normal = np.array([0, slope, 1]) / np.hypot(slope, 1)  # east, north, up
    sun = np.array([-0.5, 0.5, np.sqrt(0.5)])  # north-west, 45 degrees high
    assert hillshade(row * slope * 3, 3.0)[4, 4] == pytest.approx(normal @ sun)


def test_what_is_unknown_is_black():
    values = np.full((5, 5), 7, np.float32)
    values[2, 2] = np.nan
    picture = relief(values, 0, 7, 1.0)
    assert picture[2, 2].tolist() == [0, 0, 0] and (picture[0, 0] == picture[2, 1]).all()
    assert picture[0, 0].tolist() == list(RAMP[-1])  # level ground keeps its colour
    shaded = relief(-np.mgrid[:9, :9].sum(0).astype(np.float32) * 100, 0, 7, 1.0)
    assert shaded[4, 4].tolist() == pytest.approx([band * DARKEST for band in RAMP[0]], abs=1)


def test_colours_go_from_the_least_to_the_most():
    values = np.array([[-1, 0, 10, 99, np.nan]], np.float32)
    first, last = list(RAMP[0]), list(RAMP[-1])
    assert paint(values, 0, 10)[0].tolist() == [first, first, last, last, [0, 0, 0]]


def test_errors_are_blue_or_red():
    truth, answer = np.array([[5, 5, 5, np.nan]], np.float32), np.array([[5, 1, 9, 2]], np.float32)
    assert error_map(truth, answer, 2.0)[0].tolist() == [list(RIGHT), list(TOO_LOW), list(TOO_HIGH), [0, 0, 0]]


def test_limits_leave_out_what_is_extreme_and_unknown():
    values = np.append(np.linspace(0, 1, 1001, dtype=np.float32), [np.nan, 500])
    low, high = limits(values.astype(np.float32))
    assert (low, high) == pytest.approx((0.01, 0.99), abs=0.002)
    assert limits(np.full(3, np.nan, np.float32)) == (0, 1)
    least, most = limits(np.full(3, 4, np.float32))
    assert least == 4 and most > least


def test_a_single_row_is_shown():
    assert relief(np.ones((1, 4), np.float32), 0, 1, 1.0).shape == (1, 4, 3)
