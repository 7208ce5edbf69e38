"""A raster that is read by windows, whatever its source: a file, a mosaic of several, a part of one."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from smalti.arguments import check_fields, said
from smalti.errors import OptionError
from smalti.raster.grid import Grid
from smalti.raster.mirror import inside, source
from smalti.tiling import Window


def _check(window: object) -> None:
    """OptionError unless this is a window of whole numbers with at least one pixel."""
    if not isinstance(window, Window):
        raise OptionError(f"window is {said(window)}; expected a Window", value=window)
    if not all(isinstance(side, int) for side in (window.row, window.col, window.height, window.width)):
        check_fields(window)
    if window.height < 1 or window.width < 1:
        raise OptionError(f"window is {window}; expected at least one pixel", value=window)


class Reader(ABC):
    """One raster, read by windows; for one thread at a time.

    Pixels come as stored, in the raster's own type; declared scales and offsets are given, not applied. Invalid pixels
    are 0 in every band.
    """

    path: str
    """Its name in messages."""
    grid: Grid
    dtype: np.dtype[Any]
    bands: tuple[str, ...]
    names_known: bool
    """Whether the file itself names all bands."""
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    units: tuple[str, ...]
    palette: NDArray[np.uint8] | None = None
    """Colours (4, entries) of an image of indices: red, green, blue, alpha."""
    masked: bool
    """Whether it can have invalid pixels at all."""
    rpcs: bool = False
    """Whether its only place on the ground is given by rational polynomials."""
    photo_m: float | None = None
    """Metres per pixel of a drone's photo without a georeference, by its metadata; None if unknown."""

    @property
    def notes(self) -> dict[str, str]:
        """What a map of it should state about its pixels, as tags of the map's file."""
        return {} if self.photo_m is None else {"SMALTI_PIXEL_M": f"{self.photo_m:.4g}"}

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Pixels (C, H, W) and their validity (H, W); beyond the border both are mirror-padded.

        Raises RasterError where the file is truncated or damaged, OptionError for what is no window.
        """
        _check(window)
        if inside(window, self.grid.height, self.grid.width):
            return self._read(window)
        cut, rows, cols = source(window, self.grid.height, self.grid.width)
        pixels, valid = self._read(cut)
        return pixels[:, rows[:, None], cols], valid[rows[:, None], cols]

    @abstractmethod
    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The same for a window inside."""

    @abstractmethod
    def close(self) -> None:
        """Closes all files; a second call does nothing."""

    def _like(self, other: "Reader") -> None:
        """Copies what `other` declares of its bands."""
        self.dtype, self.bands, self.names_known = other.dtype, other.bands, other.names_known
        self.scales, self.offsets, self.units = other.scales, other.offsets, other.units
        self.palette, self.masked, self.rpcs, self.photo_m = other.palette, other.masked, other.rpcs, other.photo_m

    def __repr__(self) -> str:
        bands = f"{len(self.bands)} of {self.dtype}: {', '.join(self.bands[:8])}{', ...' * (len(self.bands) > 8)}"
        return f"{type(self).__name__}({self.path!r}, bands {bands}, {self.grid!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def closing_on_error(reader: Reader) -> Iterator[None]:
    """Closes a reader if the block, which makes something of it, fails."""
    try:
        yield
    except BaseException:
        reader.close()
        raise
