"""The same photo once more, as another program would have kept it: no better and no worse."""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # H,W,3
Rng = np.random.Generator

CUT = 3  # rows and columns that may be missing on each side
SMALLEST = 0.97  # of the sides
METHODS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def twin(photo: Pixels, rng: Rng) -> Pixels:
    """A photo H,W,3 without some rows and columns, half of the time resized mildly, turned or mirrored."""
    top, bottom, left, right = rng.integers(0, CUT + 1, 4)
    same = photo[top : len(photo) - bottom, left : photo.shape[1] - right]
    factor, method = rng.uniform(SMALLEST, 1), int(rng.choice(METHODS))
    if rng.random() < 0.5:
        same = cv2.resize(same, None, fx=factor, fy=factor, interpolation=method).astype(np.uint8, copy=False)
    same = np.rot90(same, int(rng.integers(4)))
    return np.ascontiguousarray(same[:, ::-1] if rng.random() < 0.5 else same)
