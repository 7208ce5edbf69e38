"""A few photos that are quick to make."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Photo = NDArray[np.uint8]


def scene(seed: int = 0, height: int = 96, width: int = 128) -> Photo:
    """Boxes of many colours."""
    rng = np.random.default_rng(seed)
    photo = np.full((height, width, 3), 110, np.uint8)
    for _ in range(60):
        top, left = rng.integers(height), rng.integers(width)
        photo[top : top + rng.integers(3, 20), left : left + rng.integers(3, 20)] = rng.integers(30, 220, 3)
    return photo


def write(path: Path, photo: Photo) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), photo[:, :, ::-1])
    return path


def write_ranked(folder: Path, series: int, photos: int = 3, first: int = 0) -> Path:
    """FOLDER/SERIES/01.png, 02.png, ...: each one softer than the one before."""
    for number in range(first, first + series):
        for place in range(photos):
            soft = cv2.GaussianBlur(scene(number), (0, 0), 0.01 + 1.5 * place).astype(np.uint8)
            write(folder / f"s{number}" / f"{place + 1:02}.png", soft)
    return folder
