"""The plan of one block: all its objects as numbers, ready to be painted.

Builders pass plan coordinates (u, v) in metres; they are stored as metres of the world, x to the right, y downwards.
"""

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from smalti.synth.parts import Part, beside, by_building
from smalti.synth.plan import FLAT, GABLE, HIP, densify, normals, resample
from smalti.synth.warp import Points, Warp
from smalti.synth.world.setting import Setting
from smalti.synth.world.surface import Surface
from smalti.synth.world.water import DRY

# Order of painting the ground; later covers earlier. Water comes between WATERSIDE and PAVING.
BASE, PARCEL, GARDEN, WATERSIDE, PAVING, ROADWAY, ON_ROAD = range(7)
DRY_BY = -2.0
"""Metres from the shore at which things may stand."""


@dataclass(frozen=True)
class Rows:
    """Rows of a field: direction in radians, distance in metres, relative brightness, distance of tramlines or 0."""

    angle: float
    period: float
    strength: float
    tramlines: float = 0.0


@dataclass(frozen=True)
class Patch:
    """A filled polygon of ground; `points` (n, 2) in metres of the world."""

    level: int
    surface: Surface
    points: Points
    rows: Rows | None = None
    terraced: float = 0.0
    """Width of the terraces into which it is cut along the slope, in metres; 0: none."""


@dataclass(frozen=True)
class House(Part):
    """A part of a building, in metres of the world."""

    cover: Surface
    ribs: tuple[float, float]
    """Distance of the ribs of the roof in metres, or 0, and their contrast."""


@dataclass
class Plan:
    """The parts of one block; builders add to it, painters read it after `close`."""

    warp: Warp
    setting: Setting
    dry: bool = False
    """Whether there is no water anywhere near, so that nothing has to be tested for it."""
    patches: list[Patch] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)
    buildings: int = 0
    trees: Points = field(default_factory=lambda: np.zeros((0, 5)))
    """(n, 5): x, y, radius and height in metres, kind."""
    cars: Points = field(default_factory=lambda: np.zeros((0, 7)))
    """(n, 7): x, y, unit vector along the car, kind, length and width in metres."""
    lines: dict[Surface, Points] = field(default_factory=dict)
    """Per surface (n, 2, 2): thin strokes from x, y to x, y."""
    patch_boxes: Points = field(default_factory=lambda: np.zeros((0, 4)))
    house_boxes: Points = field(default_factory=lambda: np.zeros((0, 4)))
    box: tuple[float, float, float, float] = (0, 0, 0, 0)
    """Left, top, right, bottom of everything, metres."""
    _trees: list[Points] = field(default_factory=list)
    _cars: list[Points] = field(default_factory=list)
    _lines: list[tuple[Surface, Points]] = field(default_factory=list)

    def world(self, uv: Points) -> Points:
        """Plan points in the world, (n, 2)."""
        return self.warp.world(np.asarray(uv, np.float64).reshape(-1, 2))

    def depth(self, uv: Points) -> Points:
        """Metres from the shore at plan points, above 0 in the water."""
        return self._depth(self.world(uv))

    def _depth(self, xy: Points) -> Points:
        """The same at points of the world."""
        return np.full(len(xy), DRY) if self.dry else self.setting.water.at(xy)

    def patch(self, level: int, surface: Surface, uv: Points, rows: Rows | None = None, terraced: float = 0.0) -> None:
        """A polygon of ground given by its corners in the plan."""
        self.patches.append(Patch(level, surface, self.world(densify(uv)), rows, terraced))

    def rect(self, level: int, surface: Surface, u0: float, v0: float, u1: float, v1: float) -> None:
        """A rectangle of ground."""
        self.patch(level, surface, np.array([[u0, v0], [u1, v0], [u1, v1], [u0, v1]]))

    def strip(self, level: int, surface: Surface, uv: Points, width: float, bridge: float = 0.0) -> None:
        """A band of constant width along a line of plan points; over water only where that is at most `bridge` wide."""
        for line in self._dry(self.world(densify(np.asarray(uv, np.float64), closed=False)), bridge):
            side = normals(line) * (width / 2)
            self.patches.append(Patch(level, surface, np.concatenate([line + side, (line - side)[::-1]])))

    def strokes(self, surface: Surface, uv: Points, offset: float, dash: float = 0, gap: float = 0) -> None:
        """A thin line beside a line of plan points, `offset` metres off, dashed if `dash` is given."""
        for line in self._dry(self.world(densify(np.asarray(uv, np.float64), closed=False)), 0):
            line = line + normals(line) * offset
            pair = resample(line, dash, gap).reshape(-1, 2, 2) if dash else np.stack([line[:-1], line[1:]], 1)
            self._lines.append((surface, pair))

    def segments(self, surface: Surface, uv: Points) -> None:
        """Thin strokes given one by one, (n, 2 ends, 2)."""
        ends = self.world(uv).reshape(-1, 2, 2)
        self._lines.append((surface, ends[self._depth(ends.mean(1)) < DRY_BY]))

    def _dry(self, line: Points, bridge: float) -> list[Points]:
        """The parts of a line of the world that are not over water wider than `bridge`."""
        wet = self._depth(line) > -0.5
        if not wet.any():
            return [line]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], wet, [False]])))
        for begin, end in edges.reshape(-1, 2):
            inside = begin > 0 and end < len(line)
            if inside and float(np.hypot(*(line[end - 1] - line[begin]))) < bridge:
                wet[begin:end] = False
        runs = np.flatnonzero(np.diff(np.concatenate([[False], ~wet, [False]]))).reshape(-1, 2)
        return [line[begin:end] for begin, end in runs if end - begin > 1]

    def house(
        self,
        uv: tuple[float, float],
        size: tuple[float, float],
        eave: float,
        *,
        roof: int,
        cover: Surface,
        ribs: tuple[float, float] = (0.0, 0.0),
        pitch: float = 0.5,
        turn: float = 0.0,
        building: int | None = None,
    ) -> int:
        """A building part of `size` (u, v) metres around a plan point, turned by `turn` radians; its building's number.

        -1 and no part where it would stand in the water.
        """
        at = np.array([uv], np.float64)
        long = self.warp.axes(at)[0][0]
        long = long / np.hypot(*long)
        c, s = np.cos(turn), np.sin(turn)
        long = np.array([long[0] * c - long[1] * s, long[0] * s + long[1] * c])
        along, across = long * (size[0] / 2), np.array([-long[1], long[0]]) * (size[1] / 2)
        centre = self.world(at)[0]
        corners = centre + np.array([along + across, along - across, -along - across, across - along, along * 0])
        if self._depth(corners).max() > DRY_BY:
            return -1
        if roof in (GABLE, HIP) and np.hypot(*across) > np.hypot(*along):
            along, across = across, along
        if building is None:
            building, self.buildings = self.buildings, self.buildings + 1
        place, long, side = ((float(x), float(y)) for x, y in (centre, along, across))
        self.houses.append(House(place, long, side, float(eave), roof, pitch, building, cover, ribs))
        return building

    def trees_at(self, uv: Points, radius: Points, height: Points, kind: Points) -> None:
        """Trees at plan points (n, 2): crown radius and height in metres, kind (each n); none in the water."""
        if len(uv):
            found = np.column_stack([self.world(uv), radius, height, kind])
            self._trees.append(found[self._depth(found[:, :2]) < -0.3])

    def fell(self, uv: Points) -> None:
        """Takes out the trees inside an outline of plan points (n, 2)."""
        rim = np.rint(self.world(uv) * 10).astype(np.int32)
        for k, trees in enumerate(self._trees):
            inside = [cv2.pointPolygonTest(rim, (x * 10, y * 10), False) > 0 for x, y in trees[:, :2].tolist()]
            self._trees[k] = trees[~np.array(inside, bool)]

    def cars_at(self, uv: Points, along_u: bool, kind: Points, size: tuple[float, float] = (4.4, 1.8)) -> None:
        """Cars at plan points (n, 2), standing along u or along v."""
        if len(uv):
            axis = self.warp.axes(uv)[:, 0 if along_u else 1]
            axis = axis / np.linalg.norm(axis, axis=1, keepdims=True)
            sizes = np.tile(size, (len(uv), 1))
            cars = np.column_stack([self.world(uv), axis, kind, sizes])
            self._cars.append(cars[self._depth(cars[:, :2]) < DRY_BY])

    def boats_at(self, uv: Points, along_u: bool, kind: Points, size: tuple[float, float]) -> None:
        """Boats at plan points (n, 2), where there is water."""
        if len(uv):
            axis = self.warp.axes(uv)[:, 0 if along_u else 1]
            axis = axis / np.linalg.norm(axis, axis=1, keepdims=True)
            boats = np.column_stack([self.world(uv), axis, kind, np.tile(size, (len(uv), 1))])
            self._cars.append(boats[self._depth(boats[:, :2]) > size[0] / 3])

    @cached_property
    def parts(self) -> dict[int, list[House]]:
        """The parts of each building, in the order in which they were added."""
        return by_building(self.houses)

    def close(self) -> "Plan":
        """Puts everything into arrays with bounding boxes."""
        self.trees = beside(self.houses, np.concatenate(self._trees)) if self._trees else self.trees
        self.cars = np.concatenate(self._cars) if self._cars else self.cars
        for surface in dict.fromkeys(s for s, _ in self._lines):
            self.lines[surface] = np.concatenate([line for s, line in self._lines if s is surface])
        self.patches.sort(key=lambda p: p.level)
        boxes = [np.concatenate([p.points.min(0), p.points.max(0)]) for p in self.patches]
        self.patch_boxes = np.array(boxes).reshape(-1, 4)
        self.house_boxes = np.array([h.box for h in self.houses]).reshape(-1, 4)
        reach = self.trees[:, 2:3]
        crowns = np.hstack([self.trees[:, :2] - reach, self.trees[:, :2] + reach])
        every = np.concatenate([self.patch_boxes, self.house_boxes, crowns])
        low, high = every[:, :2].min(0), every[:, 2:].max(0)
        self.box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return self


__all__ = ["FLAT", "GABLE", "HIP", "House", "Patch", "Plan", "Rows"]
