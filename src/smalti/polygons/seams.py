"""Where two strips of polygons meet: removes vertices that are only there because of the seam.

Each strip is simplified alone, with its outer border unchanged; so every border of classes that crosses a seam has
vertices there that would otherwise have been removed. The same rule as in the strips (Visvalingam and Whyatt 1993: the
vertex with the smallest triangle first, up to tolerance squared) now removes them, provided that no other vertex
lies in the triangle, so that no border ever crosses another.
"""

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Side:
    """One strip's side of a seam: the edges of the polygons that touch it (N, 4: x, y, x, y), and all vertices."""

    edges: NDArray[np.int64]
    vertices: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AreaBudget:
    """The area that the polygons along a seam may lose."""

    rows: list[list[int]]
    """The area of each pixel of the rows above and below the seam."""
    left: dict[int, float]
    """The area in m² that each polygon may still lose."""
    pixel_m2: float
    """The largest area of a pixel."""

    def allows(self, x: int, pixels: float) -> bool:
        """Whether all areas around a point on the seam may lose so many pixels."""
        return all(self.left[area] >= pixels * self.pixel_m2 for area in self._around(x))

    def spend(self, x: int, pixels: float) -> None:
        """Subtracts the pixels from all of them, though one gains what another loses."""
        for area in self._around(x):
            self.left[area] -= pixels * self.pixel_m2

    def _around(self, x: int) -> set[int]:
        return {row[col] for row in self.rows for col in (x - 1, x) if 0 <= col < len(row)}


def side(polygons: NDArray[Any], touching: NDArray[np.intp]) -> Side:
    """The edges of `polygons[touching]` and the vertices of all."""
    import shapely

    _, coords, offsets = shapely.to_ragged_array(polygons[touching])
    points = coords.astype(np.int64)
    edges = np.hstack((points[:-1], points[1:]))
    within = np.ones(len(edges), bool)
    within[offsets[0][1:-1] - 1] = False  # there is no edge between two rings
    return Side(edges[within], shapely.get_coordinates(polygons).astype(np.int64))


def superfluous(
    upper: Side,
    lower: Side,
    seam: int,
    above: NDArray[np.uint8],
    below: NDArray[np.uint8],
    tolerance: float,
    spare: AreaBudget,
) -> set[Point]:
    """The vertices (x, y) of row `seam` to remove from every polygon.

    `above` and `below` (W) are the classes on both sides of the seam; `tolerance` is in pixels, and at 0 only
    vertices within a straight line are removed. `spare` is the area that polygons may lose, and is reduced.
    """
    graph = _graph(upper, lower, seam, above, below)
    taken = _edges_among({u for near in graph.values() for u in near}, upper, lower)
    return _Thinning(graph, taken, np.vstack((upper.vertices, lower.vertices)), tolerance, spare).run()


def _graph(
    upper: Side, lower: Side, seam: int, above: NDArray[np.uint8], below: NDArray[np.uint8]
) -> dict[Point, set[Point]]:
    """The neighbours of each vertex on the seam along borders of classes or of the whole scene."""
    graph: dict[Point, set[Point]] = {}
    for edges in (upper.edges, lower.edges):
        starts, ends = edges[:, 1] == seam, edges[:, 3] == seam
        for x, y, u, v in (*edges[starts & ~ends].tolist(), *edges[ends & ~starts][:, [2, 3, 0, 1]].tolist()):
            graph.setdefault((x, y), set()).add((u, v))
    for left, right in _along(above, below):
        graph.setdefault((left, seam), set()).add((right, seam))
        graph.setdefault((right, seam), set()).add((left, seam))
    return graph


def _along(above: NDArray[np.uint8], below: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """The stretches of the seam itself, from vertex to vertex, that separate two classes."""
    change = (above[1:] != above[:-1]) | (below[1:] != below[:-1])
    at = np.concatenate(([0], np.flatnonzero(change) + 1, [len(above)]))
    border = above[at[:-1]] != below[at[:-1]]
    return list(zip(at[:-1][border].tolist(), at[1:][border].tolist(), strict=True))


def _edges_among(points: set[Point], upper: Side, lower: Side) -> set[frozenset[Point]]:
    """The existing edges between two of the points: a second one would close a polygon without area."""
    if not points:
        return set()
    edges = np.vstack((upper.edges, lower.edges))
    width = int(edges[:, [0, 2]].max()) + 1
    codes = np.array([y * width + x for x, y in points])
    both = np.isin(edges[:, 1] * width + edges[:, 0], codes) & np.isin(edges[:, 3] * width + edges[:, 2], codes)
    return {frozenset(((x, y), (u, v))) for x, y, u, v in edges[both].tolist()}


class _Thinning:
    """Removes vertices from the seam, the smallest triangle first."""

    def __init__(
        self,
        graph: dict[Point, set[Point]],
        taken: set[frozenset[Point]],
        obstacles: NDArray[np.int64],
        tolerance: float,
        spare: AreaBudget,
    ) -> None:
        import shapely

        self.graph, self.taken, self.limit, self.spare = graph, taken, tolerance**2, spare
        self.gone: set[Point] = set()
        near = [y for around in graph.values() for _, y in around] or [0]
        self.obstacles = obstacles[(obstacles[:, 1] >= min(near)) & (obstacles[:, 1] <= max(near))]
        self.tree = shapely.STRtree(shapely.points(self.obstacles)) if tolerance else None
        rows = obstacles[:, 1]
        self.others = {int(rows.min()), int(rows.max())} if len(rows) else set()

    def run(self) -> set[Point]:
        heap = [(self._area(v), v) for v in self.graph if len(self.graph[v]) == 2]
        heapq.heapify(heap)
        while heap:
            area, v = heapq.heappop(heap)
            if area > self.limit:
                break
            if v in self.gone or len(self.graph[v]) != 2 or area != self._area(v) or not self._free(v, area):
                continue
            if area:
                self.spare.spend(v[0], area)
            for u in self._remove(v):
                if u in self.graph and len(self.graph[u]) == 2:
                    heapq.heappush(heap, (self._area(u), u))
        return self.gone

    def _area(self, v: Point) -> float:
        (ax, ay), (bx, by) = self.graph[v]
        return abs((ax - v[0]) * (by - v[1]) - (bx - v[0]) * (ay - v[1])) / 2

    def _free(self, v: Point, area: float) -> bool:
        """Whether the neighbours of `v` can be connected without it."""
        a, b = self.graph[v]
        if frozenset((a, b)) in self.taken or b in self.graph.get(a, ()) or a in self.graph.get(b, ()):
            return False
        if area == 0:
            return True
        if not self.spare.allows(v[0], area):
            return False
        if self.others & {a[1], b[1]}:
            return False  # that vertex may be removed at its own seam: both together could cross a border
        import shapely

        assert self.tree is not None
        hits = self.tree.query(shapely.Polygon([a, v, b]), predicate="intersects")
        found = {(int(x), int(y)) for x, y in self.obstacles[hits]}
        return found <= self.gone | {a, v, b}

    def _remove(self, v: Point) -> tuple[Point, Point]:
        a, b = self.graph[v]
        self.gone.add(v)
        self.taken.add(frozenset((a, b)))
        for u, w in ((a, b), (b, a)):
            if u in self.graph:
                self.graph[u] = (self.graph[u] - {v}) | {w}
        return a, b


def without(polygons: NDArray[Any], gone: NDArray[np.int64]) -> NDArray[Any]:
    """The polygons without the vertices `gone` (N, 2)."""
    import shapely

    if not len(gone) or not len(polygons):
        return polygons
    _, coords, (rings, owners) = shapely.to_ragged_array(polygons)
    width = int(max(coords[:, 0].max(), gone[:, 0].max())) + 1
    keep = ~np.isin(coords[:, 1] * width + coords[:, 0], gone[:, 1] * width + gone[:, 0])
    keep[rings[1:] - 1] = False  # the repeated first vertex of each ring
    count = np.add.reduceat(keep, rings[:-1], dtype=np.intp)
    ends = np.cumsum(count + 1)
    starts = ends - count - 1
    out = np.empty((int(ends[-1]), 2))
    body = np.ones(len(out), bool)
    body[ends - 1] = False
    out[body] = coords[keep]
    out[ends - 1] = out[starts]
    thinned: NDArray[Any] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, out, (np.append(0, ends), owners))
    return thinned
