"""The strokes on a scene: read from and written to GeoPackages, painted and erased."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from smalti.app.problems import ProblemError
from smalti.app.schemas import Outline
from smalti.app.teaching.schemas import NewStroke, Stroke
from smalti.polygons.file import VectorFile
from smalti.raster.geopackage import opened, wkb_of
from smalti.raster.grid import Grid
from smalti.raster.place import apply

_SNAP = 64
"""Corners lie on 64ths of a pixel, so that strokes keep their coordinates however often they are written."""
_CORNERS = 4
"""Corners of a quarter of the brush's circle."""
_LEAST = 1.0
"""Pixels of the least piece that is kept."""
_FARTHEST = 2.0**31
_MOST_CORNERS = 20_000
_MOST_CROSSINGS = 1000
_SIDES = 50
"""How many sides are looked at at once."""
_LONG = 100
"""Corners of a line that is painted side by side."""
MOST = 5000
"""Strokes on a scene."""


@dataclass(frozen=True, eq=False)
class Painted:
    """A stroke."""

    label: str
    shape: Any
    """A shapely polygon in pixels of the scene: x = column, y = row."""

    def to_schema(self) -> Stroke:
        """As it is sent."""
        rings = [self.shape.exterior, *self.shape.interiors]
        lines = [[[x, y] for x, y in ring.coords] for ring in rings]
        return Stroke(label=self.label, shape=Outline(type="Polygon", coordinates=lines))


def revision_of(strokes: Sequence[Painted]) -> str:
    """A name of these strokes; empty for none."""
    import shapely

    digest = sha256()
    for stroke in strokes:
        digest.update(f"{stroke.label}\0".encode() + shapely.to_wkb(stroke.shape))
    return digest.hexdigest()[:16] if strokes else ""


def write_strokes(path: Path, strokes: Sequence[Painted], grid: Grid) -> None:
    """Writes strokes on a scene's grid as a GeoPackage, on the disk when this returns; OutputError."""
    labels = tuple(dict.fromkeys(stroke.label for stroke in strokes))
    shapes = np.array([stroke.shape for stroke in strokes], object)
    ids = np.array([labels.index(stroke.label) for stroke in strokes], np.uint8)
    with VectorFile(path, grid, "strokes") as file:
        file.add(shapes, ids, labels, np.full(len(strokes), np.nan))
        file.commit()


def read_strokes(path: Path, grid: Grid) -> list[Painted]:
    """What `write_strokes` wrote; LabelError for a damaged file."""
    import shapely

    with opened(path) as file:
        rows = file.execute("SELECT class, geom FROM strokes ORDER BY fid").fetchall()
    shapes = shapely.from_wkb([wkb_of(geometry) for _, geometry in rows])
    placed = shapely.transform(shapes, lambda points: apply(~grid.transform, points))
    return [Painted(str(label), _snapped(shape)) for (label, _), shape in zip(rows, placed, strict=True)]


def labels_of(path: Path) -> Counter[str]:
    """How many strokes of each class a file has; LabelError for a damaged one."""
    with opened(path) as file:
        return Counter(dict(file.execute("SELECT class, count(*) FROM strokes GROUP BY class").fetchall()))


def _snapped(shape: Any) -> Any:
    import shapely

    return shapely.transform(shape, lambda points: np.round(points * _SNAP) / _SNAP)


def _parts(shape: Any) -> list[Any]:
    """The polygons of a shape that are large enough to be kept."""
    import shapely

    parts = shapely.get_parts(_snapped(shape))
    good = [shapely.make_valid(part) for part in parts if part.geom_type == "Polygon"]
    plain = [piece for part in good for piece in shapely.get_parts(part) if piece.geom_type == "Polygon"]
    return [part for part in plain if part.area >= _LEAST]


def _check_crossings(lines: Sequence[Sequence[Sequence[float]]], most: int) -> None:
    """ProblemError where lines cross themselves or each other more often: that takes minutes to draw."""
    import shapely

    points = [np.array([point[:2] for point in line], float) for line in lines]
    sides = shapely.linestrings(np.concatenate([np.stack([line[:-1], line[1:]], axis=1) for line in points]))
    tree, allowed = shapely.STRtree(sides), 3 * len(sides) + 2 * most  # each side meets itself and its neighbours
    for first in range(0, len(sides), _SIDES):
        allowed -= tree.query(sides[first : first + _SIDES], predicate="intersects").shape[1]
        if allowed < 0:
            raise ProblemError(422, f"the stroke crosses itself more than {most:,} times; paint it in parts")


def brushed(line: Sequence[Sequence[float]], size: float) -> Any:
    """What a round brush of that width covers along a line."""
    import shapely

    points = list(dict.fromkeys((float(x), float(y)) for x, y in line))
    path = shapely.LineString(points) if len(points) > 1 else shapely.Point(points[0])
    thin = path.simplify(size / 16, preserve_topology=False) if len(points) > 2 else path
    _check_crossings([list(thin.coords)], _MOST_CROSSINGS)
    if len(thin.coords) < _LONG:
        return thin.buffer(size / 2, quad_segs=_CORNERS)
    corners = shapely.get_coordinates(thin)  # as a whole, turns that lie close together take minutes
    sides = shapely.linestrings(np.stack([corners[:-1], corners[1:]], axis=1))
    return shapely.unary_union(shapely.buffer(sides, size / 2, quad_segs=_CORNERS))


def shape_of(polygon: Outline, crossings: int = _MOST_CROSSINGS) -> Any:
    """A polygon as a valid shape; ProblemError where it has no area, or crosses itself more often."""
    import shapely

    if any(not abs(value) < _FARTHEST for ring in polygon.coordinates for point in ring for value in point[:2]):
        raise ProblemError(422, "the polygon lies far outside of the scene; paint on the image")
    _check_crossings(polygon.coordinates, crossings)
    try:
        rings = [[(point[0], point[1]) for point in ring] for ring in polygon.coordinates]
        shape = shapely.make_valid(shapely.Polygon(rings[0], rings[1:]))
    except (shapely.errors.ShapelyError, ValueError):
        shape = shapely.Polygon()
    if not np.isfinite(shape.bounds).all() or shape.area < _LEAST:
        raise ProblemError(422, "the polygon has no area; set at least three corners")
    return shape


def painted(asked: NewStroke, grid: Grid) -> Any:
    """The shape of a new stroke, cut to its scene; ProblemError where it lies outside, or nothing was painted."""
    import shapely

    if (asked.line is None) == (asked.polygon is None):
        raise ProblemError(422, "a stroke is either a line or a polygon; send one of them")
    if asked.polygon is not None and sum(map(len, asked.polygon.coordinates)) > _MOST_CORNERS:
        raise ProblemError(422, f"the polygon has more than {_MOST_CORNERS:,} corners; draw a simpler one")
    shape = brushed(asked.line, asked.size) if asked.line is not None else shape_of(asked.polygon)  # type: ignore[arg-type]
    inside = shapely.intersection(shape, shapely.box(0, 0, grid.width, grid.height))
    if inside.area < _LEAST:
        raise ProblemError(422, "the stroke lies outside of the scene; paint on the image")
    return inside


def added(strokes: Sequence[Painted], label: str, shape: Any) -> list[Painted]:
    """The strokes with one more on top, which replaces what strokes of other classes say there; ProblemError.

    One that is there already changes nothing: who did not hear the answer sends it again.
    """
    same = [stroke.shape for stroke in strokes if stroke.label == label]
    parts = _parts(shape)
    if same and all(any(part.equals_exact(other, 0) for other in same) for part in parts):
        return list(strokes)
    kept = strokes if len(same) == len(strokes) else erased(strokes, shape, but=label)
    found = [*kept, *(Painted(label, part) for part in parts)]
    if len(found) > MOST:
        raise ProblemError(422, f"{MOST} strokes are on this scene, as many as allowed; erase some first")
    return found


def erased(strokes: Sequence[Painted], shape: Any, *, but: str | None = None) -> list[Painted]:
    """The strokes without what lies in a shape; those of class `but` stay."""
    import shapely

    shapely.prepare(shape)
    found: list[Painted] = []
    for stroke in strokes:
        if stroke.label == but or not shapely.intersects(shape, stroke.shape):
            found.append(stroke)
        else:
            found += [replace(stroke, shape=part) for part in _parts(shapely.difference(stroke.shape, shape))]
    return found
