"""Covered fractions of pixels against the areas of intersections, and against exactextract where it is installed."""

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from smalti.tiling import Window
from smalti.zones.coverage import coverage

HEIGHT, WIDTH = 9, 11
WHOLE = Window(0, 0, HEIGHT, WIDTH)


def edges(shape: Any) -> NDArray[np.float64]:
    """The edges of all rings, outlines clockwise as seen with y upwards."""
    rings = shapely.get_rings(shapely.get_parts(shapely.orient_polygons(shape, exterior_cw=True)))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    return np.hstack((points[:-1], points[1:]))[ring[1:] == ring[:-1]]


def by_intersection(shape: Any, window: Window = WHOLE) -> NDArray[np.float64]:
    cols, rows = np.meshgrid(np.arange(window.col, window.right), np.arange(window.row, window.bottom))
    found: NDArray[np.float64] = shapely.area(shapely.intersection(shape, shapely.box(cols, rows, cols + 1, rows + 1)))
    return found


SHAPES = {
    "a square on whole pixels": shapely.box(2, 3, 7, 5),
    "a square between pixels": shapely.box(2.25, 3.5, 7.75, 5.125),
    "within one pixel": shapely.Point(4.5, 4.5).buffer(0.3),
    "a hole": shapely.box(1, 1, 8, 8) - shapely.Point(4.2, 4.7).buffer(2.1),
    "parts": shapely.union(shapely.box(0.5, 0.5, 2.5, 3), shapely.Point(8, 6).buffer(1.7)),
    "larger than the map": shapely.box(-1e6, -1e6, 1e6, 1e6),
    "beyond every side": shapely.Polygon([(-1e5, 4), (5, -30), (1e5, 6), (5, 2e3)]),
    "nearly level": shapely.Polygon([(-5e4, 3.3), (5e4, 3.300001), (5e4, 6.1), (-5e4, 6.2)]),
    "left of the map": shapely.box(-9, 1, -2, 7),
    "right of the map": shapely.box(WIDTH, 1, WIDTH + 4, 7),
    "along the border": shapely.box(0, 0, WIDTH, HEIGHT),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_fractions_are_those_of_intersections(shape: Any) -> None:
    assert np.abs(coverage(edges(shape), WHOLE) - by_intersection(shape)).max() < 1e-9


def test_whole_and_untouched_pixels_are_1_and_0() -> None:
    found = coverage(edges(shapely.box(2 + 1e-12, 3, 7, 5 - 1e-12)), WHOLE)
    assert found.sum() == 10 and set(np.unique(found)) == {0, 1}


@settings(max_examples=60, deadline=None)
@given(
    points=st.lists(st.tuples(st.integers(-12, 60), st.integers(-12, 60)), min_size=3, max_size=9),
    finer=st.sampled_from([1.0, 4.0, 3.7]),
    cut=st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1)),
)
def test_any_polygon_in_any_window(points: list[tuple[int, int]], finer: float, cut: tuple[int, int]) -> None:
    shape = shapely.make_valid(shapely.Polygon(np.array(points) / finer), method="structure", keep_collapsed=False)
    if shape.is_empty:
        return
    window = Window(cut[0], cut[1], HEIGHT - cut[0], WIDTH - cut[1])
    found = coverage(edges(shape), window)
    assert np.abs(found - by_intersection(shape, window)).max() < 1e-7
    assert np.array_equal(found, coverage(edges(shape), WHOLE)[window.slices()]) or np.allclose(
        found, coverage(edges(shape), WHOLE)[window.slices()], atol=1e-9
    )
