"""A drawing with its exact ground truth, and how one of any size is assembled from cells."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.tiling import Window


@dataclass(frozen=True)
class Drawing:
    """A window of the world with its exact ground truth."""

    image: npt.NDArray[np.uint8]
    """(bands, height, width): red, green, blue and, if requested, near infrared."""
    classes: npt.NDArray[np.uint8]
    """(height, width): index into CLASSES."""
    height: Floats
    """(height, width): metres above the ground."""


def assemble(window: Window, bands: int, side: int, cell_at: Callable[[int, int], Drawing]) -> Drawing:
    """A window of cells of side x side pixels; `cell_at` draws the one of a row and a column of cells."""
    out = Drawing(
        np.empty((bands, window.height, window.width), np.uint8),
        np.empty((window.height, window.width), np.uint8),
        np.empty((window.height, window.width), np.float32),
    )
    rows = range(window.row // side, -(-window.bottom // side))
    cols = range(window.col // side, -(-window.right // side))
    for row, col in product(rows, cols):
        part = Window(row * side, col * side, side, side).intersect(window)
        assert part is not None
        here = part.shift(-window.row, -window.col).slices()
        there = part.shift(-row * side, -col * side).slices()
        cell = cell_at(row, col)
        out.image[(slice(None), *here)] = cell.image[(slice(None), *there)]
        out.classes[here] = cell.classes[there]
        out.height[here] = cell.height[there]
    return out
