"""Random changes of the colours of a window, for any number of bands."""

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from smalti.arrays import Floats
from smalti.card import Card

CHANNELS = 4
"""Maximum number of bands that OpenCV transforms together."""


def by_bands(image: NDArray[Any], change: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    """An image (H, W, C) after a change that OpenCV makes, of `CHANNELS` bands at a time."""
    parts = [image[..., at : at + CHANNELS] for at in range(0, image.shape[2], CHANNELS)]
    changed = [np.atleast_3d(change(part)) for part in parts]
    return changed[0] if len(changed) == 1 else np.concatenate(changed, axis=2)


class Colours(BaseModel):
    """How strongly colours are changed; 0 disables a change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    brightness: float = Field(0.2, ge=0, lt=1)
    """Factor of up to 1 ± this."""
    contrast: float = Field(0.2, ge=0, lt=1)
    """Factor of up to 1 ± this, about the mean of the window."""
    saturation: float = Field(0.3, ge=0, le=1)
    """Factor of up to 1 ± this, about the grey of each pixel."""
    balance: float = Field(0.05, ge=0, lt=1)
    """Factor of up to 1 ± this, for each band separately: shifts the hue."""
    gamma: float = Field(0.2, ge=0, lt=2)
    """Gamma correction with an exponent between exp(-this) and exp(this)."""
    blur: float = Field(0.2, ge=0, le=1)
    """Probability of a Gaussian blur with a standard deviation of up to 1.2 pixels."""
    coarse: float = Field(0.0, ge=0, le=1)
    """Probability that it is shrunk by a factor of up to 4 and enlarged again, as images of coarser pixels are."""
    jpeg: float = Field(0.0, ge=0, le=1)
    """Probability of a JPEG compression with a quality of 20 to 90."""


def to_white(card: Card) -> float:
    """The factor that makes white 1: 1 / 255 of bytes, whatever the card makes of them, else the card's scale."""
    return 1 / 255 if card.dtype == "uint8" else card.scale


def change_colours(image: NDArray[Any], colours: Colours, scale: float, rng: np.random.Generator) -> Floats:
    """Changes the colours of raw pixels (H, W, C), for which 1 / scale is white. How many numbers it draws is up to
    the settings alone.

    Gamma is applied to the magnitude of each value; all other changes are one affine map of the bands of a pixel.
    """
    bands = image.shape[2]
    gamma = math.exp(rng.uniform(-1, 1) * colours.gamma)
    amounts = np.array([colours.brightness, colours.contrast, colours.saturation])
    bright, contrast, vivid = 1 + rng.uniform(-1, 1, 3) * amounts
    tint: NDArray[np.float64] = 1 + np.asarray(rng.uniform(-1, 1, bands)) * colours.balance
    blurred, deviation = rng.random() < colours.blur, rng.uniform(0.3, 1.2)
    x: Floats = image.astype(np.float32) * np.float32(scale)
    if colours.gamma:  # OpenCV takes the power of the magnitude
        x = np.copysign(np.atleast_3d(cv2.pow(x, gamma)), x).astype(np.float32, copy=False)
    grey = np.full((bands, bands), (1 - vivid) / bands) + np.eye(bands) * vivid
    matrix = bright * tint[:, None] * grey
    middle = matrix @ np.asarray(x[::8, ::8].reshape(-1, bands).mean(0))
    x = _mix(x, matrix * contrast, middle * (1 - contrast))
    if blurred:
        x = np.atleast_3d(cv2.GaussianBlur(x, (0, 0), deviation)).astype(np.float32, copy=False)
    if colours.coarse:
        x = coarser(x, math.exp(rng.uniform(0, math.log(4)))) if rng.random() < colours.coarse else x
    if colours.jpeg:
        x = compressed(x, int(rng.integers(20, 91))) if rng.random() < colours.jpeg else x
    return x / np.float32(scale)


def coarser(x: Floats, factor: float) -> Floats:
    """An image (H, W, C) that is shrunk by a factor, and enlarged again."""
    height, width = x.shape[:2]
    part = (max(1, round(width / factor)), max(1, round(height / factor)))

    def change(bands: NDArray[Any]) -> NDArray[Any]:
        small = cv2.resize(bands, part, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)

    return by_bands(x, change).astype(np.float32, copy=False)


def compressed(x: Floats, quality: int) -> Floats:
    """An image (H, W, C), whose white is 1, after JPEG: three bands as one picture, others each as a grey one."""
    parts = [x] if x.shape[2] == 3 else np.split(x, x.shape[2], axis=2)
    found = []
    for part in parts:
        pixels = np.rint(part[..., ::-1].clip(0, 1) * 255).astype(np.uint8)
        _, written = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        read = np.asarray(cv2.imdecode(written, cv2.IMREAD_UNCHANGED), np.float32)
        found.append(np.atleast_3d(read)[..., ::-1] / np.float32(255))
    return np.concatenate(found, axis=2)


def _mix(x: Floats, matrix: NDArray[np.float64], shift: NDArray[np.float64]) -> Floats:
    if x.shape[2] <= CHANNELS:
        mixed = cv2.transform(x, np.column_stack([matrix, shift]))
        return np.atleast_3d(mixed).astype(np.float32, copy=False)
    return (x @ matrix.T.astype(np.float32)) + shift.astype(np.float32)
