"""Weighted sums along both axes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from smalti.taps import Taps, squeeze, taps


def matrix(along: Taps, size: int) -> NDArray[np.float64]:
    """The weights (pixels, size) of all pixels of the source."""
    weights = np.zeros((len(along[0]), size))
    for pixel, (index, share) in enumerate(zip(*along, strict=True)):
        np.add.at(weights[pixel], index, share)
    return weights


@pytest.mark.parametrize(
    ("source", "target", "channels"),
    [
        ((300, 280), (450, 420), 3),  # several blocks, columns first
        ((400, 500), (170, 333), 5),  # several blocks, rows first
        ((90, 700), (200, 100), 1),  # larger along one axis, smaller along the other
        ((40, 30000), (61, 24000), 4),  # a row of each is more than a block
        ((3, 2), (1, 1), 3),
    ],
)
def test_sums_are_those_in_float64(source: tuple[int, int], target: tuple[int, int], channels: int) -> None:
    values = np.random.default_rng(5).integers(0, 256, (channels, *source)).astype(np.uint8)
    down, right = (taps(0, new, old / new, old) for old, new in zip(source, target, strict=True))
    found = squeeze(values, down, right)
    assert found.dtype == np.float32
    index, share = right
    expected = ((matrix(down, source[0]) @ values.astype(float))[..., index] * share).sum(axis=-1)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_large_integers_are_summed_in_the_kind_that_is_asked_for() -> None:
    values = np.full((1, 5, 5), 2**31 - 1, np.int32)
    found = squeeze(values, taps(0, 10, 0.5, 5), taps(0, 10, 0.5, 5), np.float64)
    assert (found == 2**31 - 1).all()


def test_a_window_is_as_in_the_whole() -> None:
    values = np.random.default_rng(6).random((2, 500, 400), np.float32)
    by = 500 / 777
    right = taps(0, 621, 400 / 621, 400)
    whole = squeeze(values, taps(0, 777, by, 500), right)
    np.testing.assert_array_equal(squeeze(values, taps(123, 600, by, 500), right), whole[:, 123:723])
