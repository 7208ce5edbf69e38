"""Random changes of the colours of a window, for any number of bands."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from smalti.arrays import Floats

CHANNELS = 4
"""Maximum number of bands that OpenCV transforms together."""


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


def change_colours(image: NDArray[Any], colours: Colours, scale: float, rng: np.random.Generator) -> Floats:
    """Changes the colours of raw pixels (H, W, C), for which 1 / scale is white; always draws equally many numbers.

    Gamma is applied to each value; all other changes are one affine map of the bands of a pixel.
    """
    bands = image.shape[2]
    gamma = math.exp(rng.uniform(-1, 1) * colours.gamma)
    amounts = np.array([colours.brightness, colours.contrast, colours.saturation])
    bright, contrast, vivid = 1 + rng.uniform(-1, 1, 3) * amounts
    tint: NDArray[np.float64] = 1 + np.asarray(rng.uniform(-1, 1, bands)) * colours.balance
    blurred, deviation = rng.random() < colours.blur, rng.uniform(0.3, 1.2)
    x: Floats = np.clip(image.astype(np.float32) * np.float32(scale), 0, None)
    if colours.gamma:
        x = np.atleast_3d(cv2.pow(x, gamma)).astype(np.float32, copy=False)
    grey = np.full((bands, bands), (1 - vivid) / bands) + np.eye(bands) * vivid
    matrix = bright * tint[:, None] * grey
    middle = matrix @ np.asarray(x[::8, ::8].reshape(-1, bands).mean(0))
    x = _mix(x, matrix * contrast, middle * (1 - contrast))
    if blurred:
        x = np.atleast_3d(cv2.GaussianBlur(x, (0, 0), deviation)).astype(np.float32, copy=False)
    return x / np.float32(scale)


def _mix(x: Floats, matrix: NDArray[np.float64], shift: NDArray[np.float64]) -> Floats:
    if x.shape[2] <= CHANNELS:
        mixed = cv2.transform(x, np.column_stack([matrix, shift]))
        return np.atleast_3d(mixed).astype(np.float32, copy=False)
    return (x @ matrix.T.astype(np.float32)) + shift.astype(np.float32)
