"""Joins polygons across strips, and passes on those that are complete."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.polygons.rules import Rules
from smalti.polygons.seams import AreaBudget, Point, Side, side, superfluous, without
from smalti.polygons.trace import Pieces


@dataclass(frozen=True, slots=True)
class Areas:
    """Complete areas: class id and polygon (x = column, y = row of the scene) of each."""

    classes: NDArray[np.uint8]
    polygons: NDArray[Any]


@dataclass(slots=True)
class _Open:
    kind: int
    square_m: float = 0.0
    """The area so far, if there is a limit to it."""
    parts: list[Any] = field(default_factory=list)


class Joiner:
    """Joins strips from top to bottom and returns complete areas."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
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
        groups = self._group(pieces, polygons)
        if self._last is not None:
            above, over, upper = self._last
            lower = side(polygons, np.unique(top))
            spare = self._spare(over, groups[top])
            self._gone |= superfluous(upper, lower, row, above, pieces.classes[top], self._rules.tolerance, spare)
            self._take(spare)
        inner = (groups < 0) & (pieces.classes < self._rules.labels)
        self._last = (pieces.classes[bottom], groups[bottom], side(polygons, np.unique(bottom)))
        done = self._close({self._root(group) for group in np.unique(groups[bottom]).tolist()})
        return _concatenate(Areas(pieces.classes[inner], polygons[inner]), done)

    def _group(self, pieces: Pieces, polygons: NDArray[Any]) -> NDArray[np.intp]:
        """The open area that each piece at the strip's border is added to; -1 for the others."""
        top, bottom = pieces.labels[0], pieces.labels[-1]
        found = self._link(pieces.classes[top], top)
        for piece in np.union1d(top, bottom).tolist():
            if piece not in found:
                found[piece] = self._new(int(pieces.classes[piece]))
        touching = list(found)
        sizes = self._rules.measure(polygons[touching]) if self._rules.least_m2 else np.zeros(len(touching))
        for piece, square_m in zip(touching, sizes.tolist(), strict=True):
            area = self._open[self._root(found[piece])]
            area.square_m += square_m
            if area.kind < self._rules.labels:
                area.parts.append(polygons[piece])
        groups = np.full(len(polygons), -1, np.intp)
        groups[touching] = list(found.values())
        return groups

    def _spare(self, over: NDArray[np.intp], under: NDArray[np.intp]) -> AreaBudget:
        """What the areas on both sides of a seam may lose; nothing for no data, whose border stays unchanged."""
        root = {group: self._root(group) for group in np.unique(np.concatenate((over, under))).tolist()}
        left = {}
        for group in root.values():
            area = self._open[group]
            limited = area.square_m - self._rules.least_m2 if self._rules.least_m2 else np.inf
            left[group] = limited if area.kind < self._rules.labels else 0.0
        rows = [[root[group] for group in row.tolist()] for row in (over, under)]
        pixel = self._rules.ground.largest if self._rules.ground is not None else 1.0
        return AreaBudget(rows, left, pixel)

    def _take(self, spare: AreaBudget) -> None:
        for group, left in spare.left.items():
            if self._rules.least_m2:
                self._open[group].square_m = left + self._rules.least_m2

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
        self._open[keep].square_m += gone.square_m
        self._parent[lose] = keep
        return keep

    def _close(self, alive: set[int]) -> Areas:
        """Completes and removes all open areas except those alive."""
        import shapely

        done = [self._open.pop(group) for group in sorted(self._open.keys() - alive)]
        done = [area for area in done if area.kind < self._rules.labels]
        self._parent = {group: root for group, root in self._parent.items() if self._root(root) in alive}
        whole = [area.parts[0] if len(area.parts) == 1 else shapely.coverage_union_all(area.parts) for area in done]
        gone = np.array(sorted(self._gone), np.int64).reshape(-1, 2)
        return Areas(
            np.array([area.kind for area in done], np.uint8),
            without(np.array(whole, object), gone),
        )


def _concatenate(one: Areas, other: Areas) -> Areas:
    return Areas(
        np.concatenate((one.classes, other.classes)),
        np.concatenate((one.polygons, other.polygons)),
    )
