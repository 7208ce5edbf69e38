"""Neighbourhoods within a disc of pixels: the highest value around each pixel."""

import math

import numpy as np
from numpy.typing import NDArray


def highest_within(values: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """The highest of the values (H, W) at most `radius` pixels away from each pixel; nothing counts beyond the border.

    A disc is a stack of runs, and the highest of a longer run follows from that of a shorter one.
    """
    height, width = values.shape
    highest, along, reach = values.copy(), values.copy(), 0
    for row in range(min(radius, height - 1), -1, -1):  # from the shortest run, that of the disc's last row
        half = min(math.isqrt(radius**2 - row**2), width - 1)
        while reach < half:
            reach += 1
            np.maximum(along[:, reach:], values[:, : width - reach], out=along[:, reach:])
            np.maximum(along[:, : width - reach], values[:, reach:], out=along[:, : width - reach])
        np.maximum(highest[row:], along[: height - row], out=highest[row:])
        np.maximum(highest[: height - row], along[row:], out=highest[: height - row])
    return highest
