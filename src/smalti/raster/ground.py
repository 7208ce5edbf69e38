"""How large pixels and polygons are on the ground, whatever the CRS.

A place is a point on the CRS's ellipsoid in geocentric metres, and a pixel is measured by how that point moves with its
coordinates. So no projection, unit, pole or date line is a special case.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from rasterio.crs import CRS

from smalti.arrays import Doubles
from smalti.raster.grid import EQUATOR_M, Grid

_STEP_M = 100.0
"""Metres over which a place is moved: far above the noise of a projection, far below the bend of the Earth."""
_EARTHLY = 0.01
"""How far, as a share, a radius may lie from the Earth's."""
_WGS84_E2 = 0.00669437999014

_WKT = "WKT2_2019"
_CODE = re.compile(r'ID\["EPSG",(\d+)\]\]$')


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the coordinates of a CRS lie."""

    points: Callable[[Doubles, Doubles], Doubles]
    """Metres (3, N) of coordinates x and y (N); not finite where the CRS has no ground."""
    step: float
    """About 100 m in the unit of the coordinates."""


def axes_m(grid: Grid) -> tuple[float, float] | None:
    """Width and height in metres of the pixel at the centre of the grid, or None where they are unknown.

    That is where the grid has no CRS or place, or its CRS has no ground: geocentric coordinates, unknown units.
    """
    vectors = _central(grid)
    return None if vectors is None else (_length(vectors[0]), _length(vectors[1]))


def pixel_size_m(grid: Grid) -> float | None:
    """The side in metres of the square as large as the pixel at the centre of the grid, or None as in `axes_m`."""
    vectors = _central(grid)
    return None if vectors is None else math.sqrt(_length(np.cross(*vectors)))


def why_no_metres(grid: Grid) -> str:
    """What is missing where `axes_m` returns None."""
    if grid.crs is None:
        return "it has no CRS"
    if not grid.georeferenced:
        return "it has a CRS but no place in it"
    return f"its CRS ({_name(grid.crs)}) gives no metres on the ground there"


def _name(crs: CRS) -> str:
    return next(iter(wkt_of(crs).split('"')[1:2]), "unnamed")


def _central(grid: Grid) -> tuple[Doubles, Doubles] | None:
    """How the ground moves (3) with a column and with a row at the centre of the grid."""
    ground = ground_of(grid)
    if ground is None:
        return None
    col, row = pixel_vectors(ground, grid, np.array([grid.width / 2]), np.array([grid.height / 2]))
    if not (np.isfinite(col).all() and np.isfinite(row).all() and _length(col) and _length(row)):
        return None
    return col[:, 0], row[:, 0]


def _length(vector: Doubles) -> float:
    return float(np.linalg.norm(vector))


def pixel_vectors(ground: Ground, grid: Grid, cols: Doubles, rows: Doubles) -> tuple[Doubles, Doubles]:
    """How the ground moves in metres (3, N) with a column and with a row, at places (N) in pixels."""
    t, step = grid.transform, ground.step
    x, y = t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f
    with np.errstate(invalid="ignore", over="ignore"):
        by_x = (ground.points(x + step, y) - ground.points(x - step, y)) / (2 * step)
        by_y = (ground.points(x, y + step) - ground.points(x, y - step)) / (2 * step)
        return by_x * t.a + by_y * t.d, by_x * t.b + by_y * t.e


def ground_of(grid: Grid) -> Ground | None:
    """The ground of a grid's coordinates, or None where it has none."""
    if grid.crs is None or not grid.georeferenced:
        return None
    return _ground(wkt_of(grid.crs))


def wkt_of(crs: CRS) -> str:
    """A CRS as lossless text (WKT2).

    The older form, in which rasterio reads a file's CRS, takes some spherical projections for ellipsoidal ones; where
    it is that of the CRS's own code, the code's definition distinguishes them.
    """
    text = str(crs.to_wkt(version=_WKT))
    code = epsg_of(text)
    if code is not None and CRS.from_epsg(code).to_wkt() == crs.to_wkt():
        return _definition(code) or text
    return text


def epsg_of(wkt: str) -> int | None:
    """The code of EPSG that a CRS as text (WKT2) has; None for one without."""
    code = _CODE.search(wkt)
    return int(code[1]) if code else None


@lru_cache(maxsize=64)
def _definition(code: int) -> str:
    """The definition of a code of EPSG; empty if it is unknown. Not rasterio's, which depends on the files read before:
    a code that a file has had is afterwards given without the ensemble of its datum."""
    import pyproj
    from pyproj.exceptions import CRSError

    try:
        return pyproj.CRS.from_epsg(code).to_wkt(_WKT)
    except CRSError:
        return ""


@lru_cache(maxsize=16)
def _ground(wkt: str) -> Ground | None:
    import pyproj
    from pyproj.exceptions import ProjError

    try:
        crs = horizontal(pyproj.CRS.from_wkt(wkt))
        if crs.is_projected or crs.is_geographic:
            return _curved(crs)
        return _plane(crs) if crs.type_name.startswith(("Engineering", "Derived Engineering")) else None
    except ProjError:
        return None


def horizontal(crs: Any) -> Any:
    """The part of a CRS without its vertical part and its datum transformation."""
    while crs.is_bound or crs.is_compound:
        crs = crs.source_crs if crs.is_bound else crs.sub_crs_list[0]
    return crs


def _plane(crs: Any) -> Ground | None:
    """Local coordinates, as of a building site: a plane, if their unit is a length."""
    from pyproj.database import get_units_map

    axis = crs.axis_info[0]
    name = axis.unit_name.lower()
    known = {"meter", "m"} | {unit.lower() for unit in get_units_map(category="linear")}
    factor = axis.unit_conversion_factor
    if name not in known or not factor > 0:
        return None
    return Ground(lambda x, y: np.stack((x * factor, y * factor, 0 * x)), _STEP_M / factor)


def _curved(crs: Any) -> Ground:
    """Coordinates on an ellipsoid, projected or not."""
    import pyproj

    base = crs.source_crs if crs.is_projected or crs.is_derived else crs
    radius, e2 = shape(base.ellipsoid)
    to_radians = base.axis_info[0].unit_conversion_factor
    if base is crs:
        step = _STEP_M / radius / to_radians
        return Ground(lambda lon, lat: _geocentric(lon * to_radians, lat * to_radians, radius, e2), step)
    transform = pyproj.Transformer.from_crs(crs, base, always_xy=True).transform

    def points(x: Doubles, y: Doubles) -> Doubles:
        lon, lat = transform(x, y)
        return _geocentric(lon * to_radians, lat * to_radians, radius, e2)

    unit = crs.axis_info[0].unit_conversion_factor
    return Ground(points, _STEP_M / unit if crs.is_projected else _STEP_M / radius / unit)


def shape(ellipsoid: Any) -> tuple[float, float]:
    """Radius at the equator in metres, and squared eccentricity.

    Maps of the Earth on a sphere take the ellipsoid's latitudes for the sphere's: their ground is that of WGS 84.
    """
    radius, other = ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre
    if radius == other and abs(radius / EQUATOR_M - 1) < _EARTHLY:
        return EQUATOR_M, _WGS84_E2
    return radius, 1 - (other / radius) ** 2


def _geocentric(lon: Doubles, lat: Doubles, radius: float, e2: float) -> Doubles:
    """Geocentric metres (3, N) of places on an ellipsoid given in radians."""
    sine, cosine = np.sin(lat), np.cos(lat)
    normal = radius / np.sqrt(1 - e2 * sine**2)
    return np.stack((normal * cosine * np.cos(lon), normal * cosine * np.sin(lon), normal * (1 - e2) * sine))
