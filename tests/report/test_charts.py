import math

import numpy as np
import pytest

from smalti.report.charts import MOST_POINTS, chart, matrix, short, thinned, ticks, training_charts


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.13, 0.87), (-3, 40), (0, 1e6), (2e-5, 3e-5)])
def test_ticks_are_few_round_and_enclose(low, high):
    found = ticks(low, high)
    assert found[0] <= low and found[-1] >= high and 4 <= len(found) <= 8
    assert all(len(f"{tick:.6g}") < 8 for tick in found)


def test_ticks_of_one_value():
    assert ticks(2, 2) == [2, 4] and ticks(0, 0) == [0, 1]


def test_a_chart_stays_inside_its_drawing():
    drawn = chart("x", {"a": [(0, 0.2), (10, 0.9), (20, math.nan)], "empty": [(1, math.nan)]})
    assert [line.name for line in drawn.lines] == ["a"]
    points = [tuple(map(float, point.split(","))) for point in drawn.lines[0].points.split()]
    assert all(52 <= x <= 544 and 14 <= y <= 226 for x, y in points) and points[0][1] > points[1][1]
    assert chart("x", {"a": []}) is None


def test_long_curves_are_thinned_to_means():
    points = [(float(i), float(i % 2)) for i in range(10 * MOST_POINTS)]
    assert len(thinned(points)) == MOST_POINTS and {y for _, y in thinned(points)} == {0.5}


def test_losses_and_scores_are_told_apart():
    records = {name: [(1.0, 1.0), (2.0, 0.5)] for name in ("train/loss", "loss_edge", "val miou", "lr")}
    drawn = training_charts(records)
    assert [[line.name for line in c.lines] for c in drawn] == [["train/loss", "loss_edge"], ["val miou"]]


def test_matrix_rows_are_shares_of_the_truth():
    m = matrix(np.array([[3, 1], [0, 0]]), ("a", "b"))
    assert [cell.share for cell in m.cells] == [0.75, 0.25, 0, 0]
    assert [cell.percent for cell in m.cells] == ["75.0", "25.0", "", ""]
    assert m.texts and not matrix(np.eye(40, dtype=np.int64), [f"class {k}" for k in range(40)]).texts


def test_short_counts():
    assert [short(n) for n in (0, 950, 12_345, 4_560_000, 2e9)] == ["0", "950", "12.3k", "4.56M", "2G"]
