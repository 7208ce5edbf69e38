"""Labels from vectors: polygons of GeoPackage, GeoJSON, shapefile or FlatGeobuf, drawn window by window."""

import json
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.errors import LabelError
from smalti.raster.feature_file import OWN, read_features
from smalti.raster.grid import Grid
from smalti.raster.label_spec import LabelSpec, class_id
from smalti.tiling import Window

Features = tuple[NDArray[Any], NDArray[Any] | None]
"""Shapes in pixels and the values of their attribute, as `read_features` gives them."""


class FeatureLabels:
    """Features drawn onto the grid of an image; where they overlap, the later one wins."""

    def __init__(self, path: str, grid: Grid, task: Task, spec: LabelSpec) -> None:
        self._hold(path, grid, task, spec, read_features(path, grid, spec))

    @classmethod
    def of(cls, path: str, grid: Grid, task: Task, spec: LabelSpec, features: Features) -> Self:
        """The same from features that `read_features` has already read."""
        made = cls.__new__(cls)
        made._hold(path, grid, task, spec, features)
        return made

    def _hold(self, path: str, grid: Grid, task: Task, spec: LabelSpec, features: Features) -> None:
        import shapely

        self._grid, self._task = grid, task
        where = f"{path}: background"
        self._background = task.ignore if spec.background is None else class_id(task, spec.background, where)
        shapes, values = features
        self._ids = np.array(_classes(path, task, spec, values, len(shapes)), np.uint8)
        self._shapes = shapes
        self._tree = shapely.STRtree(shapes)
        self._whole = Window(0, 0, grid.height, grid.width)
        image = shapely.box(0, 0, grid.width, grid.height)
        self.astray = bool(len(shapes)) and not len(self._tree.query(image, predicate="intersects"))
        """Whether there are features, but none on the image."""

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
        """Does nothing: no file is open."""


def _classes(path: str, task: Task, spec: LabelSpec, values: NDArray[Any] | None, count: int) -> list[int]:
    """The class id of each feature; one without a value is ignored."""
    if spec.burn is not None:
        return [class_id(task, spec.burn, f"{path}: burn")] * count
    if values is None:  # without features there is no attribute
        return []
    known: dict[str, int] = {}
    for text in {text_of(value) for value in values}:
        known[text] = task.ignore if text == "" else _class(path, task, spec, text)
    return [known[text_of(value)] for value in values]


def _class(path: str, task: Task, spec: LabelSpec, text: str) -> int:
    """The class of an attribute's value; LabelError with the line of `values` to add."""
    wanted = spec.values.get(text, text)
    try:
        return class_id(task, wanted, f"{path}: {spec.attribute or OWN}")
    except LabelError as error:
        if text in spec.values:
            raise
        meant = next(
            (spec.values.get(name, name) for name in (*spec.values, *task.labels) if _alike(name, text)), "..."
        )
        line = f"values = {{ {json.dumps(text, ensure_ascii=False)} = {json.dumps(meant, ensure_ascii=False)} }}"
        raise LabelError(f"{error}; give its class: {line}") from None


_TRUTH = dict.fromkeys(("true", "t", "yes", "y", "1"), "true") | dict.fromkeys(("false", "f", "no", "n", "0"), "false")
"""Spellings of true and false."""


def _alike(name: str, text: str) -> bool:
    """Whether two words differ only in capitals, blanks and the spelling of true and false."""
    return _plain(name) == _plain(text)


def _plain(text: str) -> str:
    plain = "".join(text.casefold().replace("_", " ").replace("-", " ").split())
    return _TRUTH.get(plain, plain)


def text_of(value: Any) -> str:
    """An attribute's value as written in a recipe: whole numbers without a decimal point, "" for a missing one."""
    if value is None or value != value:
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
