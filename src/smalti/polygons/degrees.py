"""Polygons in longitude and latitude of WGS 84, cut where they cross the date line (RFC 7946)."""

from math import ceil, floor, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles
from smalti.errors import OutputError
from smalti.raster.grid import EQUATOR_M, Grid
from smalti.raster.ground import pixel_size_m, wkt_of

_LONG = 1.0
"""Degrees of longitude over which an edge may bend: a longer one is divided."""
_FAR_M = 10_000.0
"""An edge of nearly 360 degrees and at least this length goes around the Earth, not over the date line."""
_PARTS = 16
"""Parts into which it is divided."""
_FINER = 4
"""Decimals beyond those of a pixel: rounding must not move a vertex over a border."""


def lies_on_earth(grid: Grid) -> bool:
    """Whether a grid's positions have a longitude and a latitude on the Earth."""
    crs = grid.crs
    if crs is None or not grid.georeferenced or not (crs.is_geographic or crs.is_projected):
        return False
    from pyproj.exceptions import ProjError

    try:
        _to_degrees(grid)
    except ProjError:  # of another celestial body
        return False
    return True


def check_degrees(grid: Grid) -> None:
    """OutputError if no part of a map on the Earth has a longitude and latitude; reads no pixel."""
    if lies_on_earth(grid):
        places = np.array([(col, row) for col in (0, 0.5, 1) for row in (0, 0.5, 1)]) * (grid.width, grid.height)
        if not np.isfinite(_to_degrees(grid)(*in_own_units(grid, places).T)).any():
            raise OutputError("no part of the map has a longitude and latitude; write it as .gpkg, .fgb or .parquet")


def _to_degrees(grid: Grid) -> Any:
    import pyproj

    here = pyproj.CRS.from_wkt(wkt_of(grid.crs))
    return pyproj.Transformer.from_crs(here, "OGC:CRS84", always_xy=True).transform


def decimals(grid: Grid) -> int:
    """The number of decimals of a degree that distinguish a grid's vertices."""
    return max(7, ceil(-log10(_pixel(grid))) + _FINER)


def _pixel(grid: Grid) -> float:
    """The side of a pixel in degrees of latitude."""
    return float((pixel_size_m(grid) or 1.0) / np.radians(EQUATOR_M))


def in_own_units(grid: Grid, pixels: Doubles) -> Doubles:
    """Positions (N, 2: column, row) in the coordinates of the grid's CRS."""
    t = grid.transform
    found: Doubles = pixels @ np.array([[t.a, t.d], [t.b, t.e]]) + (t.c, t.f)
    return found


class Degrees:
    """Transforms polygons of one grid from pixels to degrees."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._far = _FAR_M / (pixel_size_m(grid) or 1.0)
        self._close = _pixel(grid) / 100
        self._step = 10.0 ** -decimals(grid)
        self._transform = _to_degrees(grid)

    def __call__(self, polygons: NDArray[Any]) -> NDArray[Any]:
        """The polygons (N), given in pixels: x = column, y = row; those across the date line in several parts.

        Outlines run counterclockwise, holes clockwise. Raises OutputError where the CRS has no longitude.
        """
        import shapely

        found: NDArray[Any] = shapely.transform(polygons, self._degrees)
        long = _reach(found, _LONG)
        if long.any():
            found[long] = [self._divided(polygon) for polygon in polygons[long]]
        cut = _reach(found, 180) | (np.abs(shapely.bounds(found)[:, [0, 2]]) > 180).any(axis=1)
        if cut.any():
            found[cut] = [_cut(polygon) for polygon in found[cut]]
        turned: NDArray[Any] = shapely.orient_polygons(_rounded(found, self._step))
        return turned

    def _degrees(self, pixels: Doubles) -> Doubles:
        lon, lat = self._transform(*in_own_units(self._grid, pixels).T)
        if not np.isfinite(lon).all():
            raise OutputError("a part of the map has no longitude and latitude; write it as .gpkg, .fgb or .parquet")
        at_the_line = np.abs(np.abs(lon) - 180) < self._close  # GDAL would write 179.99999999 as 180
        return np.column_stack((np.where(at_the_line, np.copysign(180.0, lon), lon), lat))

    def _divided(self, polygon: Any) -> Any:
        """A polygon in pixels as degrees, its long edges divided."""
        import shapely

        rings = [self._finely(np.asarray(ring.coords)) for ring in (polygon.exterior, *polygon.interiors)]
        return shapely.Polygon(rings[0], rings[1:])

    def _finely(self, pixels: Doubles) -> Doubles:
        """The points of a ring in degrees, with additional ones along long edges."""
        points = self._degrees(pixels)
        parts = [points[:1]]
        share = np.linspace(0, 1, _PARTS + 1)[1:-1, None]
        far = np.hypot(*np.diff(pixels, axis=0).T) > self._far
        degrees = np.abs(np.diff(points[:, 0]))
        for k, long in enumerate(np.where(far, degrees, np.minimum(degrees, 360 - degrees)) > _LONG):
            if long:
                parts.append(self._degrees(pixels[k] * (1 - share) + pixels[k + 1] * share))
            parts.append(points[k + 1 : k + 2])
        return np.concatenate(parts)


def _rounded(polygons: NDArray[Any], step: float) -> NDArray[Any]:
    """The polygons with their vertices at multiples of `step`, and valid.

    GDAL rounds them when it writes them, and where that makes one invalid it mends it and turns its outlines.
    """
    import shapely

    crossing = ~shapely.is_valid(polygons)  # edges that are straight in pixels, but not in degrees
    if crossing.any():
        polygons[crossing] = shapely.make_valid(polygons[crossing], method="structure")
    found: NDArray[Any] = shapely.set_precision(polygons, step, mode="pointwise")
    bad = ~shapely.is_valid(found)
    if bad.any():
        found[bad] = shapely.set_precision(polygons[bad], step)
    return found


def _reach(polygons: NDArray[Any], degrees: float) -> NDArray[np.bool_]:
    """Which polygons have an edge that spans more than `degrees` of longitude."""
    import shapely

    points, of = shapely.get_coordinates(polygons, return_index=True)
    long = (np.abs(np.diff(points[:, 0])) > degrees) & (of[1:] == of[:-1])
    found = np.zeros(len(polygons), bool)
    found[of[1:][long]] = True
    return found


def _cut(polygon: Any) -> Any:
    """A polygon whose longitudes jump or continue beyond 180 as one, or several, from -180 to 180."""
    import shapely

    holes = shapely.union_all([_inside(ring) for ring in polygon.interiors])
    parts = shapely.get_parts(shapely.difference(_inside(polygon.exterior), holes))
    parts = parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) > 0)]
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def _inside(ring: Any) -> Any:
    """The area inside a ring, from -180 to 180."""
    import shapely

    whole = shapely.Polygon(_unwound(np.asarray(ring.coords)))
    west, _, east, _ = whole.bounds
    world = shapely.box(-180, -90, 180, 90)
    turns = (
        shapely.transform(whole, lambda points, k=k: points - np.array((360.0 * k, 0)))
        for k in range(floor((west + 180) / 360), floor((east + 180) / 360) + 1)
    )
    return shapely.union_all([shapely.intersection(turn, world) for turn in turns])


def _unwound(points: Doubles) -> Doubles:
    """A ring whose longitudes continue beyond 180; one around a pole is closed along the pole."""
    lon = _unwrapped(points[:, 0])
    if lon[-1] == lon[0]:
        return np.column_stack((lon, points[:, 1]))
    first = int(np.argmax(np.abs(points[:-1, 1])))  # from the point nearest to the pole, no edge is in the way
    points = np.roll(points[:-1], -first, axis=0)
    lon = _unwrapped(np.append(points[:, 0], points[0, 0]))
    lat = np.append(points[:, 1], points[0, 1])
    pole = np.copysign(90.0, lat[0])
    return np.column_stack((np.append(lon, (lon[-1], lon[0], lon[0])), np.append(lat, (pole, pole, lat[0]))))


def _unwrapped(lon: Doubles) -> Doubles:
    """Longitudes without jumps, shifted by whole turns: equal points stay equal."""
    turns: Doubles = np.append(0, np.cumsum(np.round(np.diff(lon) / 360)))
    return lon - 360 * turns
