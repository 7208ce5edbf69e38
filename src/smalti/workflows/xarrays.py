"""Arrays of xarray, as rioxarray and others make them, with their georeference in input and output."""

from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError

from smalti.card import Card, Task
from smalti.errors import ArrayError, MissingExtraError
from smalti.raster.array import ArrayReader
from smalti.raster.grid import Grid, is_sound
from smalti.workflows.given import Given, check_dtype, check_grid, check_mask

if TYPE_CHECKING:
    import xarray

_ROWS, _COLUMNS = ("y", "lat", "latitude"), ("x", "lon", "longitude")
_PLACE = "spatial_ref"
"""The coordinate whose attributes hold the CRS, as in CF and rioxarray."""
_EVEN = 1e-2
"""Largest deviation of coordinates from even steps, in pixels."""


def from_xarray(given: Given, card: Card) -> ArrayReader:
    """A DataArray with dimensions y, x and optionally one of bands, in any order; ArrayError for others."""
    array: xarray.DataArray = given.pixels
    rows, columns = _axis(array, _ROWS), _axis(array, _COLUMNS)
    others = [name for name in array.dims if name not in (rows, columns)]
    if len(others) > 1 or rows is None or columns is None:
        text = f"the DataArray has the dimensions {', '.join(map(str, array.dims))}; expected y, x and one of bands"
        raise ArrayError(text, value=array.dims)
    ordered = array.transpose(*others, rows, columns)
    pixels = ordered.values if others else ordered.values[None]  # C,H,W
    if given.axes is not None:
        raise ArrayError("axes is for numpy arrays; a DataArray has named dimensions", value=given.axes)
    if 0 in pixels.shape:
        raise ArrayError(f"the DataArray has shape {array.shape}; expected at least one pixel", value=array.shape)
    check_dtype(pixels, card)
    check_mask(given.valid, pixels)
    check_grid(given.grid, pixels)
    names = _names(ordered, others[0]) if others else None
    if given.bands is None and len(pixels) != len(card.bands) and not set(card.bands) <= set(names or ()):
        text = f"the DataArray has {len(pixels)} bands; model {card.name} takes {', '.join(card.bands)}"
        raise ArrayError(f"{text}; choose them with `bands`", value=array.shape)
    valid = _valid(array, pixels) if given.valid is None else given.valid
    return ArrayReader(pixels, valid=valid, grid=given.grid or _grid(ordered, rows, columns), names=names)


def to_xarray(image: NDArray[Any], grid: Grid, task: Task) -> "xarray.DataArray":
    """Classes or values (H, W) as a DataArray; MissingExtraError without xarray."""
    try:
        import xarray
    except ImportError:
        raise MissingExtraError("xarray", "xarray") from None
    coordinates: dict[str, Any] = {}
    if grid.transform.b == grid.transform.d == 0:
        coordinates = {
            "y": [grid.xy(0, row + 0.5)[1] for row in range(grid.height)],
            "x": [grid.xy(col + 0.5, 0)[0] for col in range(grid.width)],
        }
    found = xarray.DataArray(image, dims=("y", "x"), coords=coordinates, name=task.name, attrs=_attributes(task))
    place: dict[str, Any] = {"GeoTransform": " ".join(map(repr, grid.transform.to_gdal()))}
    if grid.crs is not None:
        place |= {"crs_wkt": grid.crs.to_wkt(), "spatial_ref": grid.crs.to_wkt()}
    found.encoding["grid_mapping"] = _PLACE
    return found.assign_coords({_PLACE: xarray.DataArray(0, attrs=place)})


def _attributes(task: Task) -> dict[str, Any]:
    """Attributes of the values, by CF."""
    if not task.has_classes:
        return {"units": task.unit} if task.unit else {}
    meanings = " ".join(label.replace(" ", "_") for label in task.labels)
    return {"_FillValue": task.ignore, "flag_values": list(range(len(task.labels))), "flag_meanings": meanings}


def _axis(array: "xarray.DataArray", names: tuple[str, ...]) -> Any:
    return next((name for name in array.dims if str(name).lower() in names), None)


def _names(array: "xarray.DataArray", dimension: Any) -> tuple[str, ...] | None:
    """Names of bands: the dimension's own labels, or the names that rioxarray reads from a file."""
    if dimension in array.coords and array.coords[dimension].dtype.kind in "UO":
        return tuple(str(name) for name in array.coords[dimension].values)
    names = array.attrs.get("long_name")
    if isinstance(names, tuple | list) and len(names) == array.sizes[dimension]:
        return tuple(str(name) for name in names)
    return None


def _valid(array: "xarray.DataArray", pixels: NDArray[Any]) -> NDArray[np.bool_] | None:
    """The mask of pixels without the declared nodata value; None if none is declared."""
    nodata = array.attrs.get("_FillValue", array.encoding.get("_FillValue"))
    if nodata is None:
        return None
    try:
        number = float(nodata)
    except (TypeError, ValueError):
        raise ArrayError(f"_FillValue of the DataArray is {nodata!r}; expected a number", value=nodata) from None
    if np.isnan(number) or not _holds(pixels.dtype, number):
        return None
    holes = pixels == pixels.dtype.type(number)
    return np.asarray(~(holes.all(axis=0) if pixels.dtype.itemsize == 1 else holes.any(axis=0)))


def _holds(dtype: np.dtype[Any], number: float) -> bool:
    """Whether a pixel can have a value; of a file of another type the nodata value stays declared when it is cast."""
    if dtype.kind not in "iu":
        return True
    return number.is_integer() and np.iinfo(dtype).min <= number <= np.iinfo(dtype).max


def _grid(array: "xarray.DataArray", rows: Any, columns: Any) -> Grid:
    """The grid of the pixels, from their coordinates and the CRS of `spatial_ref`."""
    height, width = array.sizes[rows], array.sizes[columns]
    place = array.coords[_PLACE].attrs if _PLACE in array.coords else {}
    transform = Affine.identity()
    if "GeoTransform" in place:
        transform = _transform(place["GeoTransform"])
    if rows in array.coords and columns in array.coords:  # for a part of an array only these are right
        transform = _by_coordinates(array, rows, columns, transform)
    return Grid(height, width, transform, _crs(place))


def _transform(text: object) -> Affine:
    """The transform in the six numbers that GDAL writes."""
    try:
        found = Affine.from_gdal(*map(float, str(text).split()))
    except (TypeError, ValueError):
        found = Affine.scale(0)
    if not is_sound(found):
        raise ArrayError(f"GeoTransform of the DataArray is {str(text)[:80]!r}; expected six numbers", value=text)
    return found


def _by_coordinates(array: "xarray.DataArray", rows: Any, columns: Any, otherwise: Affine) -> Affine:
    """The transform whose pixel centres are at the coordinates."""
    for name in (rows, columns):
        if array.coords[name].dtype.kind not in "iuf" or array.coords[name].ndim != 1:
            kind = array.coords[name].dtype
            raise ArrayError(
                f"the coordinates {name} of the DataArray are {kind}; expected one row of numbers", value=name
            )
    y, x = (np.asarray(array.coords[name].values, float) for name in (rows, columns))
    if min(len(y), len(x)) < 2:
        return otherwise
    steps = [(line[-1] - line[0]) / (len(line) - 1) for line in (x, y)]
    for name, line, step in zip((columns, rows), (x, y), steps, strict=True):
        if not step or not np.abs((line - line[0]) / step - np.arange(len(line))).max() <= _EVEN:  # NaN neither
            raise ArrayError(f"the coordinates {name} of the DataArray are not evenly spaced; regrid it", value=name)
    found = Affine(steps[0], 0, x[0] - steps[0] / 2, 0, steps[1], y[0] - steps[1] / 2)
    return otherwise if _alike(found, otherwise, len(x), len(y)) else found  # the exact one


def _alike(one: Affine, other: Affine, width: int, height: int) -> bool:
    """Whether two transforms put the corners of an array at the same position, up to a part of a pixel."""
    grid, there = Grid(height, width, one), Grid(height, width, other)
    corners = ((0.0, 0.0), (float(width), float(height)))
    return all(np.abs(np.subtract(grid.col_row(*there.xy(*corner)), corner)).max() < _EVEN for corner in corners)


def _crs(place: Any) -> CRS | None:
    text = place.get("crs_wkt") or place.get("spatial_ref")
    try:
        return CRS.from_user_input(text) if text else None
    except (CRSError, TypeError, ValueError):  # for what is no text, too
        raise ArrayError(f"the CRS of the DataArray cannot be read: {str(text)[:80]}", value=text) from None
