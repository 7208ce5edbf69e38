"""A second version of a photo, slightly cropped or resized, whose rank is the same."""

import cv2
import numpy as np
from numpy.random import Generator

from smalti.arrays import Picture

CUT = 3  # most rows and columns cropped on each side
SMALLEST = 0.98  # factor of the sides
RESIZED = 0.75  # probability; rotations and flips need no training, as a ranker averages over them
METHODS = (cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)  # area averages blur most


def twin(photo: Picture, rng: Generator) -> Picture:
    """A photo H,W,3 without some border rows and columns, usually slightly resized."""
    top, bottom, left, right = rng.integers(0, CUT + 1, 4)
    same = np.ascontiguousarray(photo[top : len(photo) - bottom, left : photo.shape[1] - right])
    if rng.random() >= RESIZED:
        return same
    factor, method = rng.uniform(SMALLEST, 1), METHODS[int(rng.integers(len(METHODS)))]
    return cv2.resize(same, None, fx=factor, fy=factor, interpolation=method).astype(np.uint8, copy=False)
