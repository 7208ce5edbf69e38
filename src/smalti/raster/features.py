"""Labels from vectors: polygons of GeoPackage, GeoJSON, shapefile or FlatGeobuf, drawn window by window."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.errors import LabelError
from smalti.raster.check import first_line
from smalti.raster.grid import Grid
from smalti.raster.label_spec import LabelSpec, class_id
from smalti.tiling import Window

_OWN = "class"  # the attribute under which Smalti itself writes the class


class FeatureLabels:
    """Features drawn onto the grid of an image; where they overlap, the later one wins."""

    def __init__(self, path: str, grid: Grid, task: Task, spec: LabelSpec) -> None:
        import shapely

        self._grid, self._task = grid, task
        where = f"{path}: background"
        self._background = task.ignore if spec.background is None else class_id(task, spec.background, where)
        shapes, values = _load(path, grid, spec)
        self._ids = np.array(_classes(path, task, spec, values, len(shapes)), np.uint8)
        self._shapes = shapes
        self._tree = shapely.STRtree(shapes)
        self._whole = Window(0, 0, grid.height, grid.width)

    def read(self, window: Window) -> NDArray[np.uint8]:
        """The class ids (H, W) of a window; the task's `ignore` beyond the border."""
        out = np.full((window.height, window.width), self._task.ignore, np.uint8)
        cut = window.intersect(self._whole)
        if cut is not None:
            out[cut.shift(-window.row, -window.col).slices()] = self._draw(cut)
        return out

    def _draw(self, window: Window) -> NDArray[np.uint8]:
        import shapely
        from affine import Affine
        from rasterio.features import rasterize

        area = shapely.box(window.col, window.row, window.right, window.bottom)
        hits = np.sort(self._tree.query(area))
        size = (window.height, window.width)
        if not len(hits):
            return np.full(size, self._background, np.uint8)
        place = Affine.translation(window.col, window.row)
        shapes = ((self._shapes[i], int(self._ids[i])) for i in hits)
        drawn: NDArray[np.uint8] = rasterize(shapes, size, fill=self._background, transform=place, dtype="uint8")
        return drawn

    def close(self) -> None:
        """Nothing is held open."""


def _load(path: str, grid: Grid, spec: LabelSpec) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The shapes in pixels (x = column, y = row) of the grid, and the values of the class attribute."""
    import pyogrio
    import pyogrio.raw
    import shapely

    if not Path(path).exists():
        raise LabelError(f"{path}: there is no such file")
    try:
        fields = list(pyogrio.read_info(path)["fields"])
        column = _column(path, fields, spec)
        meta, _, wkb, data = pyogrio.raw.read(path, columns=[column] if column else [])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise LabelError(f"{path}: cannot be read as vector features: {first_line(error)}") from None
    shapes = shapely.from_wkb(wkb)
    keep = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    values = data[0][keep] if column else None
    return _to_pixels(path, shapes[keep], meta["crs"], grid), values


def _column(path: str, fields: list[str], spec: LabelSpec) -> str | None:
    """The attribute to read, None where all features are burnt as one class."""
    if spec.burn is not None:
        return None
    column = spec.attribute or _OWN
    if column in fields:
        return column
    if spec.attribute is None:
        raise LabelError(f"{path}: tell with `attribute` which of {', '.join(fields)} is the class, or give `burn`")
    raise LabelError(f"{path}: features have no attribute {column!r}, only {', '.join(fields)}")


def _to_pixels(path: str, shapes: NDArray[Any], crs: str | None, grid: Grid) -> NDArray[Any]:
    import shapely
    from rasterio.crs import CRS
    from rasterio.warp import transform

    if crs is not None and grid.crs is None:
        raise LabelError(f"{path}: has a CRS, but the image has none; the features have no place on it")
    other = crs is not None and CRS.from_user_input(crs) != grid.crs
    back = ~grid.transform

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = points.T
        if other and len(points):
            x, y = map(np.asarray, transform(CRS.from_user_input(crs), grid.crs, x, y))
        return np.column_stack((back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f))

    moved: NDArray[Any] = shapely.transform(shapes, move)
    return moved


def _classes(path: str, task: Task, spec: LabelSpec, values: NDArray[Any] | None, count: int) -> list[int]:
    """The class id of each feature; one without a value is left out of training and scores."""
    if values is None:
        assert spec.burn is not None
        return [class_id(task, spec.burn, f"{path}: burn")] * count
    known: dict[str, int] = {}
    for text in {_text(value) for value in values}:
        wanted = spec.values.get(text, text)
        known[text] = task.ignore if text == "" else class_id(task, wanted, f"{path}: {spec.attribute or _OWN}")
    return [known[_text(value)] for value in values]


def _text(value: Any) -> str:
    """An attribute's value as it is written in a recipe: whole numbers without a point, nothing for a missing one."""
    if value is None or value != value:
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
