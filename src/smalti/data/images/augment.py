"""Random views of images (Szegedy et al., 2015: a random share of the area, at a random shape), and their light."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from smalti.arrays import Floats, Picture
from smalti.data.images.operations import change_at_random
from smalti.data.pixels.augment import Augment, change_colours
from smalti.data.pixels.extension import ExtensibleAugment, apply_extensions
from smalti.data.pixels.sample import Patch

TRIES = 10
"""Boxes that are drawn until one lies inside the image."""


class ImageAugment(ExtensibleAugment):
    """How training images are cut and changed; 0 leaves a step out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    area: tuple[float, float] = (0.08, 1.0)
    """Smallest and largest share of the image that is looked at."""
    shape: tuple[float, float] = (3 / 4, 4 / 3)
    """Smallest and largest width per height of that share."""
    mirror: float = Field(0.5, ge=0, le=1)
    """Chance of a left-right mirror."""
    brightness: float = Field(0.0, ge=0, lt=1)
    """Factor of up to 1 ± this."""
    contrast: float = Field(0.0, ge=0, lt=1)
    """Factor of up to 1 ± this, about the mean of the image."""
    saturation: float = Field(0.0, ge=0, le=1)
    """Factor of up to 1 ± this, about the grey of each pixel."""
    balance: float = Field(0.0, ge=0, lt=1)
    """Factor of up to 1 ± this, for each band by itself: shifts the hue."""
    operations: int = Field(0, ge=0)
    """Random operations per image (after Cubuk et al., 2020: RandAugment): turn, shear, shift, equalize and others."""
    magnitude: float = Field(0.3, ge=0, le=1)
    """How strong these are."""
    mixup: float = Field(0.0, ge=0)
    """Parameter of the Beta distribution by which neighbours in a batch are mixed (Zhang et al., 2018)."""

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
        """The changes of colours in the terms of `data.pixels.augment`; None where there are none."""
        names = ("brightness", "contrast", "saturation", "balance")
        amounts = {name: getattr(self, name) for name in names}
        return Augment(**amounts, gamma=0.0, blur=0.0) if any(amounts.values()) else None


@dataclass(frozen=True, slots=True)
class View:
    """A box of an image, in its pixels, and whether it is mirrored."""

    top: float
    left: float
    height: float
    width: float
    mirror: bool = False


def random_view(height: int, width: int, augment: ImageAugment, rng: np.random.Generator) -> View:
    """A random box; where none of some tries lies inside, the largest one in the middle at a shape that is allowed."""
    mirror = rng.random() < augment.mirror
    low, high = np.log(augment.shape)
    for _ in range(TRIES):
        area = height * width * rng.uniform(*augment.area)
        shape = math.exp(rng.uniform(low, high))
        wide, tall = math.sqrt(area * shape), math.sqrt(area / shape)
        if wide <= width and tall <= height:
            return View(rng.uniform(0, height - tall), rng.uniform(0, width - wide), tall, wide, mirror)
    shape = min(max(width / height, augment.shape[0]), augment.shape[1])
    wide, tall = min(width, height * shape), min(height, width / shape)
    return View((height - tall) / 2, (width - wide) / 2, tall, wide, mirror)


def middle_view(height: int, width: int, share: float) -> View:
    """The square in the middle with this share of the shorter side."""
    side = min(height, width) * share
    return View((height - side) / 2, (width - side) / 2, side, side)


def change_light(image: Picture, augment: ImageAugment, rng: np.random.Generator) -> Picture:
    """An image H,W,3 after the random operations, the changes of its colours, and those of other packages."""
    image = change_at_random(image, augment.operations, augment.magnitude, rng)
    if light := augment.light:
        image = _to_bytes(change_colours(image, light, 1 / 255, rng))
    if found := augment.extensions():
        patch = Patch(image.astype(np.float32), {}, np.ones(image.shape[:2], bool))
        image = _to_bytes(apply_extensions(patch, found, rng).image)
    return image


def _to_bytes(image: Floats) -> Picture:
    return np.clip(np.round(image), 0, 255).astype(np.uint8)
