"""The canvas on which one cell is painted, seen straight from above: layers of indices, heights and details."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.warp import Points
from smalti.synth.world.noise import Noise
from smalti.synth.world.sensor import PAD
from smalti.synth.world.setting import Setting
from smalti.synth.world.surface import Surface

CELL = 512
"""Side of a cell in pixels; cells lie on multiples of it."""
SHADOW, MOST_SHADOW = 45.0, 288
"""Longest shadow in metres and in pixels; longer ones are cut off."""
TALLEST, MOST_LEAN = 40.0, 64
"""Height in metres up to which things lean, and the most that they do in pixels."""
SHIFT = 4
"""Fractional bits of the fixed-point corners passed to OpenCV."""
FROM_SURFACE, UNDER = 255, 254
"""Labels of pixels that have the class of their surface, or that of the ground below."""


def margins(setting: Setting) -> tuple[int, int]:
    """Pixels around the core for things that lean into it, and towards the sun for shadows."""
    lean = math.ceil(math.hypot(*setting.sensor.lean) * TALLEST / setting.sensor.pixel) + 1
    return min(lean, MOST_LEAN), min(math.ceil(SHADOW / setting.sensor.pixel), MOST_SHADOW)


@dataclass
class Canvas:
    """Layers of one cell with its margins, each (size, size). Painters write, `light` and `view` read."""

    setting: Setting
    row: int
    col: int
    size: int
    origin: tuple[float, float]
    """Metres of the world at the corner of pixel 0, 0."""
    index: npt.NDArray[np.uint16]
    """Index of the surface."""
    height: Floats
    """Metres above the ground."""
    label: npt.NDArray[np.uint8]
    """A class, FROM_SURFACE or UNDER."""
    detail: Floats
    """Relative brightness added last, such as furrows."""
    depth: Floats | None = None
    """Metres from the shore; None where there is no water."""
    water: int = -1
    """Index of the surface of that water."""
    surfaces: list[Surface] = field(default_factory=list)
    known: dict[int, int] = field(default_factory=dict)

    def add(self, surface: Surface) -> int:
        """The index of a surface."""
        found = self.known.get(id(surface))
        if found is None:
            found = self.known[id(surface)] = len(self.surfaces)
            self.surfaces.append(surface)
        return found

    @property
    def pixel(self) -> float:
        """Side of a pixel, metres."""
        return self.setting.sensor.pixel

    @property
    def x(self) -> Points:
        """Centres of the columns in the world, metres."""
        centres: Points = (np.arange(self.size, dtype=np.float64) + (self.col + 0.5)) * self.pixel + self.origin[0]
        return centres

    @property
    def y(self) -> Points:
        """Centres of the rows in the world, metres."""
        centres: Points = (np.arange(self.size, dtype=np.float64) + (self.row + 0.5)) * self.pixel + self.origin[1]
        return centres

    def noise(self, part: slice | None = None, cols: slice | None = None) -> Noise:
        """Texture noise on the canvas or a part of it."""
        rows, cols = part or slice(0, self.size), cols or slice(0, self.size)
        return Noise(
            self.row + rows.start, self.col + cols.start, rows.stop - rows.start, cols.stop - cols.start, self.pixel
        )

    def near(self, boxes: Points) -> npt.NDArray[np.intp]:
        """Which of the boxes (n, 4: left, top, right, bottom in metres) touch the canvas."""
        left, top = self.to_pixels(np.zeros((1, 2)))[0] * -self.pixel
        side = self.size * self.pixel
        hit = (boxes[:, 0] < left + side) & (boxes[:, 2] > left) & (boxes[:, 1] < top + side) & (boxes[:, 3] > top)
        return np.flatnonzero(hit)

    def to_pixels(self, points: Points) -> Points:
        """World points (..., 2) in metres as columns and rows of the canvas; a pixel's corner is a whole number."""
        local: Points = (points - self.origin) / self.pixel - (self.col, self.row)
        return local

    def fixed(self, points: Points) -> npt.NDArray[np.int32]:
        """World points as OpenCV's fixed-point corners; there a pixel's centre is a whole number."""
        return np.rint((self.to_pixels(points) - 0.5) * (1 << SHIFT)).astype(np.int32)

    def clip(self, points: Points) -> tuple[slice, slice] | None:
        """Rows and columns of the canvas that hold world points; None where they lie outside."""
        local = self.to_pixels(points)
        left, top = np.maximum(np.floor(local.min(0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(local.max(0)).astype(int), self.size)
        return (slice(top, bottom), slice(left, right)) if right > left and bottom > top else None

    def seen(self) -> tuple[slice, slice]:
        """The core with the margin of what leans into it."""
        lean, reach = margins(self.setting)
        row, col = (reach if s < 0 else 0 for s in (self.setting.sun[1], self.setting.sun[0]))
        side = CELL + 2 * PAD + 2 * lean
        return slice(row, row + side), slice(col, col + side)


def blank(row: int, col: int, setting: Setting, origin: tuple[float, float]) -> Canvas:
    """An empty canvas for the cell in row `row` and column `col` of the cells."""
    lean, reach = margins(setting)
    above, left = (reach if s < 0 else 0 for s in (setting.sun[1], setting.sun[0]))
    size = CELL + 2 * PAD + 2 * lean + reach
    shape = size, size
    return Canvas(
        setting,
        row * CELL - PAD - lean - above,
        col * CELL - PAD - lean - left,
        size,
        origin,
        np.zeros(shape, np.uint16),
        np.zeros(shape, np.float32),
        np.full(shape, FROM_SURFACE, np.uint8),
        np.zeros(shape, np.float32),
    )
