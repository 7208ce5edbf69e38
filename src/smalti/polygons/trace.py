"""From a strip of a class map to polygons along the pixels' edges.

All coordinates are whole pixels (x = column, y = row of the strip). Neighbours share every vertex of their common
border: at corners, and where three or more pieces meet. This makes a coverage, whose borders can be simplified
together.

Shapes in comments: H,W the strip; V vertices; E edges, each from one vertex straight to the next, with the piece that
it belongs to on its right; R rings of edges; P pieces, one polygon each.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.polygons.connected import connected

# Directions, clockwise: east, south, west, north. A border runs with the piece it belongs to on its right hand.
_EAST, _SOUTH, _WEST, _NORTH = range(4)


@dataclass(frozen=True, slots=True)
class Pieces:
    """The connected areas of one strip; `labels` (H, W) holds the index of each pixel's piece."""

    labels: NDArray[np.int32]
    classes: NDArray[np.uint8]
    polygons: NDArray[Any]
    """Shapely polygons."""


def trace(classes: NDArray[np.uint8], above: NDArray[np.uint8] | None, below: NDArray[np.uint8] | None) -> Pieces:
    """The pieces of classes (H, W): areas of one class, connected by pixel sides.

    `above` and `below` (W) are the rows next to the strip: where their class changes, the strip's border gets a vertex
    too, so that it matches the next strip's.
    """
    labels, kinds = connected(classes)  # H,W: pieces; P: their classes
    padded = np.pad(labels, 1, constant_values=-1)  # H+2,W+2
    rows, cols = _vertices(padded, above, below)  # V each; the vertex (0, 0) is the strip's upper left corner
    # 4,V: the piece to the lower right, lower left, upper left, upper right, which lies right of E, S, W, N
    corners = [padded[rows + i, cols + j] for i, j in ((1, 1), (1, 0), (0, 0), (0, 1))]
    to = _neighbours(rows, cols)  # 4,V
    exists = [(corners[d] != corners[d - 1]) & (corners[d] >= 0) for d in range(4)]  # 4,V; d - 1 lies to the left
    vertex = np.concatenate([np.flatnonzero(e) for e in exists])  # E: where each edge begins, 0 to V-1
    heading = np.repeat(np.arange(4), [int(e.sum()) for e in exists])  # E: its direction, 0 to 3
    succ = _successors(vertex, heading, corners, to)  # E: the next edge of the ring, 0 to E-1
    owner = np.stack(corners)[heading, vertex]  # E: its piece, 0 to P-1
    polygons = _polygons(succ, owner, cols[vertex], rows[vertex])
    return Pieces(labels, kinds, polygons)


def _vertices(
    padded: NDArray[np.int32], above: NDArray[np.uint8] | None, below: NDArray[np.uint8] | None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of all corners and nodes: every lattice point except those within a straight border."""
    across = padded[:, :-1] != padded[:, 1:]  # H+2,W+1: a border between two columns
    down = padded[:-1] != padded[1:]  # H+1,W+2: a border between two rows
    north, south, west, east = across[:-1], across[1:], down[:, :-1], down[:, 1:]  # H+1,W+1: the borders at each point
    keep = (north | south) & (west | east)  # H+1,W+1
    for row, line in ((0, above), (-1, below)):
        if line is not None:
            keep[row, 1:-1] |= line[1:] != line[:-1]  # W-1: points between two pixels of the line
    rows, cols = np.nonzero(keep)  # V, sorted by rows, then columns
    return rows, cols


def _neighbours(rows: NDArray[np.intp], cols: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """The next vertex (V) in each of the four directions, meaningful where there is a border."""
    count = len(rows)
    here = np.arange(count)
    order = np.argsort(cols, kind="stable")  # V, by columns, then rows: the input is sorted by rows
    south, north = np.empty(count, np.intp), np.empty(count, np.intp)
    south[order] = np.append(order[1:], 0)
    north[order] = np.append(0, order[:-1])
    return [here + 1, south, here - 1, north]


def _successors(
    vertex: NDArray[np.intp], heading: NDArray[np.intp], corners: list[NDArray[np.int32]], to: list[NDArray[np.intp]]
) -> NDArray[np.intp]:
    """The edge that follows each edge around its piece.

    Where a piece touches itself at a corner, the ring turns left, around the other piece: so holes that touch the
    outline stay holes, and every polygon is valid.
    """
    count = len(to[0])
    edge_at = np.full((4, count), -1, np.intp)  # 4,V: the edge that leaves a vertex in a direction, if any
    edge_at[heading, vertex] = np.arange(len(vertex))
    around = np.stack(corners)  # 4,V: the pieces SE, SW, NW, NE of each vertex
    own = around[heading, vertex]  # E
    end = np.stack(to)[heading, vertex]  # E: the vertex where each edge ends
    ahead_right = around[heading, end]  # E
    ahead_left = around[heading - 1, end]  # E; heading - 1 of east is -1, north
    turn = np.where(ahead_left == own, -1, np.where(ahead_right == own, 0, 1))  # E: left, straight on, right
    return edge_at[(heading + turn) % 4, end]


def _polygons(
    succ: NDArray[np.intp], owner: NDArray[np.int32], x: NDArray[np.intp], y: NDArray[np.intp]
) -> NDArray[Any]:
    """Polygons, in the order of their pieces, from edges with their successors."""
    import shapely

    order, starts = _cycles(succ)  # E: edges ring by ring; R: where each ring begins in it
    lengths = np.diff(np.append(starts, len(order)))  # R
    first = np.repeat(starts, lengths)  # E: where the ring of each begins
    x, y = x[order], y[order]  # E
    follow = np.arange(1, len(order) + 1)  # E: the next one of the ring,
    follow[np.append(starts[1:], len(order)) - 1] = starts  # for the last one it is the first
    # R: twice the area, by the cross products of what leads from a ring's first vertex to two that follow each other
    area = np.add.reduceat((x - x[first]) * (y[follow] - y[first]) - (x[follow] - x[first]) * (y - y[first]), starts)
    ring_owner = owner[order[starts]]  # R
    rank = np.lexsort((area < 0, ring_owner))  # R: rings by owner, of each its outline, then its holes
    sizes = lengths[rank] + 1  # R: a ring ends where it begins
    ends = np.cumsum(sizes)  # R; the last one is E+R, the number of coordinates
    take = np.repeat(starts[rank] - (ends - sizes), sizes) + np.arange(int(ends[-1]))  # E+R: runs from each start
    take[ends - 1] = starts[rank]
    coords = np.column_stack((x[take], y[take])).astype(np.float64)  # E+R,2
    rings = np.append(0, ends)  # R+1: where each ring begins in coords
    owners = np.append(np.flatnonzero(np.diff(ring_owner[rank], prepend=-1)), len(rank))  # P+1: the same in rings
    polygons: NDArray[Any] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, coords, (rings, owners))
    return polygons


def _cycles(succ: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All edges, cycle after cycle, and where each cycle starts."""
    following = succ.tolist()
    seen = bytearray(len(following))
    order: list[int] = []
    starts: list[int] = []
    for edge in range(len(following)):
        if seen[edge]:
            continue
        starts.append(len(order))
        while not seen[edge]:
            seen[edge] = 1
            order.append(edge)
            edge = following[edge]
    return np.array(order, np.intp), np.array(starts, np.intp)
