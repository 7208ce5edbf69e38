"""Rules by which the areas of a class map become polygons."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.polygons.areas import PixelAreas


def unknown(polygons: NDArray[Any]) -> NDArray[np.float64]:
    """Areas of polygons without a ground: NaN for each."""
    return np.full(len(polygons), np.nan)


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules for the polygons of one map."""

    labels: int
    """Ids from this one on are no data."""
    tolerance: float
    """Tolerance of the simplification of borders, in pixels."""
    least_m2: float = 0.0
    """Simplification does not shrink a polygon below this area."""
    ground: PixelAreas | None = None

    @property
    def measure(self) -> Callable[[NDArray[Any]], NDArray[np.float64]]:
        """The areas in m² of polygons given in pixels of the scene."""
        return unknown if self.ground is None else self.ground.of_polygons
