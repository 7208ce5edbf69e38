"""The areas of zones on the ellipsoid, whatever maps lie there.

In the coordinates a·λ and a·q(φ)/2 (Lambert's cylindrical equal-area projection, Snyder 1987, eq. 3-12) areas in the
plane are those on the ellipsoid.
"""

from math import tau
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from smalti.arrays import Doubles
from smalti.raster.ground import horizontal, shape, wkt_of

_PARTS = 32
"""Pieces, at least, of an edge as long as its zone: straight there, it bends in the plane."""
_LONGEST = 0.1
"""Degrees of the longest piece, on a great circle."""
_MOST_PARTS = 100_000
"""Longest pieces along a zone, at most: a longer one reaches far beyond the Earth."""


def zone_areas(shapes: NDArray[Any], crs: CRS | None) -> Doubles:
    """The area (N) of each polygon in m²; NaN where its coordinates have no place on the ground."""
    import pyproj
    import shapely
    from pyproj.exceptions import ProjError

    found = np.full(len(shapes), np.nan)
    if crs is None or not (crs.is_geographic or crs.is_projected):
        return found
    own = horizontal(pyproj.CRS.from_wkt(wkt_of(crs)))
    base = own if own.is_geographic else own.geodetic_crs
    try:
        to_degrees = None if own is base else pyproj.Transformer.from_crs(own, base, always_xy=True).transform
    except ProjError:
        return found
    flat = _Plane(own, base, to_degrees)
    found[:] = 0
    for k in np.flatnonzero(~shapely.is_empty(shapes)):
        west, south, east, north = shapely.bounds(shapes[k])
        longer = max(east - west, north - south)
        if longer > _MOST_PARTS * flat.longest:
            found[k] = np.nan
            continue
        step = longer / _PARTS
        fine = shapely.segmentize(shapes[k], min(step, flat.longest))
        found[k] = shapely.area(shapely.transform(fine, flat))
    return np.where(np.isfinite(found), found, np.nan)


class _Plane:
    """From coordinates of a CRS to a plane of equal areas, in metres."""

    def __init__(self, own: Any, base: Any, to_degrees: Any) -> None:
        self._radius, self._e2 = shape(base.ellipsoid)
        self._to_radians = base.axis_info[0].unit_conversion_factor
        self._to_degrees = to_degrees
        unit = own.axis_info[0].unit_conversion_factor  # radians or metres
        self.longest = np.radians(_LONGEST) / unit * (self._radius if to_degrees else 1)
        """The longest piece of an edge in the unit of the CRS."""

    def __call__(self, points: Doubles) -> Doubles:
        """Points (N, 2)."""
        lon, lat = points.T if self._to_degrees is None else self._to_degrees(*points.T)
        lon, lat = np.asarray(lon) * self._to_radians, np.asarray(lat) * self._to_radians
        if self._to_degrees is not None and len(lon):
            lon = lon - np.round((lon - lon[0]) / tau) * tau  # over the date line
        found: Doubles = self._radius * np.column_stack((lon, self._q(lat) / 2))
        return found

    def _q(self, lat: Any) -> Any:
        sine, e2 = np.sin(lat), self._e2
        if e2 <= 0:
            return 2 * sine
        e = np.sqrt(e2)
        return (1 - e2) * (sine / (1 - e2 * sine**2) + np.arctanh(e * sine) / e)
