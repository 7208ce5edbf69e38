"""Where one raster lies on the grid of another, in pixels, whatever CRS each is written in."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from smalti.raster.grid import Grid
from smalti.raster.ground import horizontal
from smalti.raster.upright import TURNS, Turn

NEAR = 0.3
"""Pixels that a raster may lie beside whole ones: coordinates are rounded."""
HALF = 0.51
"""Pixels that a raster of the same size may lie beside: some programs name the middle of a pixel, others its corner."""
_LATTICE = 5  # places along each side that are compared

Points = NDArray[np.float64]
"""N, 2: columns and rows, or coordinates x and y."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A raster at whole pixels of another: turn it, and its first pixel is at `row`, `col`."""

    turn: Turn
    row: int
    col: int


def comparable(one: Grid, other: Grid) -> bool:
    """Whether both say where they lie, so that it can be compared; a missing CRS is taken to be the other's."""
    return not (_is_placeless(one) or _is_placeless(other))


def _is_placeless(grid: Grid) -> bool:
    """Whether a transform only counts pixels: rows counted from the top, or without a CRS from below."""
    t = grid.transform
    from_below = grid.crs is None and (t.a, t.b, t.c, t.d, t.e) == (1, 0, 0, 0, -1) and t.f in (0, grid.height)
    return t.is_identity or from_below


def apply(transform: Affine, points: Points) -> Points:
    """Points after an affine transform."""
    t, (x, y) = transform, points.T
    with np.errstate(invalid="ignore"):  # points without a place stay without one
        return np.column_stack((t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f))


def project(points: Points, crs: str, other: str) -> Points:
    """Coordinates of one CRS in another one, both as WKT or code; not finite where they are undefined."""
    import pyproj
    from pyproj.exceptions import ProjError

    try:
        x, y = pyproj.Transformer.from_crs(crs, other, always_xy=True).transform(*points.T)
    except ProjError:
        return np.full_like(points, np.inf)
    return np.column_stack((x, y))


def lattice(grid: Grid, other: Grid) -> tuple[Points, Points]:
    """Pixels spread over `grid`, and where these lie on `other`; not finite where undefined."""
    own = np.array([*product(np.linspace(0, grid.width, _LATTICE), np.linspace(0, grid.height, _LATTICE))])
    there = apply(grid.transform, own)
    if grid.crs is not None and other.crs is not None and not _same(grid.crs, other.crs):
        there = project(there, grid.crs.to_wkt(), other.crs.to_wkt())
    turn = turn_of(other.crs)
    if turn is not None:  # 190 degrees east are 170 west
        away = np.median(there[:, 0]) - other.xy(other.width / 2, other.height / 2)[0]
        there[:, 0] -= turn * np.round(away / turn) if math.isfinite(away) else 0
    return own, apply(~other.transform, there)


def near_to(grid: Grid, points: Points) -> Points:
    """Coordinates of a grid's CRS, longitudes less than half a turn from its middle: 190 degrees east are 170 west."""
    if (turn := turn_of(grid.crs)) is None:
        return points
    away = points[:, 0] - grid.xy(grid.width / 2, grid.height / 2)[0]
    with np.errstate(invalid="ignore"):  # points without a place stay without one
        return np.column_stack((points[:, 0] - turn * np.round(away / turn), points[:, 1]))


def turn_of(crs: CRS | None) -> float | None:
    """Once around the Earth in the unit of a CRS of longitudes; None for another CRS."""
    return math.tau / crs.units_factor[1] if crs is not None and crs.is_geographic else None


def _same(crs: CRS, other: CRS) -> bool:
    """Whether coordinates mean the same in both; those of two building sites are taken to.

    How a datum relates to WGS 84 (TOWGS84) changes no coordinate, and one of two files often leaves it out, or names
    nothing else: then the code by which GDAL knows both decides.
    """
    if crs == other or not any(each.is_geographic or each.is_projected for each in (crs, other)):
        return True
    return _same_apart_from_datum_shift(crs.to_wkt(), other.to_wkt())


@lru_cache(maxsize=16)
def _same_apart_from_datum_shift(crs: str, other: str) -> bool:
    import pyproj
    from pyproj.exceptions import ProjError

    try:
        one, another = (horizontal(pyproj.CRS.from_wkt(text)) for text in (crs, other))
    except ProjError:
        return False
    code = CRS.from_wkt(crs).to_epsg()
    return bool(one.equals(another, ignore_axis_order=True)) or (
        code is not None and code == CRS.from_wkt(other).to_epsg()
    )


def same_ground(grid: Grid, crs: CRS | None) -> bool:
    """Whether the coordinates of a grid mean the same in another CRS: one CRS can be written in several ways."""
    if grid.crs is None or crs is None or grid.crs == crs:
        return grid.crs == crs
    own, there = lattice(grid, replace(grid, crs=crs))
    return bool(np.isfinite(there).all() and np.abs(there - own).max() <= NEAR)


def find_spot(grid: Grid, other: Grid) -> Spot | None:
    """Where `grid` lies on `other`, or None if their pixels do not coincide."""
    own, there = lattice(grid, other)
    if not np.isfinite(there).all():
        return None
    if (grid.height, grid.width) == (other.height, other.width) and np.abs(there - own).max() <= HALF:
        return Spot(Turn(), 0, 0)
    for turn in TURNS.values():
        away = there - _turned(turn, own, grid)
        off = np.round(np.median(away, axis=0))
        if np.abs(away - off).max() <= NEAR:
            return Spot(turn, int(off[1]), int(off[0]))
    return None


def _turned(turn: Turn, points: Points, grid: Grid) -> Points:
    """Where pixels of a raster lie once it is turned."""
    height, width = turn.shape(grid.height, grid.width)
    col, row = points.T[::-1] if turn.transpose else points.T
    return np.column_stack((width - col if turn.flip_cols else col, height - row if turn.flip_rows else row))
