import cv2
import numpy as np
import pytest

from smalti.photos.overview import GREY, SIDE, overview


@pytest.mark.parametrize(
    ("height", "width", "rows", "cols"), [(1500, 3000, 128, 256), (900, 300, 256, 86), (5, 10, 128, 256)]
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


def test_a_row_less_does_not_move_the_edge_of_the_usual_aspects() -> None:
    for aspect in (3 / 2, 4 / 3, 16 / 9, 5 / 4, 1):
        photo = np.full((round(1200 / aspect), 1200, 3), 250, np.uint8)
        for less in (photo[:-1], photo[:, :-1], photo[1:, 1:]):
            np.testing.assert_array_equal(overview(less), overview(photo))


def smooth(height: int, width: int) -> np.ndarray:
    coarse = np.random.default_rng(3).integers(0, 255, (9, 12, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_photo_has_the_turned_picture(quarters: int) -> None:
    photo = smooth(601, 900)
    turned = overview(np.ascontiguousarray(np.rot90(photo, quarters))).astype(int)
    assert np.abs(turned - np.rot90(overview(photo).astype(int), quarters, (1, 2))).max() <= 2


@pytest.mark.parametrize("size", [(600, 900), (601, 900), (1200, 1801), (431, 640)])
def test_a_row_less_moves_the_picture_by_no_more_than_the_photo(size: tuple[int, int]) -> None:
    photo = smooth(*size)
    inside = np.s_[:, 100:156, 20:236]
    less, whole, moved = (overview(p)[inside].astype(float) for p in (photo[:-1], photo, np.roll(photo, 1, 0)))
    assert np.abs(less - whole).mean() < 0.8 * np.abs(moved - whole).mean()  # half a row
