import numpy as np
import pytest

from smalti.photos.overview import GREY, SIDE, overview


@pytest.mark.parametrize(
    ("height", "width", "rows", "cols"), [(1500, 3000, 128, 256), (900, 300, 256, 85), (5, 10, 128, 256)]
)
def test_the_aspect_is_kept_and_the_rest_is_grey(height: int, width: int, rows: int, cols: int) -> None:
    square = overview(np.full((height, width, 3), (250, 10, 60), np.uint8))
    assert square.shape == (3, SIDE, SIDE) and square.dtype == np.uint8
    inside = (square != GREY).all(0)
    assert inside.sum() == rows * cols
    top, left = (SIDE - rows) // 2, (SIDE - cols) // 2
    assert inside[top : top + rows, left : left + cols].all()
    np.testing.assert_array_equal(square[:, SIDE // 2, SIDE // 2], (250, 10, 60))


def test_fine_patterns_are_averaged_not_sampled() -> None:
    stripes = np.zeros((1024, 1024, 3), np.uint8)
    stripes[:, ::2] = 200
    np.testing.assert_allclose(overview(stripes).astype(float), 100, atol=1)
