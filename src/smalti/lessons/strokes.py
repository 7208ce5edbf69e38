"""Strokes: points, lines and polygons with a class, or the areas of a raster, on the grid that the network sees."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.errors import DataWarning, LabelError, Warn
from smalti.lessons.classes import ClassPlan
from smalti.raster.feature_file import UnspecifiedError, read_features
from smalti.raster.features import text_of
from smalti.raster.grid import Grid
from smalti.raster.label_spec import LabelSpec, class_id
from smalti.raster.labels import VECTORS, open_labels
from smalti.raster.place import Points, apply
from smalti.raster.read import open_file
from smalti.text import count
from smalti.tiling import Window

_MOST = 5000
"""Strokes of a file: of more, what the model computes there has no place in memory."""
_MOST_CORNERS = 200
"""Corners of shapes whose width and crossings are computed exactly, which takes minutes where all sides cross."""
_MOST_PAIRS = 10_000
"""Pairs of strokes that are looked at for whether they contradict each other."""


@dataclass(frozen=True, eq=False)
class Stroke:
    """What the user drew in one go."""

    shape: Any
    """A shapely geometry in pixels: x = column, y = row."""
    label: int
    key: str
    """Of its shape: strokes with the same key cover the same pixels."""


def read_strokes(path: str, grid: Grid, plan: ClassPlan, scene: str, warn: Warn) -> list[Stroke]:
    """The strokes of a file that lie on a scene, in the file's order; those of a class that another one took over are
    of that one.

    LabelError for a file that cannot be read, for an unknown class, and where no stroke lies on the scene; `warn` is
    called about some that do not, about some without a class, and about strokes that contradict each other.
    """
    task = plan.task
    vectors = Path(path).suffix.lower() in VECTORS
    found = _of_vectors(path, grid, plan, warn) if vectors else _of_raster(path, grid, task)
    if not found:
        mend = "draw some, with the class in the attribute `class`" if vectors else f"expected {_ids(task)}"
        raise LabelError(f"{path}: holds no stroke with a class; {mend}")
    if len(found) > _MOST:
        mend = "choose some of them, or learn from all of them: smalti train"
        raise LabelError(f"{path}: holds {len(found):,} strokes; expected up to {_MOST:,}; {mend}")
    inside = _on(grid, found)
    if not inside:
        text = f"{path}: none of its {count(len(found), 'stroke')} lies on {scene}; check their place and CRS"
        raise LabelError(text)
    if len(inside) < len(found):
        warn(DataWarning(f"{path}: {len(found) - len(inside)} of {count(len(found), 'stroke')} lie beside {scene}"))
    _warn_of_contradictions(path, inside, task, warn)
    return inside


def _of_vectors(path: str, grid: Grid, plan: ClassPlan, warn: Warn) -> list[Stroke]:
    try:
        shapes, values = read_features(path, grid, LabelSpec(), skipped=partial(_warn_of_skipped, path, warn))
    except UnspecifiedError as error:
        mend = "expected one layer of shapes with the attribute `class`, the name of each stroke's class"
        raise LabelError(f"{error.found}; {mend}") from None
    if values is None:
        return []
    names = [text_of(value).strip() for value in values]
    ignore = plan.task.ignore
    labels = [_label(path, plan, name) if name else ignore for name in names]
    if (nameless := names.count("")) and nameless < len(names):
        text = f"{nameless} of {count(len(names), 'stroke')} {'has' if nameless == 1 else 'have'} no class"
        warn(DataWarning(f"{path}: {text}; fill in the attribute `class`"))
    return [_stroke(shape, label) for shape, label in zip(shapes, labels, strict=True) if label != ignore]


def _warn_of_skipped(path: str, warn: Warn, number: int) -> None:
    if number:
        text = f"{count(number, 'feature')} without a shape, or with one that has no place on the scene"
        warn(DataWarning(f"{path}: {text}; left out"))


def _label(path: str, plan: ClassPlan, text: str) -> int:
    heirs = plan.heirs.get(text, ())
    if len(heirs) > 1:
        raise LabelError(f"{path}: class: {text!r} is split into {', '.join(heirs)}; give its strokes one of these")
    try:
        return class_id(plan.task, heirs[0] if heirs else text, f"{path}: class")
    except LabelError as error:
        raise LabelError(f"{error}; add it as a new class: --class {quote(f'{text}=')}") from None


def _of_raster(path: str, grid: Grid, task: Task) -> list[Stroke]:
    """Each connected area of one class.

    The raster may lie on another grid in the image's CRS: that of the image itself, which the network sees in other
    pixels.
    """
    import shapely
    from rasterio.features import shapes

    with closing(open_file(path, expand=False)) as raster:
        own = raster.grid if grid.crs is not None and raster.grid.crs == grid.crs else grid
    try:
        with closing(open_labels(path, own, task)) as labels:
            ids = labels.read(Window(0, 0, own.height, own.width))
    except LabelError as error:
        if "`" not in str(error):
            raise
        # it names what only a recipe has
        raise LabelError(f"{str(error).partition('; ')[0]}; expected {_ids(task)}") from None
    areas = shapes(ids, mask=ids != task.ignore)
    found = [(shapely.geometry.shape(area), int(value)) for area, value in areas]
    if own != grid:
        found = [(shapely.transform(area, partial(_between, own, grid)), value) for area, value in found]
    return [_stroke(area, value) for area, value in found]


def _between(own: Grid, other: Grid, points: Points) -> Points:
    """Columns and rows of a grid in those of another one in the same CRS."""
    return apply(~other.transform, apply(own.transform, points))


def _ids(task: Task) -> str:
    names = ", ".join(f"{number} {label}" for number, label in enumerate(task.labels))
    return f"the ids of classes, one band: {names}; and {task.ignore} elsewhere"


def _stroke(shape: Any, label: int) -> Stroke:
    import shapely

    return Stroke(shape, label, sha256(shapely.to_wkb(shapely.force_2d(shape))).hexdigest()[:16])


def _on(grid: Grid, strokes: Iterable[Stroke]) -> list[Stroke]:
    import shapely

    image = shapely.box(0, 0, grid.width, grid.height)
    return [stroke for stroke in strokes if stroke.shape.intersects(image)]


def _warn_of_contradictions(path: str, strokes: list[Stroke], task: Task, warn: Warn) -> None:
    import shapely

    shapes = [stroke.shape for stroke in strokes]
    labels = np.array([stroke.label for stroke in strokes])
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    differ = (one < other) & (labels[one] != labels[other])
    pairs = list(zip(one[differ][:_MOST_PAIRS].tolist(), other[differ][:_MOST_PAIRS].tolist(), strict=True))
    tangled = [_is_tangled(shape) for shape in shapes]
    pairs = [(a, b) for a, b in pairs if tangled[a] or tangled[b] or not shapes[a].touches(shapes[b])]
    if pairs:
        a, b = pairs[0]
        names = f"stroke {a + 1} ({task.labels[strokes[a].label]}) and {b + 1} ({task.labels[strokes[b].label]})"
        text = f"{path}: {names} cover the same pixels"
        more = f", as do {count(len(pairs) - 1, 'other pair')}" if len(pairs) > 1 else ""
        warn(DataWarning(f"{text}{more}; there the later stroke counts"))


def _is_tangled(shape: Any) -> bool:
    """Whether a shape may cross another one, or itself, so often that to look at all places takes minutes."""
    import shapely

    return bool(shapely.get_num_coordinates(shape) > _MOST_CORNERS and not (shape.area and shape.is_valid))


def draw(shapes: list[Any], corner: tuple[int, int], step: int, size: tuple[int, int]) -> NDArray[np.int32]:
    """Cells (h, w) of `step` x `step` pixels from a corner (row, column): the number, from 1, of the last shape there.

    Lines, points and polygons narrower than a cell cover every cell that they touch, other polygons those whose centre
    they contain, and small ones the cell in their middle. Each part of a shape of several is drawn as if it were alone.
    """
    from affine import Affine
    from rasterio.features import rasterize

    place = Affine(step, 0, corner[1], 0, step, corner[0])
    parts = [(part, number) for number, shape in enumerate(shapes, 1) for part in _parts(shape)]
    numbered = [(_thin(part, step), number) for part, number in parts]
    wide = [_is_wide(part, step) for part, _ in numbered]
    areas = [each for each, is_wide in zip(numbered, wide, strict=True) if is_wide]
    lines = [each for each, is_wide in zip(numbered, wide, strict=True) if not is_wide]
    drawn = np.zeros(size, np.int32)
    for some, touched in ((areas, False), (lines, True)):
        if some:
            drawn = np.maximum(drawn, rasterize(some, size, transform=place, all_touched=touched, dtype="int32"))
    return drawn


def _thin(shape: Any, step: int) -> Any:
    """A polygon of less than a cell as a point inside."""
    if not 0 < shape.area < 2 * step * step or max(_extent(shape)) > 4 * step:
        return shape
    return shape.representative_point()


def _is_wide(shape: Any, step: int) -> bool:
    """Whether a polygon is somewhere at least a cell wide."""
    import shapely

    if not shape.area or min(_extent(shape)) < step:
        return False
    if shape.area / shape.length >= step / 2:  # its inner circle is larger
        return True
    if shapely.get_num_coordinates(shape) > _MOST_CORNERS:  # a tangle, or a long band of about a cell
        return False
    return not shape.buffer(-step / 2).is_empty


def _extent(shape: Any) -> tuple[float, float]:
    left, top, right, bottom = shape.bounds
    return right - left, bottom - top


def _parts(shape: Any) -> list[Any]:
    """The points, lines and polygons that a shape is made of."""
    import shapely

    if not shape.geom_type.startswith(("Multi", "Geometry")):
        return [shape]
    return [part for each in shapely.get_parts(shape) for part in _parts(each) if not part.is_empty]
