"""Areas of polygons on the ground."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from smalti.raster.grid import ECCENTRICITY_2, EQUATOR_M


def areas_m2(polygons: NDArray[Any], crs: CRS) -> NDArray[np.float64]:
    """Square metres of polygons in coordinates of `crs`.

    Geographic and Mercator coordinates go through Lambert's cylindrical equal-area projection of the WGS 84
    ellipsoid; other projections are taken as they are.
    """
    import shapely

    unit = 1.0 if crs.is_geographic else float(crs.linear_units_factor[1])
    if crs.is_geographic:
        polygons = shapely.transform(polygons, lambda points: _equal_area(*np.radians(points.T)))
    elif crs.to_dict().get("proj") in ("merc", "webmerc"):
        polygons = shapely.transform(polygons, lambda points: _equal_area(*_unmercator(points.T * unit)))
        unit = 1.0
    found: NDArray[np.float64] = shapely.area(polygons) * unit**2
    return found


def _unmercator(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitude and latitude in radians of web Mercator metres."""
    x, y = points / EQUATOR_M
    return np.stack((x, np.arctan(np.sinh(y))))


def _equal_area(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres (N, 2) of longitude and latitude in radians; areas keep their size."""
    e = math.sqrt(ECCENTRICITY_2)
    sine = np.sin(lat)
    q = (1 - e**2) * (sine / (1 - (e * sine) ** 2) + np.arctanh(e * sine) / e)
    return np.column_stack((EQUATOR_M * lon, EQUATOR_M * q / 2))
