"""A part of a scene that was drawn: a rectangle of pixels, or a polygon, outside of which no pixel is valid."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from smalti.errors import OptionError
from smalti.raster.crop import CroppedReader
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.tiling import Window

Ring = tuple[tuple[float, float], ...]
"""Corners as column and row; the first one is also the last."""


@dataclass(frozen=True, slots=True)
class Area:
    """A part of a scene in its own pixels."""

    window: Window
    rings: tuple[Ring, ...] = ()
    """The outline of a polygon, and its holes; empty for the whole window."""

    def check(self, grid: Grid) -> None:
        """OptionError unless it lies inside of a scene."""
        w = self.window
        if w.height < 1 or w.width < 1 or w.row < 0 or w.col < 0 or w.bottom > grid.height or w.right > grid.width:
            text = f"the area is columns {w.col} to {w.right}, rows {w.row} to {w.bottom}"
            raise OptionError(f"{text}, the scene has {grid.width} x {grid.height} pixels; draw it inside", value=self)


def area_of(rings: tuple[Ring, ...], grid: Grid) -> Area:
    """The area of a polygon, as far as it lies inside of a scene; OptionError where it does not."""
    points = np.array(rings[0])
    if not np.isfinite(points).all():
        raise OptionError("the area has corners that are no numbers; draw it again")
    left, top = np.maximum(np.floor(points.min(axis=0)), 0).tolist()
    right, bottom = np.minimum(np.ceil(points.max(axis=0)), (grid.width, grid.height)).tolist()
    if right <= left or bottom <= top:
        raise OptionError(f"the area lies outside of the scene of {grid.width} x {grid.height} pixels; draw it inside")
    return Area(Window(int(top), int(left), int(bottom - top), int(right - left)), rings)


class AreaReader(CroppedReader):
    """A part of a raster as if it were a file of its own."""

    def __init__(self, reader: Reader, area: Area) -> None:
        """OptionError unless the area lies inside of the raster."""
        area.check(reader.grid)
        super().__init__(reader, area.window)
        self._area = area
        self.masked = self.masked or bool(area.rings)

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        pixels, valid = super()._read(window)
        if self._area.rings:
            valid = valid & self._inside(window.shift(self._area.window.row, self._area.window.col))
            np.copyto(pixels, 0, where=~valid)
        return pixels, valid

    def _inside(self, window: Window) -> NDArray[np.bool_]:
        """Whether the centre of each pixel (H, W) of a window of the whole raster lies in the polygon."""
        from rasterio.features import geometry_mask

        polygon = {"type": "Polygon", "coordinates": self._area.rings}
        place = Affine(1, 0, window.col, 0, 1, window.row)
        inside: NDArray[np.bool_] = geometry_mask([polygon], (window.height, window.width), place, invert=True)
        return inside
