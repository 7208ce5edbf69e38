"""The plan of one block of the town: all its objects as numbers, ready to be painted.

Builders pass plan coordinates (u, v) in metres; they are stored as world pixels (x, y).
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from smalti.synth.materials import Material
from smalti.synth.parts import Part, beside, by_building
from smalti.synth.style import Style
from smalti.synth.warp import Points, Warp

PIXEL = 0.3
"""Side of a pixel in metres."""
FLAT, GABLE, HIP, ROUND, BOX = range(5)
ROOF_NAMES = ("flat", "gabled", "hipped", "round", "box")

# Order of painting the ground; later covers earlier.
BASE, PARCEL, GARDEN, WATERSIDE, WATER, PAVING, ROADWAY, ON_ROAD = range(8)


@dataclass(frozen=True)
class Rows:
    """Furrows of a field: direction in radians, distance in pixels, relative brightness."""

    angle: float
    period: float
    strength: float


@dataclass(frozen=True)
class Patch:
    """A filled polygon of ground; `points` (n, 2) in world pixels."""

    level: int
    material: Material
    points: Points
    rows: Rows | None = None


@dataclass(frozen=True)
class House(Part):
    """A part of a building, in world pixels."""

    colour: tuple[float, float, float]


@dataclass
class Plan:
    """The parts of one block; builders add to it, painters read it after `close`."""

    warp: Warp
    style: Style
    patches: list[Patch] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)
    _trees: list[Points] = field(default_factory=list)
    _cars: list[Points] = field(default_factory=list)
    _lines: list[tuple[Material, Points]] = field(default_factory=list)
    buildings: int = 0
    trees: Points = field(default_factory=lambda: np.zeros((0, 5)))
    """(n, 5): x, y, radius in pixels, height in metres, kind."""
    cars: Points = field(default_factory=lambda: np.zeros((0, 6)))
    """(n, 6): x, y, unit vector along the car, kind, length in pixels."""
    lines: dict[Material, Points] = field(default_factory=dict)
    """Per material (n, 2, 2): thin strokes from x, y to x, y."""
    patch_boxes: Points = field(default_factory=lambda: np.zeros((0, 4)))
    house_boxes: Points = field(default_factory=lambda: np.zeros((0, 4)))
    box: tuple[float, float, float, float] = (0, 0, 0, 0)
    """Left, top, right, bottom of everything, in world pixels."""

    def pixels(self, uv: Points) -> Points:
        """Plan points in metres to world pixels."""
        world: Points = self.warp.world(np.asarray(uv, np.float64)) / PIXEL
        return world

    def patch(self, level: int, material: Material, uv: Points, rows: Rows | None = None) -> None:
        """A polygon of ground given by its corners in the plan."""
        self.patches.append(Patch(level, material, self.pixels(densify(uv)), rows))

    def rect(self, level: int, material: Material, u0: float, v0: float, u1: float, v1: float) -> None:
        """A rectangle of ground."""
        self.patch(level, material, np.array([[u0, v0], [u1, v0], [u1, v1], [u0, v1]]))

    def strip(self, level: int, material: Material, uv: Points, width: float, dense: bool = False) -> None:
        """A band of constant width in the world along a line of plan points."""
        line = self.pixels(uv if dense else densify(uv, closed=False))
        side = normals(line) * (width / 2 / PIXEL)
        self.patches.append(Patch(level, material, np.concatenate([line + side, (line - side)[::-1]])))

    def strokes(self, material: Material, uv: Points, offset: float, dash: float = 0, gap: float = 0) -> None:
        """A thin line beside a line of plan points, `offset` metres off, dashed if `dash` is given."""
        line = self.pixels(densify(uv, closed=False))
        line = line + normals(line) * (offset / PIXEL)
        if dash:
            line = resample(line, dash / PIXEL, gap / PIXEL)
            self._lines.append((material, line.reshape(-1, 2, 2)))
        else:
            self._lines.append((material, np.stack([line[:-1], line[1:]], 1)))

    def segments(self, material: Material, uv: Points) -> None:
        """Thin strokes given one by one, (n, 2 ends, 2)."""
        self._lines.append((material, self.pixels(uv.reshape(-1, 2)).reshape(-1, 2, 2)))

    def house(
        self,
        uv: tuple[float, float],
        size: tuple[float, float],
        eave: float,
        roof: int,
        colour: npt.NDArray[np.float32],
        *,
        pitch: float = 0.6,
        rigid: bool = True,
        building: int | None = None,
    ) -> int:
        """A building part of `size` (u, v) metres around a plan point; returns the number of its building.

        Rigid parts are rectangles turned to the street; others follow the bent plan as parallelograms.
        """
        at = np.array([uv])
        axes = self.warp.axes(at)[0]
        if rigid:
            long = axes[0] / np.hypot(*axes[0])
            half = size[0] * min(1.0, np.hypot(*axes[0])), size[1] * min(1.0, np.hypot(*axes[1]))
            side = np.array([-long[1], long[0]]) * np.sign(np.linalg.det(axes))
            along, across = long * (half[0] / 2 / PIXEL), side * (half[1] / 2 / PIXEL)
        else:
            along, across = axes[0] * (size[0] / 2 / PIXEL), axes[1] * (size[1] / 2 / PIXEL)
        if roof in (GABLE, HIP) and np.hypot(*across) > np.hypot(*along):
            along, across = across, along
        if building is None:
            building, self.buildings = self.buildings, self.buildings + 1
        centre = self.pixels(at)[0]
        tint = float(colour[0]), float(colour[1]), float(colour[2])
        self.houses.append(
            House(
                (float(centre[0]), float(centre[1])),
                (float(along[0]), float(along[1])),
                (float(across[0]), float(across[1])),
                float(eave), roof, pitch, building, tint,
            )
        )  # fmt: skip
        return building

    def trees_at(self, uv: Points, radius: Points, height: Points, kind: Points) -> None:
        """Trees at plan points (n, 2): crown radius in metres, height in metres, kind (each n)."""
        if len(uv):
            self._trees.append(np.column_stack([self.pixels(uv), radius / PIXEL, height, kind]))

    def cars_at(self, uv: Points, along_u: bool, kind: Points, length: float = 4.5) -> None:
        """Cars at plan points (n, 2), parked along u or along v."""
        if len(uv):
            axis = self.warp.axes(uv)[:, 0 if along_u else 1]
            axis = axis / np.linalg.norm(axis, axis=1, keepdims=True)
            size = np.full(len(uv), length / PIXEL)
            self._cars.append(np.column_stack([self.pixels(uv), axis, kind, size]))

    @cached_property
    def parts(self) -> dict[int, list[House]]:
        """The parts of each building, in the order in which they were added."""
        return by_building(self.houses)

    def close(self) -> "Plan":
        """Puts everything into arrays with bounding boxes."""
        self.trees = beside(self.houses, np.concatenate(self._trees)) if self._trees else self.trees
        self.cars = np.concatenate(self._cars) if self._cars else self.cars
        for material in dict.fromkeys(m for m, _ in self._lines):
            self.lines[material] = np.concatenate([line for m, line in self._lines if m == material])
        self.patches.sort(key=lambda p: p.level)
        self.patch_boxes = np.array([_box(p.points) for p in self.patches]).reshape(-1, 4)
        self.house_boxes = np.array([h.box for h in self.houses]).reshape(-1, 4)
        corners = [self.patch_boxes, self.house_boxes]
        if len(self.trees):
            reach = self.trees[:, 2:3]
            corners.append(np.hstack([self.trees[:, :2] - reach, self.trees[:, :2] + reach]))
        boxes = np.concatenate(corners)
        low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
        self.box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return self


def _box(points: Points) -> Points:
    return np.concatenate([points.min(0), points.max(0)])


def densify(uv: Points, closed: bool = True, step: float = 7.0) -> Points:
    """The same line or polygon with a point at least every `step` metres, so that it bends with the plan."""
    uv = np.asarray(uv, np.float64)
    line = np.concatenate([uv, uv[:1]]) if closed else uv
    begins, ends = line[:-1], line[1:]
    lengths = np.hypot(*(ends - begins).T)
    if lengths.max() <= step:
        return uv
    counts = np.maximum(np.ceil(lengths / step).astype(int), 1)
    index = np.repeat(np.arange(len(begins)), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    share = ((np.arange(len(index)) - first) / counts[index])[:, None]
    points: Points = begins[index] + (ends - begins)[index] * share
    return points if closed else np.concatenate([points, uv[-1:]])


def normals(line: Points) -> Points:
    """Unit normals of a line at its points, (n, 2)."""
    step = np.gradient(line, axis=0)
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    return np.stack([-step[:, 1], step[:, 0]], 1)


def resample(line: Points, dash: float, gap: float) -> Points:
    """Begins and ends of dashes along a line, (2 n, 2)."""
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    begins = np.arange(0, max(way[-1] - dash, 0), dash + gap)
    at = np.stack([begins, begins + dash], 1).ravel()
    return np.stack([np.interp(at, way, line[:, 0]), np.interp(at, way, line[:, 1])], 1)
