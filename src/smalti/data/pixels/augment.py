"""Joint augmentation of a window's pixels, labels and validity.

Pixels are resampled bilinearly, and averaged over areas where they shrink; labels, values and validity take the nearest
pixel, so that no value is mixed with an unknown one. A zoom scales depths, but not heights.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from smalti.card import Card, Task
from smalti.data.pixels.colours import Colours, by_bands, change_colours, to_white
from smalti.data.pixels.extension import ExtensibleAugment, apply_extensions
from smalti.data.pixels.mix import Mix
from smalti.data.pixels.presets import Preset, fill_in
from smalti.data.pixels.sample import Patch
from smalti.data.pixels.style import Style

MIX_CHANCE = 0.5
"""Default share of windows that are mixed, as in CutMix's experiments on CIFAR."""


def none_if_off(value: Any) -> Any:
    """None for 0 or false, which disable what has settings of its own."""
    return None if not isinstance(value, dict) and value == 0 else value


class Augment(ExtensibleAugment, Colours):
    """Augmentation of windows; 0 or false disables a step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Preset | None = None
    """Other defaults for the keys of geometry and colours; keys that are given take precedence."""
    scale: tuple[float, float] = (0.5, 2.0)
    """Smallest and largest zoom, drawn log-uniformly; above 1 objects are enlarged."""
    scales: tuple[Annotated[int, Field(ge=1)], ...] = Field((1,), min_length=1)
    """Window sizes as multiples of the side, drawn uniformly and shrunk to it; `scale` is applied in addition."""
    flips: bool = True
    """Random horizontal flips."""
    turns: bool = True
    """Random rotations by multiples of 90 degrees."""
    rotate: float = Field(0.0, ge=0, le=1)
    """Probability of a rotation by any angle."""
    mix: Mix = "none"
    """Pastes a part of another window: a rectangle (`cutmix`), or half of its classes (`classmix`)."""
    mix_chance: float = Field(MIX_CHANCE, gt=0, le=1)
    """Probability of mixing, for each window; a mixed window requires two to be read."""
    style: Annotated[Style | None, BeforeValidator(none_if_off)] = None
    """Gives a window the look of a window of another source: its probability, or a table."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, given: Any) -> Any:
        return fill_in(given)

    @model_validator(mode="after")
    def _no_contradictions(self) -> "Augment":
        check_scale(self.scale)
        if len(set(self.scales)) < len(self.scales):
            raise ValueError(f"scales {list(self.scales)} must be distinct; they are drawn uniformly")
        if self.mix == "none" and self.mix_chance != MIX_CHANCE:
            raise ValueError(f"mix_chance {self.mix_chance:g} is given, but mix is none; set mix to cutmix or classmix")
        return self


def check_scale(scale: tuple[float, float]) -> None:
    """ValueError unless a zoom is a valid range."""
    if not 0 < scale[0] <= scale[1]:
        raise ValueError(f"scale {list(scale)} must be two numbers above 0, the smaller one first")


@dataclass(frozen=True)
class View:
    """The geometry of one augmented window: how much of the scene is read, and how it is mapped to the crop."""

    zoom: float
    angle: float
    """Radians; a multiple of a quarter turn unless rotated freely."""
    mirror: bool
    crop: int

    @property
    def side(self) -> int:
        """Side in pixels of the part of the scene that contains the whole crop."""
        reach = abs(math.cos(self.angle)) + abs(math.sin(self.angle))
        return math.ceil(self.crop * reach / self.zoom - 1e-6)


def choose_view(augment: Augment, crop: int, rng: np.random.Generator) -> View:
    """A random view; always draws equally many numbers from `rng`, except none for a single value in `scales`."""
    low, high = np.log(augment.scale)
    zoom = math.exp(rng.uniform(low, high)) / augment.scales[rng.integers(len(augment.scales))]
    free, angle, quarter, mirror = rng.random(), rng.uniform(0, 2 * math.pi), rng.integers(4), rng.random() < 0.5
    if free >= augment.rotate:
        angle = quarter * math.pi / 2 if augment.turns else 0.0
    return View(zoom, angle, augment.flips and bool(mirror), crop)


def apply_view(patch: Patch, view: View, tasks: Sequence[Task]) -> Patch:
    """Transforms a patch of view.side pixels to one of view.crop pixels."""
    image = patch.image
    if image.dtype not in (np.uint8, np.uint16, np.int16, np.float32):
        image = image.astype(np.float32)
    size = round(view.side * view.zoom)  # zoomed, not yet rotated
    if size < view.side:
        image = by_bands(image, lambda bands: cv2.resize(bands, (size, size), interpolation=cv2.INTER_AREA))
    pixels = _warp(image, _matrix(view, image.shape[0]), view.crop)
    matrix = _matrix(view, patch.valid.shape[0])
    valid = _nearest(patch.valid.view(np.uint8), matrix, view.crop, 0)
    targets = {task.name: _target(patch.targets[task.name], matrix, view, task) for task in tasks}
    return Patch(pixels, targets, valid.astype(bool))


def _target(target: NDArray[Any], matrix: NDArray[np.float64], view: View, task: Task) -> NDArray[Any]:
    """The transformed target of one task; depths are divided by the zoom."""
    if task.kind == "classes":
        return _nearest(target, matrix, view.crop, task.ignore)
    values = _nearest(target, matrix, view.crop, math.nan)
    return values / np.float32(view.zoom) if task.quantity == "depth" else values


def _matrix(view: View, size: int) -> NDArray[np.float64]:
    """Maps pixel centres of the crop to those of a square of `size` pixels, which covers view.side pixels of ground."""
    step = size / view.side / view.zoom
    cos, sin = math.cos(view.angle) * step, math.sin(view.angle) * step
    flip = -1 if view.mirror else 1
    turn = np.array([[cos * flip, -sin], [sin * flip, cos]])
    middle = turn @ np.full(2, (view.crop - 1) / 2)
    return np.column_stack([turn, (size - 1) / 2 - middle])


def _nearest(values: NDArray[Any], matrix: NDArray[np.float64], crop: int, outside: float) -> NDArray[Any]:
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(values, matrix, (crop, crop), flags=flags, borderValue=outside))


def _warp(image: NDArray[Any], matrix: NDArray[np.float64], crop: int) -> NDArray[Any]:
    """Warps (H, W, C) with any number of bands."""
    flags, edge = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REFLECT_101
    return by_bands(image, lambda bands: cv2.warpAffine(bands, matrix, (crop, crop), flags=flags, borderMode=edge))


def augmented(
    patch: Patch, view: View, augment: Augment, card: Card, tasks: Sequence[Task], rng: np.random.Generator
) -> Patch:
    """Changes the geometry, then the colours; uint8 is clipped to its range, and invalid pixels enter the net as zero.

    `tasks` are those for which the patch has targets.
    """
    seen = apply_view(patch, view, tasks)
    seen = replace(seen, image=change_colours(seen.image, augment, to_white(card), rng))
    return finished(apply_extensions(seen, augment.extensions(), rng, tasks), card)


def finished(seen: Patch, card: Card) -> Patch:
    """The patch as it enters the net: uint8 clipped to its range, invalid pixels the card's mean; in place."""
    image = seen.image
    if card.dtype == "uint8":
        np.clip(image, 0, 255, out=image)
    image[~seen.valid] = np.array(card.mean, np.float32) / np.float32(card.scale)
    return Patch(image, seen.targets, seen.valid)
