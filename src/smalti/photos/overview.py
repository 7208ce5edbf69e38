"""The whole photo at the size a network looks at: aspect kept, the rest filled with grey."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 256
"""Side of the square in pixels."""
GREY = 128
"""What fills the square around the photo; the middle of a byte, so that it enters the network as nearly nothing."""


def overview(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photo H,W,3 (RGB) as 3,SIDE,SIDE: its longer side is SIDE, its middle in the middle."""
    photo: NDArray[Any] = np.ascontiguousarray(pixels)
    height, width = photo.shape[:2]
    factor = SIDE / max(height, width)
    rows, cols = (max(1, round(length * factor)) for length in (height, width))
    while photo.shape[0] >= 2 * rows and photo.shape[1] >= 2 * cols:  # halves are fast; other areas are not
        photo = cv2.resize(photo, (photo.shape[1] // 2, photo.shape[0] // 2), interpolation=cv2.INTER_AREA)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    square = np.full((SIDE, SIDE, 3), GREY, np.uint8)
    top, left = (SIDE - rows) // 2, (SIDE - cols) // 2
    square[top : top + rows, left : left + cols] = cv2.resize(photo, (cols, rows), interpolation=method)
    return np.ascontiguousarray(square.transpose(2, 0, 1))
