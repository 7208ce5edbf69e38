import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smalti.polygons.connected import connected

MAPS = arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.sampled_from([0, 1, 255]))


def flooded(classes: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Labels by filling one area after another: class by class, of each row by row."""
    labels, kinds = np.full(classes.shape, -1, np.int32), []
    for kind in np.unique(classes):
        for first in zip(*np.nonzero(classes == kind), strict=True):
            todo, number = [first], len(kinds)
            while todo:
                row, col = todo.pop()
                inside = 0 <= row < classes.shape[0] and 0 <= col < classes.shape[1]
                if inside and labels[row, col] < 0 and classes[row, col] == kind:
                    labels[row, col] = number
                    todo += [(row + 1, col), (row - 1, col), (row, col + 1), (row, col - 1)]
            kinds += [int(kind)] * int((labels == number).any())
    return labels, kinds


@given(MAPS)
def test_areas_are_those_that_filling_finds_in_the_same_order(classes: np.ndarray) -> None:
    labels, kinds = connected(classes)
    expected, of_expected = flooded(classes)
    assert labels.dtype == np.int32 and kinds.dtype == np.uint8
    assert np.array_equal(labels, expected) and kinds.tolist() == of_expected


def test_a_snake_through_all_rows_is_one_area() -> None:
    snake = np.zeros((201, 50), np.uint8)
    snake[::2] = 1
    snake[1::4, -1], snake[3::4, 0] = 1, 1
    labels, kinds = connected(snake)
    assert kinds.tolist() == [0] * 100 + [1] and (labels[snake == 1] == 100).all()
