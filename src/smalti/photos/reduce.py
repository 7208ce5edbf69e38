"""A photo made smaller: the same picture whatever its number of rows, its turn and its exact size."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Picture


def reduced(photo: Picture, side: int) -> Picture:
    """A photo H,W,3 whose longer side is at most `side` pixels: areas are averaged, nothing is enlarged.

    Halves are fast, so they come first, as long as the last step still averages two pixels along a side: below that its
    blur depends on where each pixel falls. Of an odd side the last row is left out, which moves the rest by less than
    half a pixel of the answer.
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
