"""An array in memory, seen as a raster."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.raster.bands import choose
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.tiling import Window


class ArrayReader(Reader):
    """Pixels (C, H, W); invalid where `valid` (H, W) is false or a band is not finite."""

    def __init__(
        self,
        pixels: NDArray[Any],
        *,
        valid: NDArray[np.bool_] | None = None,
        grid: Grid | None = None,
        names: Sequence[str] | None = None,
        path: str = "array",
    ) -> None:
        """Wraps an array, without a copy.

        Args:
            pixels: (C, H, W) of any dtype.
            valid: (H, W); None if all pixels are valid.
            grid: georeference; None for pixels alone.
            names: of the bands, if known.
            path: name of the array in messages.
        """
        self.path, self.dtype = path, pixels.dtype
        self.grid = grid or Grid(*pixels.shape[1:])
        self.bands = tuple(names or (f"band{k}" for k in range(1, len(pixels) + 1)))
        self.names_known = names is not None
        self.scales, self.offsets = (1.0,) * len(pixels), (0.0,) * len(pixels)
        self.units = ("",) * len(pixels)
        self._array = pixels
        self._mask = np.ones(pixels.shape[1:], bool) if valid is None else valid
        self.masked = valid is not None or pixels.dtype.kind == "f"

    def chosen(self, bands: Sequence[str | int]) -> "ArrayReader":
        """The same with some bands, by name or by number from 1; RasterError if one is missing."""
        places = choose(self.path, self.bands, bands)
        names = [self.bands[k] for k in places]
        known = names if self.names_known else None
        part = ArrayReader(self._array[places], valid=self._mask, grid=self.grid, names=known, path=self.path)
        part.bands, part.masked = tuple(names), self.masked
        return part

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        here = window.slices()
        pixels, valid = self._array[:, *here], self._mask[here].copy()
        if pixels.dtype.kind == "f":
            valid &= np.isfinite(pixels).all(axis=0)
        return np.where(valid, pixels, pixels.dtype.type(0)), valid

    def close(self) -> None:
        """Does nothing: there is no file to close."""
