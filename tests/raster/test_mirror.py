import numpy as np
import pytest

from smalti.raster.mirror import mirrored, source
from smalti.tiling import Window


@pytest.mark.parametrize(("start", "length", "size"), [(-3, 9, 4), (0, 4, 4), (-20, 50, 3), (2, 30, 7), (-2, 5, 2)])
def test_mirrored_equals_numpy_reflection(start: int, length: int, size: int) -> None:
    pad = 60
    expected = np.pad(np.arange(size), pad, mode="reflect")[pad + start : pad + start + length]
    assert np.array_equal(mirrored(start, length, size), expected)


def test_one_pixel_fills_everything() -> None:
    assert not mirrored(-5, 12, 1).any()


def test_source_reads_only_what_is_needed() -> None:
    cut, rows, cols = source(Window(-2, 95, 4, 10), 100, 100)
    assert cut == Window(0, 94, 3, 6)
    assert rows.tolist() == [2, 1, 0, 1]
    assert cols.tolist() == [1, 2, 3, 4, 5, 4, 3, 2, 1, 0]
