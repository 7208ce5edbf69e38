import numpy as np
import pytest

from smalti.mapping.glance import SIDE, WINDOWS, narrow_range, windows_over
from smalti.raster.array import ArrayReader
from smalti.raster.grid import Grid


@pytest.mark.parametrize(("height", "width"), [(1, 1), (192, 192), (200, 5000), (4000, 4000), (90, 9000)])
def test_windows_lie_within_a_scene_from_end_to_end(height: int, width: int) -> None:
    windows = windows_over(Grid(height, width))
    assert 1 <= len(windows) <= WINDOWS
    assert all(w.bottom <= height and w.right <= width and w.height == w.width <= SIDE for w in windows)
    assert (windows[0].row, windows[0].col) == (0, 0)
    assert height <= SIDE or len(windows) == 1 or windows[-1].bottom == height or windows[-1].right == width


def scene(low: int, high: int, bands: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high + 1, (bands, 700, 500), np.uint8)


@pytest.mark.parametrize(
    ("low", "high", "narrow"), [(20, 100, True), (120, 200, True), (20, 180, False), (0, 255, False)]
)
def test_few_values_are_a_narrow_range(low: int, high: int, narrow: bool) -> None:
    found = narrow_range(ArrayReader(scene(low, high)))
    assert (found is not None) == narrow
    if found:
        assert abs(found[0] - low) <= 2 and abs(found[1] - high) <= 2


def test_black_and_invalid_pixels_and_a_few_bright_ones_do_not_count() -> None:
    pixels = scene(60, 120)
    pixels[:, :300] = 0
    pixels[:, 300:320, :20] = 255
    valid = np.ones(pixels.shape[1:], bool)
    valid[600:] = False
    pixels[:, 600:] = 255
    assert narrow_range(ArrayReader(pixels, valid=valid)) == (60, 120)
    assert narrow_range(ArrayReader(np.zeros_like(pixels))) is None
    assert narrow_range(ArrayReader(pixels.astype(np.uint16))) is None


def test_bands_of_different_light_are_seen_together() -> None:
    pixels = np.concatenate([scene(10, 60, 1), scene(90, 150, 1)])
    assert narrow_range(ArrayReader(pixels)) is None
