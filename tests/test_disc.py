import numpy as np
import pytest

from smalti.disc import highest_within


def by_hand(values: np.ndarray, radius: int) -> np.ndarray:
    rows, cols = np.mgrid[: values.shape[0], : values.shape[1]]
    near = (rows.reshape(-1, 1) - rows.ravel()) ** 2 + (cols.reshape(-1, 1) - cols.ravel()) ** 2 <= radius**2
    return np.where(near, values.ravel(), 0).max(1).reshape(values.shape)


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 2), (13, 17)])
def test_the_highest_within_a_disc_by_hand(shape: tuple[int, int], radius: int) -> None:
    values = np.random.default_rng(radius).integers(0, 256, shape, np.uint8)
    before = values.copy()
    assert np.array_equal(highest_within(values, radius), by_hand(values, radius))
    assert np.array_equal(values, before)
