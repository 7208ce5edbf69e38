"""The same photo once more, as another program would have kept it: no better and no worse."""

import cv2
import numpy as np

from smalti.arrays import Picture

Rng = np.random.Generator

CUT = 3  # rows and columns that may be missing on each side
SMALLEST = 0.98  # of the sides
RESIZED = 0.75  # chance; a turn or a mirror needs no training, as a ranker sees a picture from all sides
METHODS = (cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)  # averages of areas blur most


def twin(photo: Picture, rng: Rng) -> Picture:
    """A photo H,W,3 without some rows and columns, most of the time mildly resized."""
    top, bottom, left, right = rng.integers(0, CUT + 1, 4)
    same = np.ascontiguousarray(photo[top : len(photo) - bottom, left : photo.shape[1] - right])
    if rng.random() >= RESIZED:
        return same
    factor, method = rng.uniform(SMALLEST, 1), METHODS[int(rng.integers(len(METHODS)))]
    return cv2.resize(same, None, fx=factor, fy=factor, interpolation=method).astype(np.uint8, copy=False)
