"""Shrinks photos so that the result hardly depends on the rotation and the exact size."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Picture


def reduced(photo: Picture, side: int) -> Picture:
    """Shrinks a photo until its longer side is at most `side` pixels: areas are averaged, nothing is enlarged.

    Halving is fast, so it comes first, as long as the last step still averages two pixels along a side: below that its
    blur depends on the position of each pixel. The last row of an odd side is dropped, which moves the rest by less
    than half a pixel of the result.

    Args:
        photo: H,W,3 uint8.
        side: pixels.
    """
    small: NDArray[Any] = np.ascontiguousarray(photo)
    while max(small.shape) >= 4 * side and min(small.shape[:2]) >= 2:
        height, width = small.shape[0] // 2, small.shape[1] // 2
        small = cv2.resize(small[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    factor = side / max(small.shape)
    if factor < 1:
        rows, cols = (max(1, round(length * factor)) for length in small.shape[:2])
        small = cv2.resize(small, (cols, rows), interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)
