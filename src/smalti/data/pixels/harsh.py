"""Changes that make a window unlike those of a training: other bands, colours, sensors and pixel sizes.

A net is wrong in much of what they make, as in places that it does not know. In the manner of Deng and Zheng, 2021,
"Are Labels Always Necessary for Classifier Accuracy Evaluation?": there whole datasets are changed to learn how far a
net can be trusted, here single windows.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats
from smalti.card import Card
from smalti.data.pixels.colours import by_bands, to_white
from smalti.data.pixels.sample import Patch

Rng = np.random.Generator
MOST_ZOOM, LEAST_ZOOM = 6.0, 2.5
"""Pixels are this many times too fine or too coarse."""


def harsh(patch: Patch, card: Card, rng: Rng) -> Patch:
    """The window after one of the changes, drawn at random; its labels stay, or are zoomed alike."""
    kind = int(rng.integers(len(COLOURS) + 1))
    if kind == len(COLOURS):
        return _zoomed(patch, rng)
    white = 1 / to_white(card)
    changed = np.clip(COLOURS[kind](patch.image.astype(np.float32) / np.float32(white), rng), 0, 1)
    return replace(patch, image=(changed * np.float32(white)).astype(np.float32))


def _other_bands(x: Floats, rng: Rng) -> Floats:
    """The bands in another order: as if blue were red, or infrared."""
    return x[..., np.roll(np.arange(x.shape[2])[:: int(rng.choice([-1, 1]))], int(rng.integers(1, x.shape[2] + 1)))]


def _mean(x: Floats) -> Floats:
    """The mean of the bands, (H, W, 1)."""
    mean: Floats = x.mean(axis=2, keepdims=True)
    return mean


def _grey(x: Floats, rng: Rng) -> Floats:
    return np.repeat(_mean(x), x.shape[2], axis=2)


def _tint(x: Floats, rng: Rng) -> Floats:
    factors: Floats = np.asarray(rng.uniform(0.4, 1.5, x.shape[2]), np.float32)
    return x * factors


def _haze(x: Floats, rng: Rng) -> Floats:
    share = np.float32(rng.uniform(0.3, 0.7))
    return x * (1 - share) + share * np.float32(rng.uniform(0.55, 0.85))


def _gamma(x: Floats, rng: Rng) -> Floats:
    exponent = math.exp(float(rng.choice([-1, 1])) * float(rng.uniform(0.5, 1.2)))
    return np.asarray(x.clip(0) ** np.float32(exponent), np.float32)


def _vivid(x: Floats, rng: Rng) -> Floats:
    grey = _mean(x)
    return grey + (x - grey) * np.float32(rng.uniform(2, 4))


def _noise(x: Floats, rng: Rng) -> Floats:
    return x + (rng.standard_normal(x.shape) * rng.uniform(0.05, 0.2)).astype(np.float32)


def _blur(x: Floats, rng: Rng) -> Floats:
    return np.atleast_3d(cv2.GaussianBlur(x, (0, 0), float(rng.uniform(2, 6)))).astype(np.float32)


COLOURS: tuple[Callable[[Floats, Rng], Floats], ...] = (
    _other_bands, _grey, _tint, _haze, _gamma, _vivid, _noise, _blur,
)  # fmt: skip
"""Each takes (H, W, C), for which 1 is white."""


def _zoomed(patch: Patch, rng: Rng) -> Patch:
    """The middle, enlarged to the whole window, or the whole shrunk and repeated by mirroring."""
    zoom, (height, width) = float(rng.uniform(LEAST_ZOOM, MOST_ZOOM)), patch.valid.shape
    finer = bool(rng.random() < 0.5)

    def change(array: NDArray[Any], how: int) -> NDArray[Any]:
        part = (max(1, round(width / zoom)), max(1, round(height / zoom)))
        if finer:
            top, left = (height - part[1]) // 2, (width - part[0]) // 2
            return _resized(array[top : top + part[1], left : left + part[0]], (width, height), how)
        small = _resized(array, part, how)
        around = [(0, height - part[1]), (0, width - part[0]), *[(0, 0)] * (small.ndim - 2)]
        return np.pad(small, around, mode="symmetric")

    image = change(patch.image, cv2.INTER_LINEAR if finer else cv2.INTER_AREA)
    targets = {name: change(target, cv2.INTER_NEAREST) for name, target in patch.targets.items()}
    valid = change(patch.valid.view(np.uint8), cv2.INTER_NEAREST).astype(bool)
    return replace(patch, image=image.reshape(patch.image.shape), targets=targets, valid=valid)


def _resized(array: NDArray[Any], size: tuple[int, int], how: int) -> NDArray[Any]:
    """(H, W) or (H, W, C) at another size (width, height)."""
    if array.ndim == 2:
        return cv2.resize(array, size, interpolation=how)
    return by_bands(array, lambda bands: cv2.resize(bands, size, interpolation=how))
