"""The weight of a scene's pixels: 1 inside, falling smoothly towards its border and towards clouds and holes in it.

Built of counts of valid pixels in squares, which are whole numbers: a pixel's weight does not depend on the window that
it is computed in, so that neighbouring tiles agree to the last bit.
"""

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats, Mask

_STEP = 16
FADE = 4 * _STEP
"""Pixels over which a weight rises from almost 0 to 1."""
_FULL = (2 * _STEP + 1) ** 4


def fade(valid: Mask) -> Floats:
    """The weights (H, W) of pixels whose validity is known (H + 2 FADE, W + 2 FADE); 0 where they are invalid.

    A valid pixel has a weight above 0: where no other scene is, it counts alone.
    """
    inner = valid[FADE:-FADE, FADE:-FADE]
    if valid.all():
        return np.ones(inner.shape, np.float32)
    if not inner.any():
        return np.zeros(inner.shape, np.float32)
    far = _sums(valid, 2 * _STEP) == (4 * _STEP + 1) ** 2
    count = _sums(_sums(far, _STEP), _STEP)
    return np.where(inner, (count + 1) / np.float32(_FULL + 1), np.float32(0))


def _sums(values: NDArray[np.generic], radius: int) -> NDArray[np.uint32]:
    """The sum over the square of that radius around each pixel that has a whole one; it must fit in 32 bits.

    The sums from the border on, whose differences it is, need not fit: what overflows in both cancels out.
    """
    side = 2 * radius + 1
    down = np.zeros((len(values) + 1, values.shape[1]), np.uint32)
    np.cumsum(values, axis=0, dtype=np.uint32, out=down[1:])
    down = down[side:] - down[:-side]
    right = np.zeros((len(down), down.shape[1] + 1), np.uint32)
    np.cumsum(down, axis=1, dtype=np.uint32, out=right[:, 1:])
    return np.asarray(right[:, side:] - right[:, :-side])
