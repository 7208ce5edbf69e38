"""Merges small areas of a class map into their neighbours, strip by strip, until none is below a limit.

An area is connected by pixel sides. The smallest one comes first (by pixels; ties are broken by a pseudo-random number
of its position): it is merged into the neighbour with which it shares the longest border, and joined with every
neighbour of that class. A small area that may continue below the last strip waits, and so do its larger small
neighbours; their rows wait with them, as runs of equal areas. An area without a neighbour, such as an island in no
data, stays.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.polygons.areas import PixelAreas
from smalti.polygons.connected import components, connected
from smalti.tiling import Window

_WAITING = 16
"""The most strips that wait; then areas that continue below are merged too, if they have neighbours."""
_EQUAL = 1 - 1e-9  # sums of pixels that equal the limit up to rounding are not below it
_NONE = 0  # the id of no data, which is not an area
_HELD: NDArray[np.intp] = np.zeros(0, np.intp)

Ids = NDArray[np.intp]
Strip = NDArray[np.uint8]


def merged(strips: Iterable[Strip], labels: int, least_m2: float, ground: PixelAreas) -> Iterator[Strip]:
    """The strips (H, W) of classes, from top to bottom, without areas below `least_m2` that have a neighbour.

    Ids from `labels` on are no data; all of them become 255.
    """
    merger = _Merger(labels, least_m2, ground)
    row = 0
    for strip in strips:
        yield from merger.add(strip, row)
        row += len(strip)
    yield from merger.finish()


@dataclass(frozen=True, slots=True)
class _Runs:
    """A strip as runs of equal ids, row after row."""

    starts: Ids
    ids: Ids
    shape: tuple[int, int]

    @classmethod
    def of(cls, ids: NDArray[Any]) -> "_Runs":
        flat = ids.ravel()
        starts = np.append(0, np.flatnonzero(flat[1:] != flat[:-1]) + 1)
        return cls(starts, flat[starts].astype(np.intp), ids.shape)

    @property
    def lengths(self) -> Ids:
        return np.diff(np.append(self.starts, self.shape[0] * self.shape[1]))

    def renamed(self, names: Ids) -> "_Runs":
        ids = names[self.ids]
        keep = np.append(True, ids[1:] != ids[:-1])
        return _Runs(self.starts[keep], ids[keep], self.shape)

    def painted(self, kinds: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.repeat(kinds[self.ids], self.lengths).reshape(self.shape)


@dataclass(slots=True)
class _Table:
    """The properties of each area so far, by id."""

    kinds: NDArray[np.uint8]
    pixels: NDArray[np.int64]
    square_m: NDArray[np.float64]
    lots: NDArray[np.uint64]
    """A pseudo-random number of the position of the first pixel."""

    def __len__(self) -> int:
        return len(self.kinds)

    def joined(self, other: "_Table") -> "_Table":
        columns = ((getattr(self, name), getattr(other, name)) for name in self.__slots__)
        return _Table(*(np.concatenate(pair) for pair in columns))

    def taken(self, ids: Ids) -> "_Table":
        return _Table(*(getattr(self, name)[ids] for name in self.__slots__))

    def unite(self, root: Ids) -> None:
        """Adds each area to the one that `root` names for it."""
        gone = np.flatnonzero(root != np.arange(len(root)))
        np.add.at(self.pixels, root[gone], self.pixels[gone])
        np.add.at(self.square_m, root[gone], self.square_m[gone])


@dataclass(frozen=True, slots=True)
class _Borders:
    """Pairs of areas that touch, each once, and the pixel sides that they share."""

    one: Ids
    other: Ids
    sides: NDArray[np.int64]

    @classmethod
    def between(cls, one: NDArray[Any], other: NDArray[Any], names: Ids) -> "_Borders":
        """The borders between arrays of labels side by side; `names` gives the id of each label."""
        apart = one != other
        a, b = names[one[apart]], names[other[apart]]
        real = (a != _NONE) & (b != _NONE)
        return cls(a[real], b[real], np.ones(int(real.sum()), np.int64))

    def __add__(self, more: "_Borders") -> "_Borders":
        pairs = ((getattr(self, name), getattr(more, name)) for name in self.__slots__)
        return _Borders(*(np.concatenate(pair) for pair in pairs))

    def where(self, keep: NDArray[np.bool_]) -> "_Borders":
        return _Borders(self.one[keep], self.other[keep], self.sides[keep])

    def renamed(self, names: Ids) -> "_Borders":
        """With other ids; equal pairs become one."""
        a, b = names[self.one], names[self.other]
        low, high = np.minimum(a, b), np.maximum(a, b)
        apart = low != high
        codes, at = np.unique(low[apart] * len(names) + high[apart], return_inverse=True)
        sides = np.bincount(at, self.sides[apart], minlength=len(codes)).astype(np.int64)
        return _Borders(codes // len(names), codes % len(names), sides)


class _Merger:
    def __init__(self, labels: int, least_m2: float, ground: PixelAreas) -> None:
        self._labels, self._least, self._ground = labels, least_m2 * _EQUAL, ground
        nothing = np.zeros(1, np.int64)
        self._table = _Table(np.full(1, 255, np.uint8), nothing, np.full(1, np.inf), nothing.astype(np.uint64))
        self._borders = _Borders(_HELD, _HELD, _HELD.astype(np.int64))
        self._held: list[_Runs] = []
        self._bottom = _HELD

    def add(self, classes: NDArray[np.uint8], row: int) -> list[Strip]:
        """Adds the strip that begins at `row`; returns the strips that are final now."""
        labels, names = self._numbered(classes, row)
        for one, other in ((labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])):
            self._borders += _Borders.between(one, other, names)
        top, root = names[labels[0]], np.arange(len(self._table))
        if len(self._bottom):
            kinds = self._table.kinds
            same = (kinds[self._bottom] == kinds[top]) & (top != _NONE)
            self._borders += _Borders.between(self._bottom, top, root)
            root = components(len(root), self._bottom[same], top[same])
            self._table.unite(root)
        self._bottom = names[labels[-1]]
        self._settle(root, last=False)
        return self._released(last=False)

    def finish(self) -> list[Strip]:
        """The remaining strips."""
        self._settle(np.arange(len(self._table)), last=True)
        return self._released(last=True)

    def _numbered(self, classes: NDArray[np.uint8], row: int) -> tuple[NDArray[np.int32], Ids]:
        """Labels (H, W) of the areas of a strip, and the id of each label; the areas are added to the table."""
        labels, kinds = connected(classes)
        runs, count = _Runs.of(labels), len(kinds)
        square_m = self._ground.of_window(Window(row, 0, *classes.shape)).ravel()
        first = np.empty(count, np.int64)
        first[runs.ids[::-1]] = runs.starts[::-1]  # the last one written wins
        new = _Table(
            kinds,
            np.bincount(runs.ids, runs.lengths, minlength=count).astype(np.int64),
            np.bincount(runs.ids, np.add.reduceat(square_m, runs.starts), minlength=count).astype(np.float64),
            _drawn(first + row * classes.shape[1]),
        )
        real = kinds < self._labels
        names = np.where(real, len(self._table) + np.cumsum(real) - 1, _NONE)
        self._table = self._table.joined(new.taken(np.flatnonzero(real)))
        self._held.append(runs.renamed(names))
        return labels, names

    def _settle(self, root: Ids, last: bool) -> None:
        """Merges what can be decided; `root` gives the areas that are already joined."""
        while True:
            small = self._table.square_m < self._least
            near = self._borders
            keep = small[root[near.one]] | small[root[near.other]]
            self._borders = near = near.where(keep).renamed(root)
            waiting = self._waiting(root, last)
            moving, target = self._moves(small, waiting)
            if not len(moving):
                break
            root = self._moved(moving, target)[root]
        self._rename(root)

    def _waiting(self, root: Ids, last: bool) -> NDArray[np.bool_]:
        """Which areas may continue below."""
        waiting = np.zeros(len(root), bool)
        if not last and len(self._held) <= _WAITING:
            waiting[root[self._bottom]] = True
        return waiting

    def _moves(self, small: NDArray[np.bool_], waiting: NDArray[np.bool_]) -> tuple[Ids, Ids]:
        """The areas that are smaller than all their neighbours, and the neighbour that each goes to."""
        near, table = self._borders, self._table
        rank = np.full(len(small), len(small))
        touching = np.zeros(len(small), bool)
        touching[near.one] = touching[near.other] = True
        which = np.flatnonzero(small & touching)
        rank[which[np.lexsort((table.lots[which], table.pixels[which]))]] = np.arange(len(which))
        least = np.where(touching, len(small) + 1, -1)  # without a neighbour none is larger
        np.minimum.at(least, near.one, rank[near.other])
        np.minimum.at(least, near.other, rank[near.one])
        moves = small & ~waiting & (rank < least)
        one, other = near.where(moves[near.one]), near.where(moves[near.other])
        moving = np.concatenate((one.one, other.other))
        target = np.concatenate((one.other, other.one))
        sides = np.concatenate((one.sides, other.sides))
        order = np.lexsort((table.lots[target], table.pixels[target], sides, moving))
        moving, target = moving[order], target[order]
        best = np.append(moving[1:] != moving[:-1], True)[: len(moving)]
        return moving[best], target[best]

    def _moved(self, moving: Ids, target: Ids) -> Ids:
        """Merges; returns the new id of each area."""
        near, table = self._borders, self._table
        into = np.full(len(table), -1)
        into[moving] = target
        a = np.concatenate((into[near.one], into[near.other]))  # the area merged into, beside its neighbours
        b = np.concatenate((near.other, near.one))
        same = (a >= 0) & (table.kinds[a] == table.kinds[b])
        root = components(len(table), np.concatenate((moving, a[same])), np.concatenate((target, b[same])))
        table.kinds[root[target]] = table.kinds[target]
        table.unite(root)
        return root

    def _rename(self, root: Ids) -> None:
        """Renumbers the areas that are still needed and drops the others."""
        near = self._borders
        held = [runs.renamed(root) for runs in self._held]
        self._bottom = root[self._bottom]
        live = np.unique(np.concatenate([[_NONE], self._bottom, near.one, near.other, *(runs.ids for runs in held)]))
        names = np.zeros(len(root), np.intp)
        names[live] = np.arange(len(live))
        self._held = [runs.renamed(names) for runs in held]
        self._bottom = names[self._bottom]
        self._borders = _Borders(names[near.one], names[near.other], near.sides)
        self._table = self._table.taken(live)

    def _released(self, last: bool) -> list[Strip]:
        """The first strips whose areas are all decided."""
        small = self._table.square_m < self._least
        undecided = np.zeros(len(small), bool)
        if not last:
            for ids in (self._bottom, self._borders.one, self._borders.other):
                undecided[ids] = small[ids]
        out = []
        while self._held and not undecided[self._held[0].ids].any():
            out.append(self._held.pop(0).painted(self._table.kinds))
        return out


def _drawn(places: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A pseudo-random number for each position (the last steps of SplitMix64), so that neighbours have no order."""
    mixed = places.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
