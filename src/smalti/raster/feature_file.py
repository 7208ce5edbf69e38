"""What a vector file holds: the shapes of one layer and one of their attributes."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError

from smalti.errors import LabelError
from smalti.raster.check import REFUSALS, first_line
from smalti.raster.geopackage import fields_of, layers_of, mend_of, opened, read_layer
from smalti.raster.grid import Grid
from smalti.raster.label_spec import LabelSpec
from smalti.raster.other_vectors import need_pyogrio
from smalti.raster.place import Points, apply, project, turn_of
from smalti.raster.plain_name import plain_name
from smalti.raster.quiet import quiet
from smalti.text import some

OWN = "class"
"""The attribute under which Smalti itself writes the class."""

Read = tuple[str | None, NDArray[Any], NDArray[Any] | None]
"""The CRS as code or WKT, shapes as WKB, and the values of the class attribute."""
NAMED = 8
"""How many attributes a message lists."""
_UNDEFINED = ("Undefined Cartesian SRS", "Undefined geographic SRS")
"""Systems that stand for none in a GeoPackage."""
_ROUNDED = 1 + 1e-6
_FARTHEST = 2.0**31
"""Pixels from the image's corner: GDAL counts rows and columns by whole numbers below it when it draws."""


class UnspecifiedError(LabelError):
    """A file whose use the spec leaves open."""

    def __init__(self, path: str, found: str, mend: str) -> None:
        """`mend` says what the spec should state."""
        super().__init__(f"{path}: {mend}" if mend.startswith("give `attribute`") else f"{path}: {found}; {mend}")
        self.found = f"{path}: {found}"


def read_features(
    path: str, grid: Grid, spec: LabelSpec, *, skipped: Callable[[int], object] = lambda _: None
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The shapes in pixels (x = column, y = row) of the grid, and the values of the class attribute.

    Features without a shape, or with one that has no place in the CRS of the grid, are skipped, and `skipped` is called
    with their number. LabelError where the file, its layer, its attribute or its coordinates cannot be used;
    MissingExtraError without pyogrio, which GeoPackages do not need.
    """
    alone = Path(path).suffix.lower() == ".gpkg" and find_spec("pyogrio") is None
    crs, wkb, stated = (_by_sqlite if alone else _by_gdal)(path, spec)
    with quiet(RuntimeWarning):  # of coordinates that are not finite
        shapes, keep = _shapes(path, wkb)
        values = None if stated is None else stated[keep]
        placed, has_place = _to_pixels(path, shapes, crs, grid)
    skipped(len(wkb) - len(placed))
    return placed, values[has_place] if values is not None else None


def _check_there(path: str) -> None:
    if not Path(path).exists():
        raise LabelError(f"{path}: there is no such file")


def _by_sqlite(path: str, spec: LabelSpec) -> Read:
    _check_there(path)
    with opened(Path(path)) as file:
        layer = _layer(path, [(name, "shapes") for name in layers_of(file)], spec)
        _, shapes, _ = read_layer(file, layer, None)
        return read_layer(file, layer, _column(path, fields_of(file, layer), spec, len(shapes)))


def _by_gdal(path: str, spec: LabelSpec) -> Read:
    need_pyogrio("reads vector files")
    import pyogrio
    import pyogrio.raw

    _check_there(path)
    try:
        with quiet(UserWarning, RuntimeWarning), plain_name(Path(path)) as name:  # of unclosed rings and the like
            layer = _layer(path, pyogrio.list_layers(name), spec)
            info = pyogrio.read_info(name, layer=layer, force_feature_count=True)
            column = _column(path, list(info["fields"]), spec, info["features"])
            meta, _, wkb, data = pyogrio.raw.read(name, layer=layer, columns=[column] if column else [])
    except (*REFUSALS, pyogrio._err.CPLE_BaseError, RuntimeError) as error:  # its own errors are RuntimeErrors
        mend = f"; {mend_of(error)}" if "is locked" in str(error) else ""
        raise LabelError(f"{path}: cannot be read as vector features: {first_line(error)}{mend}") from None
    crs = None if any(name in (meta["crs"] or "") for name in _UNDEFINED) else meta["crs"]
    return crs, wkb, np.asarray(data[0]) if column else None


def _layer(path: str, layers: Sequence[Sequence[str | None]], spec: LabelSpec) -> str:
    """The layer to read: the one that is named, or the only one with shapes."""
    names = [str(name) for name, kind in layers if kind is not None]
    if spec.layer is not None:
        if spec.layer not in names:
            raise LabelError(f"{path}: has no layer {spec.layer!r} with shapes, only {', '.join(names) or 'none'}")
        return spec.layer
    if not names:
        raise LabelError(f"{path}: has no layer with shapes")
    if len(names) > 1:
        raise UnspecifiedError(path, f"has the layers {', '.join(names)}", "give `layer`, the one with the labels")
    return names[0]


def _column(path: str, fields: list[str], spec: LabelSpec, features: int) -> str | None:
    """The attribute to read, None where all features are burnt as one class, or there is none."""
    if spec.burn is not None or (not features and spec.background is not None):
        return None
    column = spec.attribute or OWN
    if column in fields:
        return column
    if not features:
        mend = "if that is intended, give `background`, the class of all pixels"
        raise UnspecifiedError(path, "has no features", mend)
    if not fields:
        raise UnspecifiedError(path, "its features have no attribute", "give `burn`, the class of all of them")
    if spec.attribute is None:
        raise UnspecifiedError(path, f"has the attributes {some(fields, NAMED)}",
                               f"give `attribute`, which of {some(fields, NAMED)} is the class, or `burn`")  # fmt: skip
    raise LabelError(f"{path}: features have no attribute {column!r}, only {some(fields, NAMED)}")


def _shapes(path: str, wkb: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The shapes that are there, and which features these are."""
    import shapely

    try:
        shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    except NotImplementedError:  # GDAL gives them as lines
        mend = f"pip install 'smalti[vector]', or make them lines: ogr2ogr -nlt CONVERT_TO_LINEAR OUT.gpkg {path}"
        raise LabelError(f"{path}: has curves, which are not read without pyogrio; {mend}") from None
    keep = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    broken = shapely.is_missing(shapes) & np.array([part is not None for part in wkb], bool)
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    broken[owner[~np.isfinite(points).all(axis=1)]] = True
    if broken.any():
        raise LabelError(
            f"{path}: the shapes of {broken.sum()} of {len(wkb)} features are invalid, the first is feature "
            f"{int(broken.argmax()) + 1}; repair them: ogr2ogr -makevalid OUT.gpkg {path}"
        )
    return shapes[keep], keep


def _to_pixels(path: str, shapes: NDArray[Any], crs: str | None, grid: Grid) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The shapes that have a place on the grid, in its pixels, and which ones these are."""
    import shapely

    points, owner = shapely.get_coordinates(shapes, return_index=True)
    if grid.crs is None and _counts_pixels(grid.transform):
        crs, points = _as_pixels(path, points, crs)
    if crs is not None and grid.crs is None:
        mend = "write them without one, in the coordinates of the image, into a GeoPackage"
        raise LabelError(f"{path}: has a CRS, but the image has none; the features have no place on it; {mend}")
    if crs is not None and grid.crs is not None and len(points):
        points = _project(path, points, crs, grid.crs)
    placed = np.isfinite(points).all(axis=1)
    has_place = np.ones(len(shapes), bool)
    has_place[owner[~placed]] = False
    _turn_around(points, owner, grid)
    points = apply(~grid.transform, points)
    _check_distance(path, points, owner, placed)
    moved = shapely.set_coordinates(shapely.force_2d(shapes), points)
    return moved[has_place], has_place


def _counts_pixels(transform: Affine) -> bool:
    """Whether a transform only counts pixels, perhaps of an image that is seen at another size."""
    t = transform
    return (t.b, t.c, t.d, t.f) == (0, 0, 0, 0) and t.a > 0 and t.e > 0


def _as_pixels(path: str, points: Points, crs: str | None) -> tuple[str | None, Points]:
    """CRS and coordinates on an image that has no place on the ground.

    GeoJSON cannot be without a CRS, so there it means nothing; and QGIS counts the rows of such an image by negative
    numbers. LabelError for longitudes and latitudes.
    """
    if crs == "EPSG:4326" and Path(path).suffix.lower() in (".geojson", ".json"):
        if len(points) and (np.abs(points) <= (180, 90)).all() and (np.ptp(points, axis=0) < 1).all():
            such = ", ".join(f"{value:.10g}" for value in points[0])
            text = f"its coordinates, such as {such}, are longitudes and latitudes, but the image has no georeference"
            raise LabelError(f"{path}: {text}; expected columns and rows")
        crs = None
    downwards = crs is None and len(points) and (points[:, 1] <= 0).all()
    return crs, points * (1, -1) if downwards else points


def _turn_around(points: Points, owner: NDArray[np.intp], grid: Grid) -> None:
    """Moves the shapes that lie beside an image across the date line by a whole turn: 181 degrees are -179."""
    turn = turn_of(grid.crs)
    if turn is None or not len(points):
        return
    corners = [grid.xy(col, row)[0] for col in (0, grid.width) for row in (0, grid.height)]
    west, east = np.full(owner.max() + 1, np.inf), np.full(owner.max() + 1, -np.inf)
    np.minimum.at(west, owner, points[:, 0])
    np.maximum.at(east, owner, points[:, 0])
    for way in (-turn, turn):
        here = ((west + way <= max(corners)) & (east + way >= min(corners)))[owner]
        beside = ((west > max(corners)) | (east < min(corners)))[owner]
        points[here & beside, 0] += way


def _check_distance(path: str, points: Points, owner: NDArray[np.intp], placed: NDArray[np.bool_]) -> None:
    far = placed & ~(np.abs(points) < _FARTHEST).all(axis=1)
    if far.any():
        raise LabelError(
            f"{path}: shape {int(owner[far][0]) + 1} has a corner more than {_FARTHEST:.0e} pixels away from the "
            "image, beyond what can be drawn; correct or delete that corner"
        )


def _project(path: str, points: Points, crs: str, to: CRS) -> Points:
    """Coordinates of the features in the CRS of the grid; not finite where they have no place there."""
    try:
        own = CRS.from_user_input(crs)
    except CRSError as error:
        raise LabelError(f"{path}: its CRS is invalid: {first_line(error)}") from None
    if own.is_geographic:
        _check_degrees(path, points, own, to)
    if own == to:
        return points
    moved = project(points, own.to_wkt(), to.to_wkt())
    if not np.isfinite(moved).any():
        raise LabelError(
            f"{path}: its coordinates in {own.to_string()[:40]} cannot be transformed to the CRS of the image, "
            f"{to.to_string()[:40]}; write them in that one"
        )
    return moved


def _check_degrees(path: str, points: Points, crs: CRS, to: CRS) -> None:
    """LabelError where the numbers cannot be degrees."""
    x, y = np.abs(points).T
    wrong = (x > 360 * _ROUNDED) | (y > 90 * _ROUNDED)
    if not wrong.any():
        return
    such = ", ".join(f"{value:.10g}" for value in points[wrong.argmax()])
    if x.max() <= 90 and y.max() <= 360:
        mend = "write the longitude first"
    else:
        code = to.to_epsg() if to.is_projected else None
        mend = f"name the right CRS: ogr2ogr -a_srs {f'EPSG:{code}' if code else 'CRS'} OUT.gpkg IN"
    raise LabelError(
        f"{path}: its coordinates, such as {such}, are not longitude and latitude, but its CRS is "
        f"{crs.to_string()[:40]} (so it is in GeoJSON without `crs`); {mend}"
    )
