"""What decides how the areas of a class map become polygons."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.polygons.areas import PixelAreas


def unknown(polygons: NDArray[Any]) -> NDArray[np.float64]:
    """Areas where there is no ground: NaN for each polygon."""
    return np.full(len(polygons), np.nan)


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules for the polygons of one map."""

    labels: int
    """Ids from here on are no data."""
    tolerance: float
    """By how many pixels borders may be simplified."""
    least_m2: float = 0.0
    """No polygon becomes smaller by simplification."""
    ground: PixelAreas | None = None

    @property
    def measure(self) -> Callable[[NDArray[Any]], NDArray[np.float64]]:
        """The areas in m² of polygons given in pixels of the scene."""
        return unknown if self.ground is None else self.ground.of_polygons
