"""Where zones lie on a map: the edges of each in pixels, whatever CRS both are written in.

Edges are straight in the CRS of the zones. In another CRS they bend, and are divided until no piece is further than
`BEND` from its arc. Only what lies near the map is transformed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from smalti.arrays import Doubles, Mask
from smalti.raster.grid import Grid
from smalti.raster.place import Points, apply, turn_of
from smalti.tiling import Window
from smalti.zones.file import Zones, only_areas

BEND = 0.001
"""Pixels that a divided edge may lie beside the bent one."""
_ROUNDS = 24
"""Halvings of an edge, at most."""
_LATTICE = 33
"""Places along each side of a map whose coordinates say where it is in the CRS of the zones."""
_PARTS = 16
"""Edges are divided down to this part of a map's longer side in any case: the middle of an S lies on its chord."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A zone on a map."""

    zone: int
    edges: Doubles
    """(N, 4) x, y, x, y in pixels, as `coverage` expects them."""
    bounds: tuple[float, float, float, float]
    """Smallest and largest x, then y, within the map: left, top, right, bottom."""

    def rows(self, window: Window) -> Doubles:
        """The edges that reach into the rows of a window."""
        e = self.edges
        above = np.maximum(e[:, 1], e[:, 3]) <= window.row
        below = np.minimum(e[:, 1], e[:, 3]) >= window.bottom
        return e[~(above | below)]

    def within(self, window: Window) -> Window | None:
        """The pixels of a window that the zone's bounds touch."""
        left, top, right, bottom = self.bounds
        row, col = int(np.floor(top)), int(np.floor(left))
        return Window(row, col, int(np.ceil(bottom)) - row, int(np.ceil(right)) - col).intersect(window)


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """A rectangle around a map in the CRS of the zones; longitudes continue beyond 180 degrees."""

    west: float
    south: float
    east: float
    north: float
    turn: float | None
    """Once around the Earth in the unit of the CRS, where it is one of longitudes."""

    def shifts(self) -> tuple[float, ...]:
        """By how much coordinates of zones must grow to lie in the rectangle."""
        return (0.0,) if self.turn is None else (-self.turn, 0.0, self.turn)

    def box(self, shift: float) -> Any:
        """The rectangle in the coordinates of the zones, before they are shifted."""
        import shapely

        return shapely.box(self.west - shift, self.south, self.east - shift, self.north)

    def overlaps(self, other: "Extent") -> bool:
        """Whether two rectangles have a part in common, once around the Earth or not."""
        return self.south < other.north and other.south < self.north and any(
            self.west + shift < other.east and other.west < self.east + shift for shift in self.shifts()
        )  # fmt: skip


def extent(grid: Grid, crs: CRS | None) -> Extent | None:
    """Where a map lies in the CRS of the zones, None for anywhere: parts of it have no place there."""
    steps = np.linspace(0, 1, _LATTICE)
    pixels = np.stack(np.meshgrid(steps * grid.width, steps * grid.height, indexing="ij"), axis=-1)  # W,H,2
    own = apply(grid.transform, pixels.reshape(-1, 2))
    same = crs is None or grid.crs is None or crs == grid.crs
    there = own if same else _transform(own, grid.crs, crs)
    if not np.isfinite(there).all():
        return None
    turn = turn_of(crs)
    if turn is not None and not same:
        there[:, 0] -= turn * np.round((there[:, 0] - there[len(there) // 2, 0]) / turn)
    (west, south), (east, north) = there.min(axis=0), there.max(axis=0)
    spread = there.reshape(_LATTICE, _LATTICE, 2)
    step = np.maximum(np.abs(np.diff(spread, axis=0)).max((0, 1)), np.abs(np.diff(spread, axis=1)).max((0, 1)))
    west, south, east, north = west - step[0], south - step[1], east + step[0], north + step[1]
    if turn is not None and east - west > turn:
        middle = (east + west) / 2
        west, east = middle - turn / 2, middle + turn / 2
    return Extent(west, south, east, north, turn)


class Placing:
    """Places the zones of one file on maps."""

    def __init__(self, zones: Zones) -> None:
        import shapely

        self._zones = zones
        shapely.prepare(zones.shapes)
        self._tree = shapely.STRtree(zones.shapes)

    def on(self, grid: Grid) -> tuple[list[Placed], Mask]:
        """The zones that lie on a map, and which ones (zones) have no place in its CRS."""
        import shapely

        crs = self._zones.crs
        which, shapes, shifts = self._near(extent(grid, crs))
        if not len(which):
            return [], np.zeros(len(self._zones), bool)
        of, rings = _rings(shapes)
        points, ring = shapely.get_coordinates(rings, return_index=True)
        points[:, 0] += np.asarray(shifts)[of][ring]
        if crs is None or grid.crs is None or crs == grid.crs:
            pixels = apply(~grid.transform, points)
        else:
            pixels, ring = _bent(points, ring, _to_pixels(grid, crs), max(grid.height, grid.width) / _PARTS)
        if crs is not None and not crs.is_geographic:
            pixels, ring, of = _around(pixels, ring, of, grid)
        edge = ring[1:] == ring[:-1]
        owner = np.asarray(which)[of][ring[:-1][edge]]
        edges = np.hstack((pixels[:-1], pixels[1:]))[edge]
        lost = np.zeros(len(self._zones), bool)
        lost[owner[~np.isfinite(edges).all(axis=1)]] = True
        return _by_zone(edges[~lost[owner]], owner[~lost[owner]], grid), lost

    def _near(self, place: Extent | None) -> tuple[list[int], NDArray[Any], list[float]]:
        """The zones near a map, what of them lies there, and by how much it must be shifted."""
        import shapely

        shapes = self._zones.shapes
        if place is None:
            there = np.flatnonzero(~shapely.is_empty(shapes))
            return there.tolist(), shapes[there], [0.0] * len(there)
        which, cut, shifts = [], [], []
        for shift in place.shifts():
            box = place.box(shift)
            for zone in np.sort(self._tree.query(box, predicate="intersects")).tolist():
                part = box if shapely.contains_properly(shapes[zone], box) else shapely.intersection(shapes[zone], box)
                if shapely.get_dimensions(part) == 2:
                    which.append(zone)
                    cut.append(part)
                    shifts.append(shift)
        return which, np.array(cut, object), shifts


def _rings(shapes: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """All rings of polygons, outlines clockwise and holes counterclockwise, and the polygon of each."""
    import shapely

    mixed = shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION
    shapes[mixed] = [only_areas(shape) for shape in shapes[mixed]]
    parts, of = shapely.get_parts(shapely.orient_polygons(shapes, exterior_cw=True), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    return of[part], rings


def _by_zone(edges: Doubles, owner: NDArray[np.intp], grid: Grid) -> list[Placed]:
    order = np.argsort(owner, kind="stable")
    edges, owner = edges[order], owner[order]
    zones, begin = np.unique(owner, return_index=True)
    parts = zip(zones.tolist(), np.split(edges, begin[1:]), strict=bool(len(zones)))
    return [placed for zone, part in parts if (placed := _placed(zone, part, grid)) is not None]


def _placed(zone: int, edges: Doubles, grid: Grid) -> Placed | None:
    """A zone with its outlines clockwise on the grid, too; None if no pixel is near it."""
    x, y, x_end, y_end = (edges - edges[0, [0, 1, 0, 1]]).T
    if (x * y_end - x_end * y).sum() > 0:  # the grid, or the projection, is a mirror
        edges = edges[:, [2, 3, 0, 1]]
    xs, ys = edges[:, [0, 2]], edges[:, [1, 3]]
    left, right = max(0.0, xs.min()), min(float(grid.width), xs.max())
    top, bottom = max(0.0, ys.min()), min(float(grid.height), ys.max())
    return Placed(zone, edges, (left, top, right, bottom)) if left < right and top < bottom else None


def _around(
    pixels: Points, ring: NDArray[np.intp], of: NDArray[np.intp], grid: Grid
) -> tuple[Points, NDArray[np.intp], NDArray[np.intp]]:
    """Rings of a projected CRS on a map of longitudes: continued over the date line, and repeated once around."""
    turn = turn_of(grid.crs)
    if turn is None or not np.isfinite(pixels).all():
        return pixels, ring, of
    t, back = grid.transform, ~grid.transform
    longitudes, around = pixels @ (t.a, t.b), turn * np.array((back.a, back.d))  # around the Earth, in pixels
    starts = np.flatnonzero(np.diff(ring, prepend=-1))
    jumps = np.cumsum(np.round(np.diff(longitudes, prepend=0) / turn) * (np.diff(ring, prepend=-1) == 0))
    jumps -= jumps[starts][np.searchsorted(starts, np.arange(len(ring)), side="right") - 1]
    pixels = pixels - jumps[:, None] * around
    count = int(ring.max()) + 1
    copies = [pixels + way * around for way in (-1, 0, 1)]
    return np.concatenate(copies), np.concatenate([ring + k * count for k in range(3)]), np.tile(of, 3)


@lru_cache(maxsize=16)
def _transformer(crs: str, other: str) -> Any:
    import pyproj

    return pyproj.Transformer.from_crs(crs, other, always_xy=True)


def _transform(points: Points, crs: CRS | None, other: CRS | None) -> Points:
    """Coordinates of one CRS in another; not finite where they are undefined."""
    from pyproj.exceptions import ProjError

    assert crs is not None and other is not None
    try:
        return np.column_stack(_transformer(crs.to_wkt(), other.to_wkt()).transform(*points.T))
    except ProjError:
        return np.full_like(points, np.inf)


def _to_pixels(grid: Grid, crs: CRS) -> Callable[[Points], Points]:
    """From coordinates of the zones to pixels of a map."""
    turn, own = turn_of(grid.crs), turn_of(crs)

    def pixels(points: Points) -> Points:
        there = _transform(points, crs, grid.crs)
        if turn is not None and own is not None:  # longitudes go on beyond 180 degrees as those of the zones do
            there[:, 0] += turn * np.round((points[:, 0] / own) - there[:, 0] / turn)
        return apply(~grid.transform, there)

    return pixels


def _bent(
    points: Points, ring: NDArray[np.intp], to_pixels: Callable[[Points], Points], longest: float
) -> tuple[Points, NDArray[np.intp]]:
    """Points of rings in pixels, with additional ones where an edge bends or is longer than `longest`."""
    there = to_pixels(points)
    ahead = ring[1:] == ring[:-1]  # whether the edge from each point to the next is still to be compared
    for _ in range(_ROUNDS):
        (k,) = np.nonzero(ahead)
        middle = (points[k] + points[k + 1]) / 2
        got = to_pixels(middle)
        with np.errstate(invalid="ignore"):
            off = np.hypot(*(got - (there[k] + there[k + 1]) / 2).T) > BEND
            off |= np.hypot(*(there[k + 1] - there[k]).T) > longest
        if not off.any():
            break
        k = k[off]
        points, there = np.insert(points, k + 1, middle[off], axis=0), np.insert(there, k + 1, got[off], axis=0)
        ring = np.insert(ring, k + 1, ring[k])
        ahead = np.zeros(len(ring) - 1, bool)
        first = k + np.arange(len(k))  # where the divided edges begin now
        ahead[first] = ahead[first + 1] = True
    return there, ring
