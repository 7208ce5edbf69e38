"""Where the pixels of a raster lie on the ground."""

import math
from dataclasses import dataclass

from affine import Affine
from rasterio.crs import CRS

from smalti.tiling import Window

IDENTITY = Affine.identity()
EQUATOR_M = 6378137.0
ECCENTRICITY_2 = 0.00669437999014  # of the WGS 84 ellipsoid


@dataclass(frozen=True, slots=True)
class Grid:
    """Size of a raster and its place: `transform` maps (column, row) to coordinates of `crs`."""

    height: int
    width: int
    transform: Affine = IDENTITY
    crs: CRS | None = None

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
        """The same ground in another number of pixels."""
        t, by_x, by_y = self.transform, self.width / width, self.height / height
        return Grid(height, width, Affine(t.a * by_x, t.b * by_y, t.c, t.d * by_x, t.e * by_y, t.f), self.crs)

    @property
    def georeferenced(self) -> bool:
        """Whether the pixels have a place on the ground at all."""
        return self.crs is not None and not self.transform.is_identity


def pixel_size_m(grid: Grid) -> float | None:
    """The side of a pixel in metres at the centre of the grid, or None without a CRS or place.

    Geographic and Mercator coordinates are measured at the latitude of the centre. A pixel that is not square
    counts as the square of the same area.
    """
    size = axes_m(grid)
    return None if size is None else math.sqrt(size[0] * size[1])


def axes_m(grid: Grid) -> tuple[float, float] | None:
    """Width and height of the pixel at the centre of the grid in metres, or None without a CRS or place."""
    if grid.crs is None or not grid.georeferenced:
        return None
    t = grid.transform
    x_unit, y_unit = _metres_per_unit(grid.crs, grid.xy(grid.width / 2, grid.height / 2)[1])
    return math.hypot(t.a * x_unit, t.d * y_unit), math.hypot(t.b * x_unit, t.e * y_unit)


def _metres_per_unit(crs: CRS, y: float) -> tuple[float, float]:
    """Metres on the ground of one unit of x and y where the second coordinate is `y`."""
    if crs.is_geographic:
        return degree_m(y)
    unit = float(crs.linear_units_factor[1])
    if crs.to_dict().get("proj") in ("merc", "webmerc"):
        unit /= math.cosh(y * unit / EQUATOR_M)  # the projection stretches lengths by 1 / cos(latitude)
    return unit, unit


def degree_m(latitude: float) -> tuple[float, float]:
    """Metres of one degree of longitude and of latitude on the WGS 84 ellipsoid."""
    lat = math.radians(latitude)
    bend = 1 - ECCENTRICITY_2 * math.sin(lat) ** 2
    degree = math.radians(1) * EQUATOR_M
    return degree * math.cos(lat) / math.sqrt(bend), degree * (1 - ECCENTRICITY_2) / bend**1.5
