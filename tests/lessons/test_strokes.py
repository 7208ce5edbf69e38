import numpy as np
import pytest
import shapely

from smalti.lessons.strokes import draw


@pytest.mark.parametrize("top", [0.2, 2.5, 3.5])
def test_a_polygon_narrower_than_a_cell_is_not_lost(top: float) -> None:
    """However it lies between the centres of the cells."""
    thin = shapely.box(4, top, 40, top + 1.2)
    assert (draw([thin], (0, 0), 4, (8, 12))[:2].any(axis=0) == ([False] + [True] * 9 + [False] * 2)).all()


def test_a_wide_polygon_covers_the_cells_whose_centre_it_contains() -> None:
    drawn = draw([shapely.box(3, 3, 15, 15)], (0, 0), 4, (8, 8))
    expected = np.zeros((8, 8), np.int32)
    expected[1:4, 1:4] = 1
    assert (drawn == expected).all()
