"""Where the pixels of a raster lie on the ground."""

import math
from dataclasses import dataclass

from affine import Affine
from rasterio.crs import CRS

from smalti.arguments import check_fields
from smalti.tiling import Window

IDENTITY = Affine.identity()
_FLAT = 1e-9
"""Sine of the angle between rows and columns below which both are one line."""
EQUATOR_M = 6378137.0


@dataclass(frozen=True, slots=True)
class Grid:
    """Size of a raster and its place: `transform` maps (column, row) to coordinates of `crs`."""

    height: int
    width: int
    transform: Affine = IDENTITY
    crs: CRS | None = None

    def __post_init__(self) -> None:
        """OptionError for a field of another type."""
        if not (isinstance(self.transform, Affine) and isinstance(self.height, int) and isinstance(self.width, int)):
            check_fields(self)
        if not (self.crs is None or isinstance(self.crs, CRS)):
            check_fields(self)

    def crop(self, window: Window) -> "Grid":
        """The grid of a window of this raster."""
        t = self.transform
        x, y = self.xy(window.col, window.row)
        return Grid(window.height, window.width, Affine(t.a, t.b, x, t.d, t.e, y), self.crs)

    def xy(self, col: float, row: float) -> tuple[float, float]:
        """The coordinates of a place given in pixels; 0, 0 is the outer corner of the first pixel."""
        t = self.transform
        return t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f

    def col_row(self, x: float, y: float) -> tuple[float, float]:
        """The place in pixels of coordinates."""
        return Grid(self.height, self.width, ~self.transform).xy(x, y)

    def resized(self, height: int, width: int) -> "Grid":
        """The grid of the same extent with another number of pixels."""
        t, by_x, by_y = self.transform, self.width / width, self.height / height
        return Grid(height, width, Affine(t.a * by_x, t.b * by_y, t.c, t.d * by_x, t.e * by_y, t.f), self.crs)

    def __repr__(self) -> str:
        size = f"Grid({self.height} x {self.width} pixels"
        if self.transform.is_identity:
            return f"{size})"
        crs = self.crs.to_string() if self.crs else "no CRS"
        place = ", ".join(f"{number:.12g}" for number in self.transform[:6])
        return f"{size}, transform {place}, {crs if len(crs) < 40 else crs[:36] + ' ...'})"

    @property
    def georeferenced(self) -> bool:
        """Whether the pixels have a place on the ground."""
        return self.crs is not None and not self.transform.is_identity


def is_sound(transform: Affine) -> bool:
    """Whether a transform gives each pixel a place of its own."""
    a, b, _, d, e, _ = tuple(transform)[:6]
    area, sides = abs(a * e - b * d), math.hypot(a, d) * math.hypot(b, e)
    return all(map(math.isfinite, (*tuple(transform)[:6], area, sides))) and area > _FLAT * sides
