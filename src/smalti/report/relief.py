"""Pictures of values per pixel: coloured by value, with hillshade from the north-west, and pictures of errors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats, Picture
from smalti.raster.palette import NO_DATA, RAMP

Color = tuple[int, int, int]

TOO_LOW: Color = (33, 102, 172)
RIGHT: Color = (247, 247, 247)
TOO_HIGH: Color = (178, 24, 43)
SUN, ALTITUDE = 315.0, 45.0
"""Degrees: clockwise from north, and above the horizon."""
DARKEST = 0.35
"""Minimum brightness of a colour in the shade, so that the value stays recognisable."""


def limits(values: Floats, low: float = 1.0, high: float = 99.0) -> tuple[float, float]:
    """Two percentiles of the finite values, the ends of a colour ramp; 0 and 1 if there are none."""
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    least, most = np.percentile(known, (low, high)).tolist()
    return least, max(most, least + 1e-6)


def paint(values: Floats, low: float, high: float, ramp: tuple[Color, ...] = RAMP) -> Picture:
    """Values (H, W) in the colours of a ramp from `low` to `high`; missing ones are black."""
    return _to_picture(_colors(values, low, high, ramp), values)


def relief(values: Floats, low: float, high: float, cell: float) -> Picture:
    """Values (H, W) in colours as by `paint`, with hillshade; level ground keeps its colour.

    Args:
        values: (H, W), NaN where missing.
        low, high: values of the ramp's ends.
        cell: side of a pixel in the unit of the values.
    """
    light = DARKEST + (1 - DARKEST) * hillshade(values, cell) / np.sin(np.radians(ALTITUDE))
    return _to_picture(_colors(values, low, high, RAMP) * light[..., None], values)


def hillshade(values: Floats, cell: float) -> Floats:
    """Brightness of a Lambertian surface, (H, W) from 0 to 1; missing values are set to the lowest known value."""
    known = np.isfinite(values)
    surface = np.where(known, values, values[known].min() if known.any() else 0).astype(np.float32)
    if min(surface.shape) < 2:
        return np.full(surface.shape, np.sin(np.radians(ALTITUDE)), np.float32)
    south, east = np.gradient(surface, cell)  # how much it rises per unit downwards and to the right
    sun, altitude = np.radians(SUN), np.radians(ALTITUDE)
    to_sun = np.sin(altitude) + np.cos(altitude) * (south * np.cos(sun) - east * np.sin(sun))
    shade: Floats = np.clip(to_sun / np.sqrt(1 + south**2 + east**2), 0, 1).astype(np.float32)
    return shade


def error_map(truth: Floats, prediction: Floats, span: float) -> Picture:
    """Where a prediction is too low (blue) or too high (red); full colour at errors of `span`, black where missing."""
    return paint(prediction - truth, -span, span, (TOO_LOW, RIGHT, TOO_HIGH))


def _colors(values: Floats, low: float, high: float, ramp: tuple[Color, ...]) -> NDArray[Any]:
    place = np.clip((np.nan_to_num(values) - low) / (high - low), 0, 1)
    stops = np.linspace(0, 1, len(ramp))
    return np.stack([np.interp(place, stops, [color[band] for color in ramp]) for band in range(3)], axis=-1)


def _to_picture(colors: NDArray[Any], values: Floats) -> Picture:
    picture = np.clip(colors + 0.5, 0, 255).astype(np.uint8)
    picture[~np.isfinite(values)] = NO_DATA
    return picture
