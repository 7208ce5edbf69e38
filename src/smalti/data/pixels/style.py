"""Style mixing: a window takes the look of a window of another place, and keeps what it shows.

`statistics` gives each band the mean and the standard deviation of the other window (Reinhard et al., 2001, there in a
decorrelated colour space). Bands are taken one by one because the covariance of bands belongs to what a window shows:
that of a lake or of a grey image is nearly singular, and whitening by it amplifies noise. `fourier` takes the
amplitudes of the lowest frequencies and keeps the phases (FDA; Yang and Soatto, CVPR 2020).

Both papers transfer the whole style; here a window goes a part of the way, drawn uniformly, because the look of an
image is partly that of its ground.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from smalti.arrays import Floats, Mask
from smalti.card import Card
from smalti.data.pixels.sample import Patch
from smalti.extensions import settings_of

MOST = 4.0
"""Largest factor on the contrast of a band: the noise of a flat window must not become texture."""
FEWEST = 16
"""Fewest valid pixels of a window that has a style."""
_REACH = 0.01
Kind = Literal["statistics", "fourier"]


class Style(BaseModel):
    """Style mixing. A recipe gives its probability, or a table of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    chance: float = Field(0.5, gt=0, le=1)
    """Probability for each window; such a window requires two to be read."""
    kind: Kind = "statistics"
    """`statistics`: mean and standard deviation of each band. `fourier`: the amplitudes of low frequencies."""
    reach: float = Field(_REACH, gt=0, le=0.5)
    """For fourier only: the highest frequency taken, in cycles per pixel; the mean is always taken."""

    @model_validator(mode="before")
    @classmethod
    def _a_number_is_the_chance(cls, value: Any) -> Any:
        return settings_of(value, "chance")

    @model_validator(mode="after")
    def _reach_is_used(self) -> "Style":
        if self.kind != "fourier" and self.reach != _REACH:  # not whether it is stated: a stored recipe states all
            raise ValueError(f"reach {self.reach:g} is given, but kind is {self.kind}; set kind to fourier")
        return self


def styled(patch: Patch, other: Patch, style: Style, card: Card, rng: np.random.Generator) -> Patch:
    """The patch with the style of another one of the same size and bands; its targets and validity stay.

    Images are raw pixels (H, W, C) float32; those of a card of integers stay within their range, and invalid pixels
    keep their values. ValueError for another number of bands.
    """
    if patch.image.shape != other.image.shape:
        raise ValueError(f"style of an image {other.image.shape} for one {patch.image.shape}; expected the same shape")
    part = rng.random()
    if min(patch.valid.sum(), other.valid.sum()) < FEWEST:
        return patch
    there = KINDS[style.kind](patch, other, style)
    image = patch.image + np.float32(part) * (there - patch.image)
    if card.dtype != "float32":
        limits = np.iinfo(card.dtype)
        np.clip(image, limits.min, limits.max, out=image)
    image = np.where(patch.valid[..., None], image, patch.image)
    return Patch(image, patch.targets, patch.valid, patch.name)


def _statistics(patch: Patch, other: Patch, style: Style) -> Floats:
    mean, deviation = _moments(patch.image, patch.valid)
    wanted_mean, wanted = _moments(other.image, other.valid)
    factor = np.minimum(wanted / np.maximum(deviation, np.finfo(np.float32).tiny), MOST)
    return (patch.image - mean) * factor + wanted_mean


def _moments(image: NDArray[Any], valid: Mask) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the valid pixels of each band."""
    pixels = image[valid].astype(np.float64)
    return pixels.mean(0).astype(np.float32), pixels.std(0).astype(np.float32)


def _fourier(patch: Patch, other: Patch, style: Style) -> Floats:
    ours, theirs = (np.fft.rfft2(one.image, axes=(0, 1)) for one in (patch, other))  # H,W/2+1,C
    height, width = patch.image.shape[:2]
    rows, cols = np.abs(np.fft.fftfreq(height)), np.fft.rfftfreq(width)
    low = ((rows <= style.reach)[:, None] & (cols <= style.reach))[..., None]
    changed = np.where(low, np.abs(theirs) * np.exp(1j * np.angle(ours)), ours)
    return np.fft.irfft2(changed, s=(height, width), axes=(0, 1)).astype(np.float32)


KINDS: Mapping[Kind, Callable[[Patch, Patch, Style], Floats]] = {"statistics": _statistics, "fourier": _fourier}
"""The whole style of another patch: float32 (H, W, C), not clipped."""
