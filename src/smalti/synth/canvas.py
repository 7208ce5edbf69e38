"""The canvas on which one cell is painted: layers of indices, and the colours of the indices."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth import materials
from smalti.synth.materials import BUILDING, KEEP, VEGETATION
from smalti.synth.style import CAR_KINDS, TREE_KINDS, Style
from smalti.synth.warp import Points
from smalti.tiling import Window

CELL = 512
"""Side of a cell in pixels; cells lie on multiples of it."""
PAD = 16
"""Pixels around a cell that the camera needs; a multiple of 16, the block size of its JPEG compression."""
REACH = 120
"""Additional pixels towards the sun; longer shadows are cut off."""
SIZE = CELL + 2 * PAD + REACH

FIRST_TREE = materials.COUNT
FIRST_CAR = FIRST_TREE + TREE_KINDS
FIRST_ROOF = FIRST_CAR + CAR_KINDS
SHIFT = 4
"""Fractional bits of the fixed-point corners passed to OpenCV."""

TREE_TEXTURE = (0.10, 0.12)
CAR_TEXTURE = (0.0, 0.0)
ROOF_TEXTURE = (0.035, 0.045)


@dataclass
class Canvas:
    """Layers of one cell with its margins, each (SIZE, SIZE). Painters write, `light` and `camera` read."""

    row: int
    col: int
    style: Style
    index: npt.NDArray[np.uint16]
    """Index of the visible surface: a material, a kind of tree, a kind of car or a part of a roof."""
    height: Floats
    """Metres above the ground."""
    detail: Floats
    """Relative brightness added last, such as furrows."""
    roofs: list[tuple[float, float, float]]
    """Colour of each part of a roof, in the order of their indices."""

    @property
    def window(self) -> Window:
        """Where the canvas lies in the world."""
        return Window(self.row, self.col, SIZE, SIZE)

    def near(self, boxes: Points) -> npt.NDArray[np.intp]:
        """Which of the boxes (n, 4: left, top, right, bottom in world pixels) touch the canvas."""
        hit = (boxes[:, 0] < self.col + SIZE) & (boxes[:, 2] > self.col)
        hit &= (boxes[:, 1] < self.row + SIZE) & (boxes[:, 3] > self.row)
        return np.flatnonzero(hit)

    def fixed(self, points: Points) -> npt.NDArray[np.int32]:
        """World points (..., 2) as OpenCV's fixed-point corners; there a pixel's centre is a whole number."""
        local = (points - (self.col + 0.5, self.row + 0.5)) * (1 << SHIFT)
        return np.rint(local).astype(np.int32)

    def core(self) -> tuple[slice, slice]:
        """The cell with the camera's margin."""
        row, col = _sunward(self.style)
        return slice(row, row + CELL + 2 * PAD), slice(col, col + CELL + 2 * PAD)

    def colours(self) -> tuple[Floats, Floats]:
        """Colours A and B of every index, (indices, 4) each."""
        roofs = np.array(self.roofs, np.float32).reshape(-1, 3)
        roofs = np.hstack([roofs, roofs.mean(1, keepdims=True)])
        things = [self.style.trees, self.style.cars, roofs]
        a, b = self.style.ground
        first = np.concatenate([a, *things])
        second = np.concatenate([b, *(t * np.float32(0.94) for t in things)])
        for table in (first, second):
            grey = table[:, :3].mean(1, keepdims=True)
            table[:, :3] = grey + (table[:, :3] - grey) * np.float32(self.style.chroma)
        return first, second

    def textures(self) -> Floats:
        """Strength of fine and medium texture of every index, (indices, 2)."""
        rows = [TREE_TEXTURE] * TREE_KINDS + [CAR_TEXTURE] * CAR_KINDS + [ROOF_TEXTURE] * len(self.roofs)
        return np.concatenate([materials.texture(), np.array(rows, np.float32)])

    def classes(self) -> npt.NDArray[np.uint8]:
        """Class of every index, (indices,)."""
        things = [VEGETATION] * TREE_KINDS + [KEEP] * CAR_KINDS + [BUILDING] * len(self.roofs)
        return np.concatenate([materials.classes(), np.array(things, np.uint8)])


def _sunward(style: Style) -> tuple[int, int]:
    """Rows and columns of margin above and to the left of the camera's margin."""
    return (REACH if style.sun[1] < 0 else 0), (REACH if style.sun[0] < 0 else 0)


def blank(row: int, col: int, style: Style) -> Canvas:
    """An empty canvas for the cell in row `row` and column `col` of the cells."""
    above, left = _sunward(style)
    shape = SIZE, SIZE
    return Canvas(
        row * CELL - PAD - above,
        col * CELL - PAD - left,
        style,
        np.zeros(shape, np.uint16),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.float32),
        [],
    )
