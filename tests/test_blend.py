import math

import numpy as np
import pytest

from smalti.blend import Blender, axis_weights
from smalti.tiling import plan_tiles, spans

SIZES = [(1, 1), (5, 70), (32, 32), (33, 33), (57, 90), (90, 57)]


@pytest.mark.parametrize("overlap", [0, 5, 8, 20, 31])
@pytest.mark.parametrize("length", [1, 31, 32, 33, 60, 97])
def test_weights_are_above_zero_and_sum_to_one(length: int, overlap: int) -> None:
    parts = spans(length, 32, overlap)
    weights = axis_weights(parts, overlap)
    total = np.zeros(length)
    for part in parts:
        assert (weights[part.begin] > 0).all()
        total[part.begin : part.end] += weights[part.begin]
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize("overlap", [0, 4, 8, 20, 31])
@pytest.mark.parametrize("length", [5, 32, 60, 97, 131])
def test_weights_fall_as_the_square_of_a_sine_to_both_ends_of_a_part(length: int, overlap: int) -> None:
    def height(pixel: int, begin: int, end: int) -> float:
        """Before the division by the sum: a quarter of a wave over the pixels that may be shared."""
        steps = min(pixel - begin + 1, end - pixel, overlap + 1)
        return math.sin(math.radians(90 * steps / (overlap + 1))) ** 2

    parts = spans(length, 32, overlap)
    weights = axis_weights(parts, overlap)
    for part in parts:
        for pixel in range(part.begin, part.end):
            others = sum(height(pixel, p.begin, p.end) for p in parts if p.begin <= pixel < p.end)
            expected = height(pixel, part.begin, part.end) / others
            assert weights[part.begin][pixel - part.begin] == pytest.approx(expected, rel=1e-6)


def test_four_shared_pixels_pass_from_one_tile_to_the_next() -> None:
    first, second = axis_weights(spans(60, 32, 4), 4).values()
    degrees = (18, 36, 54, 72)
    assert second[:4] == pytest.approx([math.sin(math.radians(angle)) ** 2 for angle in degrees], rel=1e-6)
    assert first[-4:] == pytest.approx([math.cos(math.radians(angle)) ** 2 for angle in degrees], rel=1e-6)
    assert (first[:-4] == 1).all() and (second[4:] == 1).all()


@pytest.mark.parametrize("overlap", [0, 8, 20])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_blends_as_the_plain_weighted_mean_over_the_whole_scene(height: int, width: int, overlap: int) -> None:
    rng = np.random.default_rng(height * 100 + width)
    rows, cols = (axis_weights(spans(n, 32, overlap), overlap) for n in (height, width))
    total = np.zeros((2, height, width))
    weight = np.zeros((height, width))
    got = np.full((2, height, width), np.nan, np.float32)
    blender = Blender(height, width, 32, overlap, channels=2)
    for tile in plan_tiles(height, width, 32, overlap):
        answer = rng.random((2, 32, 32), np.float32)
        w = np.outer(rows[tile.keep.row], cols[tile.keep.col])
        total[:, *tile.keep.slices()] += answer[:, *tile.keep.within(tile.read)] * w
        weight[tile.keep.slices()] += w
        got[:, *tile.done.slices()] = blender.add(tile, answer)
    np.testing.assert_allclose(got, total / weight, atol=1e-6)


def test_a_constant_answer_comes_back_exactly_inside_tiles_and_closely_between() -> None:
    blender = Blender(100, 100, 32, 8, channels=1)
    for tile in plan_tiles(100, 100, 32, 8):
        blended = blender.add(tile, np.full((1, 32, 32), 0.7, np.float32))
        np.testing.assert_allclose(blended, 0.7, rtol=3e-7)


def test_a_tile_without_an_answer_counts_as_zero() -> None:
    blender = Blender(32, 56, 32, 8, channels=1)
    first, second = plan_tiles(32, 56, 32, 8)
    blender.add(first, np.ones((1, 32, 32), np.float32))
    blended = blender.add(second, None)
    assert blended.shape == (1, 32, 32)
    assert (blended[..., 8:] == 0).all()
    assert (blended[..., :8] > 0).all()


def test_what_is_kept_open_does_not_grow_with_the_height() -> None:
    def held(height: int, width: int) -> int:
        blender = Blender(height, width, 32, 8, channels=5)
        return sum(v.nbytes for v in vars(blender).values() if isinstance(v, np.ndarray))

    assert held(100, 300) == held(100_000, 300) == 5 * 8 * 300 * 4
    assert held(32, 300) == held(1, 300) == 0  # one row of tiles shares nothing with another
