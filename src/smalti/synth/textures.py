"""Periodic noise: tileable squares, made once, cut anywhere."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from smalti.arrays import Floats
from smalti.synth.seeds import rng_for

SIDES = {"fine": 736, "medium": 832, "coarse": 992, "macro": 1184, "sensor": 800}
"""Side of each square in pixels; different, so that their sum hardly repeats."""
REACH = 576
"""Pixels by which each square is extended periodically, so that every cut is one slice."""


def _smooth(rng: np.random.Generator, side: int, step: int) -> Floats:
    """Periodic noise of mean 0 and standard deviation 1 with bumps about `step` pixels wide, (side, side)."""
    n = max(side // step, 4)
    grid = rng.standard_normal((n, n), dtype=np.float32)
    grid = np.pad(grid, 4, mode="wrap")
    step_px = side / n
    big = round((n + 8) * step_px)
    wide = cv2.resize(grid, (big, big), interpolation=cv2.INTER_CUBIC)
    start = round(4 * step_px)
    out = wide[start : start + side, start : start + side].astype(np.float32)
    out = (out - out.mean()) / out.std()
    square: Floats = out.astype(np.float32)
    return square


@dataclass(frozen=True)
class Textures:
    """The squares by name, each float32 of mean 0 and standard deviation 1."""

    squares: dict[str, Floats]

    def cut(self, name: str, row: int, col: int, height: int, width: int) -> Floats:
        """The part of square `name` that lies at a place of the world, (height, width), at most REACH a side."""
        square = self.squares[name]
        row, col = row % SIDES[name], col % SIDES[name]
        return square[row : row + height, col : col + width]


@lru_cache(maxsize=1)
def textures() -> Textures:
    """The squares, shared by all worlds."""
    rng = rng_for(0, "textures")
    grain = _smooth(rng, SIDES["fine"], 2) * 0.8 + rng.standard_normal((SIDES["fine"],) * 2, dtype=np.float32) * 0.6
    medium = _smooth(rng, SIDES["medium"], 9) * 0.75 + _smooth(rng, SIDES["medium"], 4) * 0.65
    coarse = _smooth(rng, SIDES["coarse"], 70) * 0.75 + _smooth(rng, SIDES["coarse"], 28) * 0.6
    macro = _smooth(rng, SIDES["macro"], 260) * 0.85 + _smooth(rng, SIDES["macro"], 120) * 0.5
    sensor = rng.standard_normal((SIDES["sensor"],) * 2, dtype=np.float32)
    squares = {"fine": grain, "medium": medium, "coarse": coarse, "macro": macro, "sensor": sensor}
    return Textures({name: np.pad(square, (0, REACH), mode="wrap") for name, square in squares.items()})
