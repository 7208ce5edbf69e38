"""Augmentation of series: the same changes for all photos of a series, which preserve their order."""

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from smalti.photos.overview import GREY

Images = NDArray[np.uint8]  # photos,3,H,W


class PhotoAugment(BaseModel):
    """Augmentation of overviews in training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mirror: float = Field(0.5, ge=0, le=1)
    """Probability of a horizontal flip."""
    turn: float = Field(0.75, ge=0, le=1)
    """Probability of a rotation by 90, 180 or 270 degrees."""
    zoom: float = Field(0.15, ge=0, lt=1)
    """Largest enlargement, as a share; all photos of a series are enlarged around the same position."""
    colour: float = Field(0.08, ge=0, le=1)
    """Largest relative change of each channel; small, so that the cues remain valid."""


def augmented(images: Images, settings: PhotoAugment, rng: np.random.Generator) -> Images:
    """All photos of a series, photos,3,H,W, changed in the same way."""
    side = images.shape[-1]
    mirror = rng.random() < settings.mirror
    size = side / (1 + rng.uniform(0, settings.zoom))
    left, top = rng.uniform(0, side - size, 2)
    gains = 1 + rng.uniform(-settings.colour, settings.colour, 3)
    # maps pixels of the output to those of the input, as warpAffine expects with WARP_INVERSE_MAP
    step = size / side
    across = (-step, left + size - step) if mirror else (step, left)
    places = np.array([[across[0], 0, across[1]], [0, step, top]])
    quarters = int(rng.integers(1, 4)) if rng.random() < settings.turn else 0
    changed = np.stack([_changed(image, places, gains) for image in images])
    return np.ascontiguousarray(np.rot90(changed, quarters, (2, 3)))


def _changed(image: Images, places: NDArray[np.float64], gains: NDArray[np.float64]) -> Images:
    side = image.shape[-1]
    photo = np.ascontiguousarray(image.transpose(1, 2, 0)).astype(np.float32)  # H,W,3
    photo = (photo - GREY) * gains.astype(np.float32) + GREY  # the border around the photo stays grey
    method = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(photo, places, (side, side), flags=method, borderValue=(GREY,) * 3)
    changed: Images = moved.clip(0, 255).round().astype(np.uint8).transpose(2, 0, 1)
    return changed
