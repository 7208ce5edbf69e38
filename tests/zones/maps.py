"""Small maps and zones for tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import rasterio
import shapely
from affine import Affine

UTM = "EPSG:32633"
NAMES = ("land", "water", "wood")
PLACE = Affine(2, 0, 500000, 0, -2, 5000000)
"""Pixels of 2 m near the central meridian, where a metre of the map is 0.9996 of one on the ground."""


def class_map(path: Path, ids: Any, place: Affine = PLACE, crs: str | None = UTM, names: Sequence[str] = NAMES) -> Path:
    """A class raster with names; 255 is no data."""
    ids = np.asarray(ids)
    height, width = ids.shape
    kind = {"count": 1, "dtype": ids.dtype, "nodata": 255, "crs": crs, "transform": place}
    with rasterio.open(path, "w", "GTiff", width, height, **kind) as file:
        file.update_tags(1, **{f"CLASS_{k}": name for k, name in enumerate(names)})
        file.write(ids, 1)
    return path


def zone_file(path: Path, shapes: Sequence[Any], crs: str | None = UTM, **attributes: Sequence[Any]) -> Path:
    """A vector file of polygons with attributes."""
    columns = [np.array(column, object if isinstance(column[0], str) else None) for column in attributes.values()]
    kind = "Unknown" if len({shape.geom_type for shape in shapes if shape}) > 1 else shapes[0].geom_type
    pyogrio.raw.write(
        path, shapely.to_wkb(np.array(shapes, object)), columns, list(attributes), geometry_type=kind, crs=crs
    )
    return path


def at(col: float, row: float, place: Affine = PLACE) -> tuple[float, float]:
    """The coordinates of a place in pixels."""
    return place.a * col + place.c, place.e * row + place.f


def moved(cols: float) -> Affine:
    """The place of a map so many columns to the east."""
    return Affine(PLACE.a, 0, PLACE.a * cols + PLACE.c, 0, PLACE.e, PLACE.f)


def box(left: float, top: float, right: float, bottom: float, place: Affine = PLACE) -> Any:
    """A rectangle given in pixels."""
    (west, north), (east, south) = at(left, top, place), at(right, bottom, place)
    return shapely.box(west, south, east, north)
