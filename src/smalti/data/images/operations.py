"""Random operations on images, a small set after RandAugment (Cubuk et al., 2020).

Differs from the paper: brightness, contrast and colour are changed by `change_light` instead, inversion is left out,
and a magnitude of 1 is weaker. Images are H,W,3 uint8; geometric operations fill uncovered pixels with grey.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Picture

GREY = (124, 116, 104)
"""ImageNet's mean."""
VALUES = np.arange(256.0)
TURN, SHEAR, SHIFT, SHARPEN = 30.0, 0.3, 0.3, 0.9
"""At magnitude 1: degrees, shift of the last row / height, share of the side, share of the blurred image."""


def change_at_random(image: Picture, count: int, magnitude: float, rng: np.random.Generator) -> Picture:
    """Applies `count` operations drawn uniformly, each in a random direction."""
    for _ in range(count):
        operation = OPERATIONS[int(rng.integers(len(OPERATIONS)))]
        image = operation(image, magnitude if rng.random() < 0.5 else -magnitude)
    return image


def _same(image: Picture, amount: float) -> Picture:
    return image


def _turn(image: Picture, amount: float) -> Picture:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), TURN * amount, 1.0)
    return _warp(image, np.asarray(matrix, np.float64))


def _shear_rows(image: Picture, amount: float) -> Picture:
    slope = SHEAR * amount
    return _warp(image, np.array([[1, slope, -slope * image.shape[0] / 2], [0, 1, 0]]))


def _shear_columns(image: Picture, amount: float) -> Picture:
    slope = SHEAR * amount
    return _warp(image, np.array([[1, 0, 0], [slope, 1, -slope * image.shape[1] / 2]]))


def _shift_down(image: Picture, amount: float) -> Picture:
    return _warp(image, np.array([[1, 0, 0], [0, 1, SHIFT * amount * image.shape[0]]]))


def _shift_right(image: Picture, amount: float) -> Picture:
    return _warp(image, np.array([[1, 0, SHIFT * amount * image.shape[1]], [0, 1, 0]]))


def _stretch(image: Picture, amount: float) -> Picture:
    """Stretches each band from its minimum and maximum to 0 and 255."""
    low, high = image.min((0, 1)).astype(np.float64), image.max((0, 1)).astype(np.float64)
    return _mapped(image, (VALUES[:, None] - low) * 255 / np.maximum(high - low, 1))


def _equalize(image: Picture, amount: float) -> Picture:
    return np.asarray(cv2.merge([cv2.equalizeHist(band) for band in cv2.split(image)]), np.uint8)


def _posterize(image: Picture, amount: float) -> Picture:
    """Keeps 8 to 4 bits of each value."""
    step = 2 ** round(4 * abs(amount))
    return _mapped(image, VALUES // step * step)


def _solarize(image: Picture, amount: float) -> Picture:
    """Inverts the values at or above a threshold between 256 and 128."""
    threshold = 256 - round(128 * abs(amount))
    return _mapped(image, np.where(threshold <= VALUES, 255 - VALUES, VALUES))


def _sharpen(image: Picture, amount: float) -> Picture:
    strength = SHARPEN * amount
    return np.asarray(cv2.addWeighted(image, 1 + strength, cv2.blur(image, (3, 3)), -strength, 0), np.uint8)


def _mapped(image: Picture, table: NDArray[np.float64]) -> Picture:
    """Maps each value by a table (256), or (256, 3) for a table per band."""
    whole = np.clip(np.round(table), 0, 255).astype(np.uint8)
    return np.asarray(
        cv2.LUT(image, np.ascontiguousarray(np.broadcast_to(whole.reshape(1, 256, -1), (1, 256, 3)))), np.uint8
    )


def _warp(image: Picture, matrix: NDArray[np.float64]) -> Picture:
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=GREY), np.uint8)


OPERATIONS: tuple[Callable[[Picture, float], Picture], ...] = (
    _same,
    _turn,
    _shear_rows,
    _shear_columns,
    _shift_down,
    _shift_right,
    _stretch,
    _equalize,
    _posterize,
    _solarize,
    _sharpen,
)
