"""A raster seen with another pixel size, within its own CRS."""

from collections.abc import Iterator
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.errors import RasterError
from smalti.raster.grid import Grid
from smalti.raster.ground import axes_m, why_no_metres
from smalti.raster.reader import Reader
from smalti.taps import squeeze, taps
from smalti.tiling import Window

_MOST = 1 << 22  # values of the source that are held at once

FINEST = 16
"""How many times smaller a pixel may become along each axis: nothing more can be seen in it then."""
COARSEST = 1024
"""How many times larger a pixel may become along each axis: what is in one pixel must fit in memory."""
_NEARLY = 2e-3
"""How far, as a fraction, a projection may stretch a pixel before it is resampled."""
_LEAST = 1e-4  # fraction of a pixel that must be valid


class Resampled(Reader):
    """A raster with square pixels of `resolution` metres, in its own CRS and with its own corners.

    Larger pixels are means of the valid ones in them, smaller ones are interpolated between them. In a geographic CRS
    the pixel has as many degrees as make `resolution` metres at the centre. RasterError where metres are unknown, as
    without a georeference, except of a drone's photo whose metadata tell its pixel size.
    """

    def __init__(self, reader: Reader, resolution: float) -> None:
        self.path, self._reader = reader.path, reader
        self._like(reader)
        size = axes_m(reader.grid)
        if size is None and reader.photo_m:
            size = reader.photo_m, reader.photo_m
        if size is None:
            raise RasterError(
                f"{self.path}: {why_no_metres(reader.grid)}, so it cannot be resampled to {resolution:g} m; "
                "leave its pixels as they are"
            )
        own = reader.grid
        if (why := _beyond(own, size, resolution)) is not None:
            raise RasterError(f"{self.path}: resampled from {why}")
        width = max(1, round(own.width * _factor(size[0] / resolution)))
        height = max(1, round(own.height * _factor(size[1] / resolution)))
        self.grid = own.resized(height, width)
        self._by = own.height / height, own.width / width  # rows, columns of the source in a pixel
        self.photo_m = reader.photo_m and reader.photo_m * self._by[1]

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        pixels = np.zeros((len(self.bands), window.height, window.width), self.dtype)
        valid = np.zeros((window.height, window.width), bool)
        for part in self._parts(window):
            here = part.within(window)
            pixels[:, *here], valid[here] = self._resample(part)
        return pixels, valid

    def _parts(self, window: Window) -> Iterator[Window]:
        """The window in parts whose source fits in memory."""
        held = self._by[0] * self._by[1] * (len(self.bands) + 1)
        side = max(1, floor((_MOST / held) ** 0.5))
        for row in range(window.row, window.bottom, side):
            for col in range(window.col, window.right, side):
                yield Window(row, col, min(side, window.bottom - row), min(side, window.right - col))

    def _resample(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        own = self._reader.grid
        rows, row_shares = taps(window.row, window.height, self._by[0], own.height)
        cols, col_shares = taps(window.col, window.width, self._by[1], own.width)
        top, left = int(rows.min()), int(cols.min())
        cut = Window(top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)
        pixels, valid = self._reader.read(cut)
        down, right = (rows - top, row_shares), (cols - left, col_shares)
        mean = squeeze(pixels, down, right, mean_kind(self.dtype))
        if valid.all():
            return stored(mean, self.dtype), np.ones(mean.shape[1:], bool)
        share = squeeze(valid[None], down, right)[0]
        seen = share > _LEAST
        mean /= np.where(seen, share, 1)  # invalid pixels are 0, so they are not in the sums
        np.copyto(mean, 0, where=~seen)
        return stored(mean, self.dtype), seen

    def close(self) -> None:
        """Closes the raster."""
        self._reader.close()


def mean_kind(dtype: np.dtype[Any]) -> type[np.floating]:
    """The type in which means of pixels are computed."""
    return np.float64 if dtype.itemsize > 2 and dtype != np.float32 else np.float32


def stored(mean: NDArray[np.floating], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Means in a raster's own type; their array is used up."""
    if dtype.kind == "f":
        return np.asarray(mean, dtype)
    limits = np.iinfo(dtype)
    np.rint(mean, out=mean)
    return np.asarray(np.clip(mean, limits.min, limits.max, out=mean), dtype)


def can_resample(size: tuple[float, float], resolution: float) -> bool:
    """Whether pixels of `size` metres (width, height) can be resampled to `resolution` metres."""
    return _not_finer(size, resolution) and _not_coarser(size, resolution)


def _not_finer(size: tuple[float, float], resolution: float) -> bool:
    return max(size) <= FINEST * (1 + _NEARLY) * resolution


def _not_coarser(size: tuple[float, float], resolution: float) -> bool:
    return resolution <= COARSEST * (1 + _NEARLY) * min(size)


def _beyond(own: Grid, size: tuple[float, float], resolution: float) -> str | None:
    """Why a grid cannot be resampled; None if it can."""
    if not _not_finer(size, resolution):
        columns, rows = (
            _counted(n * metres / resolution) for n, metres in zip((own.width, own.height), size, strict=True)
        )
        return (
            f"{max(size):.3g} to {resolution:g} m it would have {columns} x {rows} pixels, more than {FINEST} times "
            "finer than what it shows; choose a model for such pixels, or at least "
            f"{max(size) / FINEST:.3g} metres per pixel"
        )
    if not _not_coarser(size, resolution):
        return (
            f"{min(size):.3g} to {resolution:g} m its pixels would be more than {COARSEST} times coarser; choose at "
            f"most {min(size) * COARSEST:.3g} metres per pixel"
        )
    return None


def _counted(pixels: float) -> str:
    return f"{pixels:,.0f}" if pixels < 1e12 else f"{pixels:.3g}"


def _factor(factor: float) -> float:
    """The factor, or the whole number (or one over it) that it nearly is.

    A pixel of 0.5 m by its file has 0.5002 m on the ground in the middle of a UTM zone: it stays as it is at 0.5 m.
    """
    whole = round(max(factor, 1 / factor))
    near = float(whole) if factor >= 1 else 1 / whole
    return near if abs(factor / near - 1) < _NEARLY else factor
