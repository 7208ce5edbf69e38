"""The zones of a vector file: polygons with their attributes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError

from smalti.errors import DataError, DataWarning, Warn
from smalti.raster.check import REFUSALS, first_line
from smalti.raster.other_vectors import need_pyogrio
from smalti.raster.plain_name import plain_name
from smalti.raster.quiet import quiet

_LAYERS = 8
"""How many layers a message lists."""


@dataclass(frozen=True, eq=False)
class Zones:
    """The polygons of one layer, in the order of the file."""

    path: str
    shapes: NDArray[Any]
    """(N) valid polygons and multipolygons of shapely in the coordinates of `crs`; empty where a feature has none."""
    crs: CRS | None
    attributes: dict[str, NDArray[Any]]
    """Values (N) by name."""

    def __len__(self) -> int:
        return len(self.shapes)


def read_zones(path: str, layer: str | None, warn: Warn) -> Zones:
    """The zones of a vector file; invalid shapes are repaired, with one warning.

    Raises DataError for a file, a layer or a shape that cannot be used, MissingExtraError without pyogrio.
    """
    need_pyogrio("reads vector files")
    import pyogrio
    import pyogrio.raw

    if not Path(path).exists():
        raise DataError(f"{path}: there is no such file; expected polygons, such as .gpkg, .geojson, .shp or .fgb")
    try:
        with quiet(UserWarning, RuntimeWarning), plain_name(Path(path)) as name:  # of unclosed rings and the like
            chosen = _layer(path, pyogrio.list_layers(name), layer)
            meta, _, wkb, columns = pyogrio.raw.read(name, layer=chosen)
    except (*REFUSALS, pyogrio._err.CPLE_BaseError, RuntimeError) as error:  # its own errors are RuntimeErrors
        why = first_line(error).partition(";")[0].rstrip(".")
        raise DataError(
            f"{path}: cannot be read as polygons: {why}; give the maps first, then one vector file"
        ) from None
    if not len(wkb):
        raise DataError(f"{path}: has no features; expected at least one polygon")
    with quiet(RuntimeWarning):  # of coordinates that are not finite
        shapes = _polygons(path, wkb, warn)
    return Zones(path, shapes, _crs(path, meta["crs"]), dict(zip(meta["fields"].tolist(), columns, strict=True)))


def _layer(path: str, layers: Sequence[Sequence[str | None]], wanted: str | None) -> str:
    """The layer that is named, or the only one with shapes."""
    names = [str(name) for name, kind in layers if kind is not None]
    if wanted in names:
        return str(wanted)
    if wanted is None and len(names) == 1:
        return names[0]
    if not names:
        raise DataError(f"{path}: has no layer with shapes; expected polygons", value=wanted)
    listed = ", ".join(names[:_LAYERS])
    if wanted is None:
        raise DataError(f"{path}: has the layers {listed}; name the one with the zones: --layer {names[0]}")
    raise DataError(f"{path}: has no layer {wanted!r} with shapes, only {listed}", value=wanted)


def _crs(path: str, crs: str | None) -> CRS | None:
    try:
        return None if crs is None else CRS.from_user_input(crs)
    except CRSError as error:
        raise DataError(f"{path}: its CRS is invalid: {first_line(error)}") from None


def _polygons(path: str, wkb: NDArray[Any], warn: Warn) -> NDArray[Any]:
    """Valid polygons; DataError for a shape that is no area or cannot be read."""
    import shapely

    shapes = shapely.force_2d(shapely.from_wkb(wkb, on_invalid="ignore"))
    there = np.array([part is not None for part in wkb], bool)
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    broken = there & shapely.is_missing(shapes)
    broken[owner[~np.isfinite(points).all(axis=1)]] = True
    if broken.any():
        raise DataError(
            f"{path}: the shapes of {broken.sum()} of {len(wkb)} features cannot be read, the first is feature "
            f"{int(broken.argmax()) + 1}; repair them: ogr2ogr -makevalid -nlt CONVERT_TO_LINEAR OUT.gpkg {path}"
        )
    shapes[shapely.is_missing(shapes)] = shapely.Polygon()
    flat = ~shapely.is_empty(shapes) & (shapely.get_dimensions(shapes) < 2)
    if flat.any():
        first = int(flat.argmax())
        raise DataError(f"{path}: feature {first + 1} is a {shapes[first].geom_type}, not an area; expected polygons")
    return _repaired(path, shapes, warn)


def _repaired(path: str, shapes: NDArray[Any], warn: Warn) -> NDArray[Any]:
    import shapely

    bad = ~shapely.is_valid(shapes)
    if bad.any():
        shapes[bad] = shapely.make_valid(shapes[bad], method="structure", keep_collapsed=False)
        warn(
            DataWarning(
                f"{path}: the shapes of {bad.sum()} of {len(shapes)} features cross or touch themselves, the first is "
                f"feature {int(bad.argmax()) + 1}; they are repaired"
            )
        )
    mixed = shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION
    if mixed.any():
        shapes[mixed] = [only_areas(shape) for shape in shapes[mixed]]
    return shapes


def only_areas(shape: Any) -> Any:
    """The polygons of a geometry as one multipolygon."""
    import shapely

    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
