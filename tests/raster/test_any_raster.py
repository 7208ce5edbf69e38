"""What holds for the polygons of any class map."""

from collections.abc import Iterator

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS

from smalti.polygons.areas import pixel_areas
from smalti.polygons.connected import connected
from smalti.polygons.rules import Rules
from smalti.polygons.vectorize import complete_areas
from smalti.raster.grid import Grid

LABELS = 3
PLANE = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]')
DEGREES = CRS.from_epsg(4326)


def strips(classes: NDArray[np.uint8], rows: int) -> Iterator[NDArray[np.uint8]]:
    return (classes[row : row + rows] for row in range(0, len(classes), rows))


def rules_of(classes: NDArray[np.uint8], least: float, tolerance: float, crs: CRS = PLANE) -> Rules:
    step = 1.0 if crs == PLANE else 1.0 / max(classes.shape)  # from the equator to 1 degree north
    grid = Grid(*classes.shape, Affine(step, 0, 1, 0, -step, 1), crs)
    ground = pixel_areas(grid)
    assert ground is not None
    if crs == DEGREES:
        least *= ground.largest
    return Rules(LABELS, tolerance, least, ground)


def polygons_of(classes: NDArray[np.uint8], rows: int, rules: Rules) -> tuple[NDArray[np.object_], NDArray[np.uint8]]:
    found = list(complete_areas(strips(classes, rows), rules))
    return np.concatenate([f.polygons for f in found]), np.concatenate([f.classes for f in found])


@st.composite
def rasters(draw: st.DrawFn) -> NDArray[np.uint8]:
    """Speckle, blobs and stripes of three classes and two ids of no data, in any share."""
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    coarse = draw(st.sampled_from([(1, 1), (1, 3), (4, 4), (24, 2), (2, 24)]))
    shape = (-(-height // coarse[0]), -(-width // coarse[1]))
    share = draw(st.sampled_from([0.0, 0.1, 0.4]))
    kinds = rng.choice([0, 1, 2, 255, 7], shape, p=[*[(1 - share) / 3] * 3, share / 2, share / 2])
    classes = kinds.repeat(coarse[0], 0).repeat(coarse[1], 1)[:height, :width].astype(np.uint8)
    speckle = rng.random(classes.shape) < draw(st.sampled_from([0.0, 0.2]))
    return np.where(speckle, rng.integers(0, LABELS, classes.shape), classes).astype(np.uint8)


def assert_right(classes: NDArray[np.uint8], rows: int, rules: Rules) -> None:
    shapes, kinds = polygons_of(classes, rows, rules)
    valid = classes < LABELS
    assert shapely.area(shapes).sum() == valid.sum()
    assert shapely.is_valid(shapes).all() and shapely.coverage_is_valid(shapes)
    assert set(kinds.tolist()) <= set(classes[valid].tolist())
    everywhere = trace_of(valid)
    assert shapely.equals(shapely.union_all(shapes), shapely.union_all(everywhere))
    below = rules.measure(shapes) < rules.least_m2 * (1 - 1e-9)
    islands = {shape.normalize().wkt for shape in everywhere}
    assert all(shape.simplify(0).normalize().wkt in islands for shape in shapes[below])


def trace_of(valid: NDArray[np.bool_]) -> NDArray[np.object_]:
    """The outlines of what is connected by sides, by another way."""
    labels, kinds = connected(valid.astype(np.uint8))
    rows, cols = np.nonzero(valid)
    squares = shapely.box(cols, rows, cols + 1, rows + 1)
    of = labels[rows, cols]
    return np.array([shapely.union_all(squares[of == k]).simplify(0) for k in np.flatnonzero(kinds)], object)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    classes=rasters(),
    rows=st.sampled_from([1, 2, 5, 100]),
    least=st.sampled_from([0.0, 2.0, 5.0, 12.0, 60.0, 1e6]),
    tolerance=st.sampled_from([0.0, 1.0, 2.0, 6.0]),
    crs=st.sampled_from([PLANE, DEGREES]),
)
def test_nothing_is_lost_and_limits_hold(
    classes: NDArray[np.uint8], rows: int, least: float, tolerance: float, crs: CRS
) -> None:
    assert_right(classes, rows, rules_of(classes, least, tolerance, crs))


@pytest.mark.parametrize("rows", [100, 3])
def test_a_scene_below_the_limit_is_one_polygon(rows: int) -> None:
    classes = np.random.default_rng(0).integers(0, LABELS, (12, 15)).astype(np.uint8)
    shapes, _ = polygons_of(classes, rows, rules_of(classes, 1e9, 2.0))
    assert len(shapes) == 1 and shapes[0].equals(shapely.box(0, 0, 15, 12))


def test_corners_do_not_connect() -> None:
    classes = np.array([[1, 1, 255], [1, 1, 255], [255, 255, 1]], np.uint8)
    shapes, _ = polygons_of(classes, 10, rules_of(classes, 3, 2.0))
    assert sorted(shapely.area(shapes)) == [1, 4]


def test_the_smallest_goes_first_and_along_its_longest_border() -> None:
    classes = np.zeros((10, 10), np.uint8)
    classes[:, 5:] = 1
    classes[4:6, 3:5] = 2  # 4 pixels: 6 sides along class 0, 2 along class 1
    classes[4, 6] = 2
    shapes, kinds = polygons_of(classes, 10, rules_of(classes, 5, 0.0))
    assert dict(zip(kinds.tolist(), shapely.area(shapes).tolist(), strict=True)) == {0: 50, 1: 50}


@pytest.mark.parametrize("rows", [60, 4])
def test_long_areas_wait_for_their_end(rows: int) -> None:
    """A thin line down many strips is not small, though it is in each of them."""
    classes = np.zeros((60, 9), np.uint8)
    classes[:, 4] = 1
    shapes, kinds = polygons_of(classes, rows, rules_of(classes, 50, 0.0))
    assert sorted(kinds.tolist()) == [0, 0, 1] and shapely.area(shapes).sum() == classes.size


def test_rows_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.polygons.merge._WAITING", 3)
    classes = np.zeros((60, 9), np.uint8)
    classes[:, 4] = 1
    assert_right(classes, 2, rules_of(classes, 100, 0.0))
    assert_right(classes, 2, rules_of(classes, 1e6, 2.0))


def test_simplification_keeps_the_limit() -> None:
    """A cross of 5 pixels would be a square of 2 square metres."""
    classes = np.zeros((9, 9), np.uint8)
    classes[3:6, 4] = classes[4, 3:6] = 1
    free, _ = polygons_of(classes, 10, rules_of(classes, 0, 3.0))
    kept, _ = polygons_of(classes, 10, rules_of(classes, 5, 3.0))
    assert shapely.area(free).min() < 5 and shapely.area(kept).min() == 5


def test_mixed_noise_needs_few_rounds() -> None:
    classes = np.random.default_rng(1).integers(0, LABELS, (300, 300)).astype(np.uint8)
    shapes, _ = polygons_of(classes, 100, rules_of(classes, 40, 2.0))
    assert shapely.area(shapes).sum() == classes.size and shapely.area(shapes).min() >= 40
