"""Augmentation of whole images: random resized crops (Szegedy et al., 2015) and changes of colour."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from smalti.arrays import Floats, Picture
from smalti.data.images.operations import change_at_random
from smalti.data.pixels.augment import Augment
from smalti.data.pixels.colours import change_colours
from smalti.data.pixels.extension import ExtensibleAugment, apply_extensions
from smalti.data.pixels.sample import Patch

TRIES = 10
"""Attempts to draw a box that lies inside the image."""


class ImageAugment(ExtensibleAugment):
    """Cropping and augmentation of training images; 0 disables a step."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    area: tuple[float, float] = (0.08, 1.0)
    """Smallest and largest area of the crop, as a share of the image."""
    shape: tuple[float, float] = (3 / 4, 4 / 3)
    """Smallest and largest aspect ratio of the crop, width / height."""
    mirror: float = Field(0.5, ge=0, le=1)
    """Probability of a horizontal flip."""
    brightness: float = Field(0.0, ge=0, lt=1)
    """Factor of up to 1 ± this."""
    contrast: float = Field(0.0, ge=0, lt=1)
    """Factor of up to 1 ± this, about the mean of the image."""
    saturation: float = Field(0.0, ge=0, le=1)
    """Factor of up to 1 ± this, about the grey of each pixel."""
    balance: float = Field(0.0, ge=0, lt=1)
    """Factor of up to 1 ± this, for each band separately: shifts the hue."""
    operations: int = Field(0, ge=0)
    """Random operations per image, after RandAugment (Cubuk et al., 2020): rotate, shear, shift, equalize, ..."""
    magnitude: float = Field(0.3, ge=0, le=1)
    """Strength of these operations."""
    mixup: float = Field(0.0, ge=0)
    """Mixup (Zhang et al., 2018) of neighbours in a batch: the parameter of its Beta distribution; 0 disables it."""

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        for name in ("area", "shape"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} {[low, high]} must be two numbers above 0, the smaller one first")
        if self.area[1] > 1:
            raise ValueError(f"area {list(self.area)} must not be above 1")
        return self

    @property
    def light(self) -> Augment | None:
        """The changes of colour as settings of `data.pixels.augment`; None if there are none."""
        names = ("brightness", "contrast", "saturation", "balance")
        amounts = {name: getattr(self, name) for name in names}
        return Augment(**amounts, gamma=0.0, blur=0.0) if any(amounts.values()) else None


@dataclass(frozen=True, slots=True)
class Box:
    """A box of an image, in pixels, and whether it is flipped."""

    top: float
    left: float
    height: float
    width: float
    mirror: bool = False


def random_box(height: int, width: int, augment: ImageAugment, rng: np.random.Generator) -> Box:
    """A random box; if no attempt lies inside the image, the largest centred box with an allowed aspect ratio."""
    mirror = rng.random() < augment.mirror
    low, high = np.log(augment.shape)
    for _ in range(TRIES):
        area = height * width * rng.uniform(*augment.area)
        shape = math.exp(rng.uniform(low, high))
        wide, tall = math.sqrt(area * shape), math.sqrt(area / shape)
        if wide <= width and tall <= height:
            return Box(rng.uniform(0, height - tall), rng.uniform(0, width - wide), tall, wide, mirror)
    shape = min(max(width / height, augment.shape[0]), augment.shape[1])
    wide, tall = min(width, height * shape), min(height, width / shape)
    return Box((height - tall) / 2, (width - wide) / 2, tall, wide, mirror)


def centre_box(height: int, width: int, share: float) -> Box:
    """The centred square whose side is this share of the shorter side."""
    side = min(height, width) * share
    return Box((height - side) / 2, (width - side) / 2, side, side)


def change_light(image: Picture, augment: ImageAugment, rng: np.random.Generator) -> Picture:
    """An image H,W,3 after random operations, changes of colour, and augmentations of other packages."""
    image = change_at_random(image, augment.operations, augment.magnitude, rng)
    if light := augment.light:
        image = _to_bytes(change_colours(image, light, 1 / 255, rng))
    if found := augment.extensions():
        patch = Patch(image.astype(np.float32), {}, np.ones(image.shape[:2], bool))
        image = _to_bytes(apply_extensions(patch, found, rng).image)
    return image


def _to_bytes(image: Floats) -> Picture:
    return np.clip(np.round(image), 0, 255).astype(np.uint8)
