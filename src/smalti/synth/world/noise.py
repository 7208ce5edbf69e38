"""Texture noise by size in metres, cut from periodic squares whose bumps are measured in pixels."""

from functools import lru_cache

import cv2
import numpy as np

from smalti.arrays import Floats
from smalti.synth.seeds import rng_for

STEPS = (1, 2, 4, 8, 16, 32, 64, 128)
"""Widths of the bumps of each square, pixels."""
SIDES = (736, 752, 784, 816, 848, 896, 1024, 1152)
"""Sides of the squares, different, so that sums of them hardly repeat."""


@lru_cache(maxsize=1)
def _squares() -> list[Floats]:
    """Periodic squares of mean 0 and standard deviation 1, one for each step."""
    rng = rng_for(0, "world noise")
    return [_square(rng, side, step) for side, step in zip(SIDES, STEPS, strict=True)]


def _square(rng: np.random.Generator, side: int, step: int) -> Floats:
    n = side // step
    grid = np.pad(rng.standard_normal((n, n), dtype=np.float32), 4, mode="wrap")
    big = (n + 8) * step
    wide = cv2.resize(grid, (big, big), interpolation=cv2.INTER_CUBIC) if step > 1 else grid
    cut = wide[4 * step : 4 * step + side, 4 * step : 4 * step + side]
    square: Floats = ((cut - cut.mean()) / cut.std()).astype(np.float32)
    return square


class Noise:
    """Noise on one piece of the world."""

    def __init__(self, row: int, col: int, height: int, width: int, pixel: float) -> None:
        self._row, self._col, self._shape, self._pixel = row, col, (height, width), pixel

    def of(self, size: float, salt: int = 0) -> Floats:
        """Bumps about `size` metres wide, (height, width); weaker where they are smaller than a pixel.

        `salt` shifts the square, so that two kinds of noise of one size are independent.
        """
        step = size / self._pixel
        return self._cut(step, salt) * np.float32(min(step, 1.0))

    def white(self, salt: int) -> Floats:
        """Independent pixels, (height, width)."""
        return self._cut(1, salt)

    def _cut(self, step: float, salt: int) -> Floats:
        at = int(np.clip(np.rint(np.log2(max(step, 0.01))), 0, len(STEPS) - 1))
        side = SIDES[at]
        rows = (np.arange(self._shape[0]) + (self._row + salt * 311)) % side
        cols = (np.arange(self._shape[1]) + (self._col + salt * 173)) % side
        cut: Floats = _squares()[at][np.ix_(rows, cols)]
        return cut
