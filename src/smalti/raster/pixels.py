"""What a raster of any kind gives."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smalti.raster.grid import Grid
from smalti.tiling import Window


class Pixels(Protocol):
    """Bands of pixels on a grid, read by windows; `Reader` is one of them."""

    path: str
    grid: Grid
    dtype: np.dtype[Any]
    bands: tuple[str, ...]
    scales: tuple[float, ...]
    """What the file declares for each band: value = stored * scale + offset."""
    offsets: tuple[float, ...]
    units: tuple[str, ...]
    """Of each band, as the file declares it; empty where it does not."""

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Pixels (C, H, W) and their validity (H, W) of a window inside the raster."""

    def close(self) -> None:
        """Closes the file."""
