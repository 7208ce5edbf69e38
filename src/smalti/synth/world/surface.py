"""Surfaces: what a pixel of the ground, a crown or a roof is made of."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.materials import BUILDING, LAND, ROAD, VEGETATION, WATER

SMALL, MIDDLE, LARGE = range(3)
"""Size of the patches in which a surface changes its colour: about 4, 16 and 70 m."""
NIR_OF = {LAND: 1.1, WATER: 0.25, BUILDING: 1.05, VEGETATION: 2.5, ROAD: 1.0}
"""Near infrared relative to the mean of the visible bands."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A class, two colours that change into each other, and texture."""

    label: int
    a: tuple[float, float, float, float]
    """Red, green, blue and near infrared, 0 to 255, on level ground in the sun."""
    b: tuple[float, float, float, float]
    fine: float = 0.05
    """Standard deviation of the brightness in bumps of a few decimetres."""
    medium: float = 0.05
    """The same in bumps of one to four metres."""
    patches: int = MIDDLE

    def times(self, factor: float) -> "Surface":
        """The same surface, brighter or darker."""
        return replace(self, a=_times(self.a, factor), b=_times(self.b, factor))

    def varied(self, rng: np.random.Generator, light: float = 0.08, hue: float = 0.025) -> "Surface":
        """The same kind of surface elsewhere: another brightness, another tint."""
        by = np.exp(rng.normal(0, light)) * (1 + rng.normal(0, hue, 4))
        return replace(self, a=_tinted(self.a, by), b=_tinted(self.b, by))


def _times(colour: tuple[float, ...], factor: float) -> tuple[float, float, float, float]:
    red, green, blue, nir = (min(max(c * factor, 3.0), 253.0) for c in colour)
    return red, green, blue, nir


def _tinted(colour: tuple[float, ...], by: npt.NDArray[np.float64]) -> tuple[float, float, float, float]:
    red, green, blue, nir = np.clip(np.array(colour) * by, 3, 253).tolist()
    return red, green, blue, nir


def surface(
    label: int,
    a: tuple[float, float, float],
    b: tuple[float, float, float],
    fine: float = 0.05,
    medium: float = 0.05,
    patches: int = MIDDLE,
) -> Surface:
    """A surface whose near infrared follows from its class."""
    factor = NIR_OF[label]
    return Surface(
        label, (*a, min(sum(a) / 3 * factor, 235)), (*b, min(sum(b) / 3 * factor, 235)), fine, medium, patches
    )


def tables(surfaces: list[Surface]) -> tuple[Floats, Floats, Floats, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Colours A and B (n, 4), strengths of texture (n, 2), sizes of patches (n,) and classes (n,) by index."""
    return (
        np.array([s.a for s in surfaces], np.float32),
        np.array([s.b for s in surfaces], np.float32),
        np.array([(s.fine, s.medium) for s in surfaces], np.float32),
        np.array([s.patches for s in surfaces], np.uint8),
        np.array([s.label for s in surfaces], np.uint8),
    )
