"""The grid of a mosaic: pixels and square tiles counted from the origin of a CRS, so that mosaics match."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

from affine import Affine
from rasterio.crs import CRS

from smalti.raster.grid import Grid
from smalti.tiling import Window

LEAST, MOST = 64, 1 << 17
"""Pixels along a side of a tile."""
Bounds = tuple[float, float, float, float]
"""Left, bottom, right and top in the unit of a CRS."""


class Cell(NamedTuple):
    """An output tile: columns count eastwards, rows northwards from the CRS's origin."""

    col: int
    row: int

    @property
    def name(self) -> str:
        """The stem of its file."""
        return f"x{self.col}_y{self.row}"


@dataclass(frozen=True, slots=True)
class MosaicGrid:
    """Pixels of one size, in tiles of `tile` x `tile` pixels.

    Windows count pixels from the origin of the CRS: columns to the east, rows to the south, so that most rows of a
    northern country are negative.
    """

    crs: CRS
    pixel: float
    """The side of a pixel in the unit of the CRS."""
    tile: int

    def window(self, cell: Cell) -> Window:
        """The pixels of a tile."""
        return Window(-(cell.row + 1) * self.tile, cell.col * self.tile, self.tile, self.tile)

    def place(self, window: Window) -> Grid:
        """Where a window lies."""
        left, top = window.col * self.pixel, -window.row * self.pixel
        return Grid(window.height, window.width, Affine(self.pixel, 0, left, 0, -self.pixel, top), self.crs)

    def cells(self, bounds: Bounds) -> Iterator[Cell]:
        """The tiles that a rectangle touches, from north to south, each row from west to east."""
        side = self.pixel * self.tile
        left, bottom, right, top = (value / side for value in bounds)
        for row in range(ceil(top) - 1, floor(bottom) - 1, -1):
            for col in range(floor(left), ceil(right)):
                yield Cell(col, row)

    def bounds(self, cell: Cell) -> Bounds:
        """The rectangle of a tile."""
        side = self.pixel * self.tile
        return cell.col * side, cell.row * side, (cell.col + 1) * side, (cell.row + 1) * side
