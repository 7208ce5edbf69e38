"""Polygons that go on from strip to strip, put together; those that are complete are handed on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.raster.seams import Point, Side, side, superfluous, without
from smalti.raster.trace import Pieces


@dataclass(frozen=True, slots=True)
class Areas:
    """Complete areas: class id, pixels and polygon (x = column, y = row of the scene) of each."""

    classes: NDArray[np.uint8]
    pixels: NDArray[np.int64]
    polygons: NDArray[Any]


@dataclass(slots=True)
class _Open:
    kind: int
    pixels: int = 0
    parts: list[Any] = field(default_factory=list)


class Joiner:
    """Takes strips from top to bottom and gives complete areas."""

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._open: dict[int, _Open] = {}
        self._parent: dict[int, int] = {}
        self._next = 0
        self._gone: set[Point] = set()
        self._last: tuple[NDArray[np.uint8], NDArray[np.intp], Side] | None = None
        """Classes and areas along the last row of the strip before, and its side of the seam."""

    def add(self, pieces: Pieces, polygons: NDArray[Any], row: int) -> Areas:
        """The areas that are complete now; `polygons` are those of the pieces, simplified and in scene pixels.

        `row` is the strip's first.
        """
        top, bottom = pieces.labels[0], pieces.labels[-1]
        if self._last is not None:
            above, _, upper = self._last
            lower = side(polygons, np.unique(top))
            self._gone |= superfluous(upper, lower, row, above, pieces.classes[top], self._tolerance)
        found = self._link(pieces.classes[top], top)
        for piece in (*np.unique(top).tolist(), *np.unique(bottom).tolist()):
            if piece not in found:
                found[piece] = self._new(int(pieces.classes[piece]))
        for piece, group in found.items():
            area = self._open[self._root(group)]
            area.parts.append(polygons[piece])
            area.pixels += int(pieces.pixels[piece])
        inner = np.setdiff1d(np.arange(len(polygons)), np.fromiter(found, np.intp), assume_unique=True)
        groups = np.zeros(len(polygons), np.intp)
        groups[list(found)] = list(found.values())
        self._last = (pieces.classes[bottom], groups[bottom], side(polygons, np.unique(bottom)))
        done = self._close({self._root(group) for group in np.unique(groups[bottom]).tolist()})
        return _concatenate(Areas(pieces.classes[inner], pieces.pixels[inner], polygons[inner]), done)

    def finish(self) -> Areas:
        """The areas that reach the end of the scene."""
        return self._close(set())

    def _link(self, classes: NDArray[np.uint8], top: NDArray[np.int32]) -> dict[int, int]:
        """The open area that each piece of the first row belongs to; areas that a piece connects become one."""
        found: dict[int, int] = {}
        if self._last is None:
            return found
        above, groups, _ = self._last
        same = above == classes
        for group, piece in np.unique(np.stack((groups[same], top[same])), axis=1).T.tolist():
            root = self._root(group)
            found[piece] = self._merge(self._root(found[piece]), root) if piece in found else root
        return found

    def _new(self, kind: int) -> int:
        group, self._next = self._next, self._next + 1
        self._open[group] = _Open(kind)
        self._parent[group] = group
        return group

    def _root(self, group: int) -> int:
        while self._parent[group] != group:
            self._parent[group] = group = self._parent[self._parent[group]]
        return group

    def _merge(self, one: int, other: int) -> int:
        if one == other:
            return one
        keep, lose = min(one, other), max(one, other)
        gone = self._open.pop(lose)
        self._open[keep].parts += gone.parts
        self._open[keep].pixels += gone.pixels
        self._parent[lose] = keep
        return keep

    def _close(self, alive: set[int]) -> Areas:
        """Takes out and completes all open areas but those alive."""
        import shapely

        done = [self._open.pop(group) for group in sorted(self._open.keys() - alive)]
        self._parent = {group: root for group, root in self._parent.items() if self._root(root) in alive}
        whole = [area.parts[0] if len(area.parts) == 1 else shapely.coverage_union_all(area.parts) for area in done]
        gone = np.array(sorted(self._gone), np.int64).reshape(-1, 2)
        return Areas(
            np.array([area.kind for area in done], np.uint8),
            np.array([area.pixels for area in done], np.int64),
            without(np.array(whole, object), gone),
        )


def _concatenate(one: Areas, other: Areas) -> Areas:
    return Areas(
        np.concatenate((one.classes, other.classes)),
        np.concatenate((one.pixels, other.pixels)),
        np.concatenate((one.polygons, other.polygons)),
    )
