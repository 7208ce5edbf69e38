"""An image given as an array, with its options."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smalti.card import Card
from smalti.errors import ArrayError
from smalti.raster.grid import Grid

Axes = Literal["CHW", "HWC"]
"""The order of the axes."""


@dataclass(frozen=True, slots=True)
class Given:
    """An image as given, with its options."""

    pixels: Any
    axes: Axes | None = None
    valid: NDArray[np.bool_] | None = None
    grid: Grid | None = None
    bands: Sequence[str | int] | None = None
    """The bands to use; None for all."""


def check_dtype(pixels: NDArray[Any], card: Card) -> None:
    """ArrayError for another dtype than the model's."""
    dtype = str(pixels.dtype)
    if not card.takes(dtype):
        scale = "scale the values to 0 to 255, then " if card.dtype == "uint8" else ""  # astype alone would wrap them
        text = f"the array is {dtype}, model {card.name} takes {card.dtype}: {scale}convert it with astype"
        raise ArrayError(text, value=pixels.dtype)
