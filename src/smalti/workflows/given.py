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


def check_mask(valid: object, pixels: NDArray[Any]) -> None:
    """ArrayError unless `valid` is None or a bool mask of the size of the pixels (C, H, W)."""
    if valid is None:
        return
    if not isinstance(valid, np.ndarray) or valid.dtype != bool or valid.shape != pixels.shape[1:]:
        got = f"{valid.dtype} of shape {valid.shape}" if isinstance(valid, np.ndarray) else type(valid).__name__
        raise ArrayError(f"valid is {got}; expected bool of shape {pixels.shape[1:]}", value=got)


def check_grid(grid: object, pixels: NDArray[Any]) -> None:
    """ArrayError unless `grid` is None or a Grid of the size of the pixels (C, H, W)."""
    if grid is None:
        return
    if not isinstance(grid, Grid):
        raise ArrayError(f"grid is {grid!r}; expected a Grid, such as that of open_raster", value=grid)
    if (grid.height, grid.width) != pixels.shape[1:]:
        text = f"the grid has {grid.height} x {grid.width} pixels, the array {pixels.shape[1]} x {pixels.shape[2]}"
        raise ArrayError(f"{text}; give both the same size", value=grid)
