"""A photo as a few blocks, with the detail and brightness of each; used to detect focus stacks."""

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 12
"""Number of blocks along each side."""
LARGEST = 2048  # pixels of the longer side; detail finer than at this size is often noise
FLOOR = 0.5  # grey levels of detail; anything below is noise


def measure(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Detail and brightness of each block of a photo.

    Args:
        photo: H,W,3 (RGB).

    Returns:
        (2, SIDE, SIDE): log2 of the detail in grey levels, and the mean brightness from 0 to 255.
    """
    small = photo
    while max(small.shape[:2]) > LARGEST:
        size = max(1, small.shape[1] // 2), max(1, small.shape[0] // 2)
        small = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.uint8)
    grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    detail = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    return np.stack([np.log2(_block_means(detail) + FLOOR), _block_means(grey.astype(np.float32))]).astype(np.float32)


def _block_means(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(cv2.resize(values, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
