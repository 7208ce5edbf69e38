"""A raster seen with another pixel size, within its own CRS."""

from collections.abc import Iterator
from math import ceil, floor
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.warp import reproject

from smalti.errors import RasterError
from smalti.raster.ground import axes_m, why_no_metres
from smalti.raster.reader import Reader
from smalti.tiling import Window

_MOST = 1 << 23  # pixels of the source that are held at once
_MARGIN = 2  # pixels of the source around a window: what bilinear resampling looks at
_OPAQUE = {"int8": 127, "int16": 32767, "uint16": 65535}
"""What GDAL takes for opaque in a band of alpha; 255 in other types."""
_NEARLY = 2e-3
"""How far, as a share, a projection may stretch a pixel without its being resampled for that."""
_FLAT = "EPSG:3857"  # of both sides: places are pixels of the source, and nothing is projected


class Resampled(Reader):
    """A raster with square pixels of `resolution` metres, in its own CRS and with its own corners.

    Larger pixels are means of the valid ones in them, smaller ones are interpolated between them. In a geographic CRS
    the pixel has as many degrees as make `resolution` metres at the centre. RasterError where metres are unknown.
    """

    def __init__(self, reader: Reader, resolution: float) -> None:
        self.path, self._reader = reader.path, reader
        self._like(reader)
        size = axes_m(reader.grid)
        if size is None:
            raise RasterError(
                f"{self.path}: {why_no_metres(reader.grid)}, so its pixels cannot be brought to {resolution:g} m; "
                "leave them as is"
            )
        own = reader.grid
        width = max(1, round(own.width * _factor(size[0] / resolution)))
        height = max(1, round(own.height * _factor(size[1] / resolution)))
        self.grid = own.resized(height, width)
        self._by = own.height / height, own.width / width  # rows, columns of the source in a pixel
        self._method = Resampling.average if self._by[0] * self._by[1] > 1 else Resampling.bilinear

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        pixels = np.zeros((len(self.bands), window.height, window.width), self.dtype)
        valid = np.zeros((window.height, window.width), bool)
        for part in self._parts(window):
            here = part.within(window)
            pixels[:, *here], valid[here] = self._resample(part)
        return pixels, valid

    def _parts(self, window: Window) -> Iterator[Window]:
        """The window in parts whose source can be held."""
        side = max(1, floor((_MOST / (self._by[0] * self._by[1])) ** 0.5))
        for row in range(window.row, window.bottom, side):
            for col in range(window.col, window.right, side):
                yield Window(row, col, min(side, window.bottom - row), min(side, window.right - col))

    def _resample(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        cut = self._source(window)
        pixels, valid = self._reader.read(cut)
        alpha = valid * np.array(_OPAQUE.get(str(self.dtype), 255), self.dtype)
        stack = np.concatenate((pixels, alpha[None]))  # C+1,H,W
        found = np.zeros((len(stack), window.height, window.width), self.dtype)
        rows, cols = self._by
        place = Affine(cols, 0, window.col * cols, 0, rows, window.row * rows)
        reproject(
            stack,
            found,
            src_transform=Affine.translation(cut.col, cut.row),
            dst_transform=place,
            src_crs=_FLAT,
            dst_crs=_FLAT,
            src_alpha=len(stack),
            dst_alpha=len(stack),
            resampling=self._method,
        )
        seen = found[-1] > 0
        np.copyto(found, 0, where=~seen)
        return found[:-1], seen

    def _source(self, window: Window) -> Window:
        """The pixels of the source that a window looks at."""
        own = self._reader.grid
        top = max(0, floor(window.row * self._by[0]) - _MARGIN)
        left = max(0, floor(window.col * self._by[1]) - _MARGIN)
        bottom = min(own.height, ceil(window.bottom * self._by[0]) + _MARGIN)
        right = min(own.width, ceil(window.right * self._by[1]) + _MARGIN)
        return Window(top, left, bottom - top, right - left)

    def close(self) -> None:
        """Closes the raster."""
        self._reader.close()


def _factor(factor: float) -> float:
    """The factor, or the whole number (or one over it) that it nearly is.

    A pixel of 0.5 m by its file has 0.5002 m on the ground in the middle of a UTM zone: it stays as it is at 0.5 m.
    """
    whole = round(max(factor, 1 / factor))
    near = float(whole) if factor >= 1 else 1 / whole
    return near if abs(factor / near - 1) < _NEARLY else factor
