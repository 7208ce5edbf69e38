"""The ground of a deep lesson: tiles with strokes and with what the quick head says, and batches of windows of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smalti.arrays import Mask, Pixels

NONE = -1
"""No stroke."""
SIDE = 64
"""Cells of a window's side."""
_ON_STROKES = 0.75
"""Share of the windows that lie on a stroke."""


@dataclass(frozen=True, eq=False)
class Ground:
    """One tile."""

    pixels: Pixels
    """C,H,W, raw."""
    strokes: NDArray[np.int32]
    """h,w: the number of the stroke on each cell, or `NONE`."""
    said: NDArray[np.float16]
    """J,h,w: the probabilities of the quick head."""
    valid: Mask
    """h,w: cells with data."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows; what is not the image is at cells."""

    image: Tensor
    """N,C,H,W float32, raw."""
    strokes: Tensor
    """N,h,w int64."""
    said: Tensor
    """N,J,h,w float32."""
    valid: Tensor
    """N,h,w bool."""


class Windows:
    """Draws batches; each is a function of its number alone."""

    def __init__(self, grounds: Sequence[Ground], used: Mask) -> None:
        """`used` tells for each stroke whether it is learned from."""
        self._grounds = grounds
        self._step = grounds[0].pixels.shape[1] // grounds[0].strokes.shape[0]
        places = []
        for at, ground in enumerate(grounds):
            cells = np.argwhere((ground.strokes != NONE) & np.append(used, False)[ground.strokes])
            numbers = ground.strokes[cells[:, 0], cells[:, 1]]
            places.append(np.column_stack([numbers, np.full(len(cells), at), cells]))
        self._places = np.concatenate(places)  # stroke, ground, row, column

    def batch(self, number: int, count: int) -> Batch:
        """Batch `number` of `count` windows."""
        rng = np.random.default_rng([7, number])
        parts = [self._window(rng) for _ in range(count)]
        image, strokes, said, valid = (torch.from_numpy(np.stack(part)) for part in zip(*parts, strict=True))
        return Batch(image, strokes.long(), said.float(), valid)

    def _window(self, rng: np.random.Generator) -> list[NDArray[Any]]:
        """One window, turned and mirrored."""
        if rng.random() < _ON_STROKES:
            some = self._places[self._places[:, 0] == rng.choice(np.unique(self._places[:, 0]))]
            _, at, row, col = some[rng.integers(len(some))]
        else:
            at = int(rng.integers(len(self._grounds)))
            row, col = (rng.integers(side) for side in self._grounds[at].valid.shape)
        return self._turned(self._cut(self._grounds[at], (int(row), int(col)), rng), rng)

    def _cut(self, ground: Ground, cell: tuple[int, int], rng: np.random.Generator) -> Ground:
        """A square window around a cell, which lies anywhere in it; smaller tiles are mirrored at their borders."""
        side, step = SIDE, self._step
        more = [(0, max(0, side - size)) for size in ground.valid.shape]
        if any(behind for _, behind in more):
            pixels = np.pad(ground.pixels, [(0, 0), *((0, behind * step) for _, behind in more)], "symmetric")
            ground = Ground(
                pixels,
                np.pad(ground.strokes, more, constant_values=NONE),
                np.pad(ground.said, [(0, 0), *more], "edge"),
                np.pad(ground.valid, more),
            )
        first = [
            int(np.clip(at - rng.integers(side), 0, size - side))
            for at, size in zip(cell, ground.valid.shape, strict=True)
        ]
        (top, left), (bottom, right) = first, (each + side for each in first)
        return Ground(
            ground.pixels[:, top * step : bottom * step, left * step : right * step],
            ground.strokes[top:bottom, left:right],
            ground.said[:, top:bottom, left:right],
            ground.valid[top:bottom, left:right],
        )

    def _turned(self, cut: Ground, rng: np.random.Generator) -> list[NDArray[Any]]:
        turns, mirrored = int(rng.integers(4)), rng.random() < 0.5
        found: list[NDArray[Any]] = []
        own: tuple[NDArray[Any], ...] = (cut.pixels.astype(np.float32), cut.strokes, cut.said, cut.valid)
        for each in own:
            turned = np.rot90(each, turns, (-2, -1))
            found.append(np.ascontiguousarray(turned[..., ::-1] if mirrored else turned))
        return found
