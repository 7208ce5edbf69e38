"""One scene seen on the grid of a mosaic, whatever CRS and pixel size it has."""

from math import ceil, floor

import numpy as np
from rasterio.enums import Resampling
from rasterio.warp import reproject

from smalti.arrays import Mask, Pixels
from smalti.mosaics.grid import MosaicGrid
from smalti.raster.grid import Grid
from smalti.raster.place import apply, lattice, near_to, project
from smalti.raster.reader import Reader
from smalti.raster.resample import mean_kind, stored
from smalti.tiling import Window

_OFF = 0.05
"""Pixels that a scene may lie beside the grid's whole ones and still be copied: coordinates are rounded."""
_PLACES = 9
"""Places along each side of a window that say which part of a scene it needs."""
_MARGIN = 3
"""Pixels beyond that part: the kernel, and what these places miss of a bent edge."""
_HALF = 0.5
"""The share of a pixel that must be valid."""


class Placed:
    """A scene on a mosaic's grid: copied where its pixels are the grid's, else resampled bilinearly.

    Invalid pixels have no share in any value.
    """

    def __init__(self, reader: Reader, mosaic: MosaicGrid) -> None:
        self._reader, self._mosaic = reader, mosaic
        self._covers = _whole(reader.grid, mosaic)

    def read(self, window: Window) -> tuple[Pixels, Mask]:
        """Pixels (C, H, W) and validity (H, W) of a window of the mosaic; invalid beyond the scene."""
        pixels = np.zeros((len(self._reader.bands), window.height, window.width), self._reader.dtype)
        valid = np.zeros((window.height, window.width), bool)
        if self._covers is None:
            cut = self._needed(window)
            return (pixels, valid) if cut is None else self._warped(cut, window)
        cut = window.intersect(self._covers)
        if cut is not None:
            here = cut.within(window)
            pixels[:, *here], valid[here] = self._reader.read(cut.shift(-self._covers.row, -self._covers.col))
        return pixels, valid

    def close(self) -> None:
        """Closes the scene."""
        self._reader.close()

    def _needed(self, window: Window) -> Window | None:
        """The part of the scene that a window is made of."""
        cols, rows = np.meshgrid(*(np.linspace(0, size, _PLACES) for size in (window.width, window.height)))
        place, own = self._mosaic.place(window), self._reader.grid
        points = apply(place.transform, np.column_stack((cols.ravel(), rows.ravel())))
        if own.crs != place.crs:
            assert own.crs is not None and place.crs is not None
            points = project(points, place.crs.to_wkt(), own.crs.to_wkt())
        points = points[np.isfinite(points).all(axis=1)]
        if not len(points):
            return None
        there = apply(~own.transform, near_to(own, points))
        (left, top), (right, bottom) = there.min(axis=0) - _MARGIN, there.max(axis=0) + _MARGIN
        box = Window(floor(top), floor(left), ceil(bottom) - floor(top), ceil(right) - floor(left))
        return box.intersect(Window(0, 0, own.height, own.width))

    def _warped(self, cut: Window, window: Window) -> tuple[Pixels, Mask]:
        pixels, valid = self._reader.read(cut)
        kind = mean_kind(pixels.dtype)
        source = np.concatenate([pixels, valid[None]], dtype=kind)  # invalid pixels are 0
        found = np.zeros((len(source), window.height, window.width), kind)
        own, place = self._reader.grid.crop(cut), self._mosaic.place(window)
        reproject(
            source, found, src_transform=own.transform, src_crs=own.crs, dst_transform=place.transform,
            dst_crs=place.crs, resampling=Resampling.bilinear,
        )  # fmt: skip
        share, seen = found[-1], found[-1] > _HALF
        mean = np.where(seen, found[:-1] / np.where(seen, share, 1), 0)
        return stored(mean, pixels.dtype), seen


def _whole(grid: Grid, mosaic: MosaicGrid) -> Window | None:
    """The pixels of a mosaic that a scene's are; None if they do not coincide."""
    own, there = lattice(grid, mosaic.place(Window(0, 0, 1, 1)))
    if not np.isfinite(there).all():
        return None
    off = there - own
    col, row = np.round(np.median(off, axis=0)).astype(int).tolist()
    if np.abs(off - (col, row)).max() > _OFF:
        return None
    return Window(row, col, grid.height, grid.width)
