"""Blends overlapping tiles to one map without seams, in memory that does not grow with the scene.

Each tile has a weight that falls as the square of a sine over the pixels it shares with a neighbour and is above zero
in all of its part. It ends without a step, and near zero, where the net has least context: a linear weight leaves a
visible line there. Tiles lie on a grid and weights are products of a row and a column weight, so their sum over all
tiles is known beforehand: the weights are divided by it once per axis, and the weighted sum is the blended value.
Kept in memory are the shared rows below the current row of tiles (channels x overlap x width) and the shared
columns beside the current tile (channels x size x overlap), both float32.
"""

import numpy as np

from smalti.arrays import Floats
from smalti.tiling import Span, Tile, Window, spans


def axis_weights(parts: list[Span], overlap: int, factor: int = 1) -> dict[int, Floats]:
    """Weights of each part's pixels along one axis, by the part's first pixel; over all parts they sum to 1.

    Each pixel stands for `factor` pixels of the image: its weight is the one at their middle.
    """
    total = np.zeros(parts[-1].end, np.float64)
    ramps = []
    for part in parts:
        n = part.end - part.begin
        middle = np.arange(n) * factor + (factor + 1) / 2
        rise = np.minimum(middle / (overlap * factor + 1), 1)
        ramps.append(np.sin(np.minimum(rise, rise[::-1]) * (np.pi / 2)) ** 2)
        total[part.begin : part.end] += ramps[-1]
    return {
        part.begin: (ramp / total[part.begin : part.end]).astype(np.float32)
        for part, ramp in zip(parts, ramps, strict=True)
    }


def _weigh(values: Floats, weights: Floats) -> None:
    """Multiplies in place along the last axis, except where the weight is 1, which is most of a tile."""
    ones = np.flatnonzero(weights == 1)
    first, last = (int(ones[0]), int(ones[-1]) + 1) if ones.size else (weights.size, weights.size)
    values[..., :first] *= weights[:first]
    values[..., last:] *= weights[last:]


class Blender:
    """Blends the predictions of one task, tile by tile in the order of `plan_tiles`."""

    def __init__(self, height: int, width: int, size: int, overlap: int, channels: int, factor: int = 1) -> None:
        """`height` and `width` of the scene, `size` and `overlap` of tiles, in pixels; `channels` of predictions.

        Each pixel stands for `factor` x `factor` pixels of the image.
        """
        rows, columns = spans(height, size, overlap), spans(width, size, overlap)
        self._row_weights = axis_weights(rows, overlap, factor)
        self._column_weights = axis_weights(columns, overlap, factor)
        self._channels = channels
        self._below = np.empty((channels, overlap if len(rows) > 1 else 0, width), np.float32)
        self._beside = np.empty((channels, 0, 0), np.float32)
        self._open: Window | None = None
        """The part of the first tile of the previous row of tiles, if there was one."""
        self._current: Window | None = None

    def add(self, tile: Tile, predicted: Floats | None) -> Floats:
        """Adds a tile's prediction (K, size, size), changing it; returns the final values of `tile.done` (K, H, W).

        None is a tile without a valid pixel. The result may change with the next call.
        """
        part = self._part(tile, predicted)
        done_rows, done_cols = tile.done.height, tile.done.width
        if tile.keep.col == 0:
            self._open, self._current = self._current, tile.keep
        else:
            part[:, :, : self._beside.shape[2]] += self._beside
        self._beside = part[:, :, done_cols:].copy()
        columns = slice(tile.done.col, tile.done.right)
        if self._open is not None:
            shared = self._open.bottom - tile.keep.row
            part[:, :shared, :done_cols] += self._below[:, :shared, columns]
        self._below[:, : tile.keep.height - done_rows, columns] = part[:, done_rows:, :done_cols]
        return part[:, :done_rows, :done_cols]

    def _part(self, tile: Tile, predicted: Floats | None) -> Floats:
        """The tile's weighted values in its part."""
        if predicted is None:
            return np.zeros((self._channels, tile.keep.height, tile.keep.width), np.float32)
        part = predicted[(slice(None), *tile.keep.within(tile.read))]
        _weigh(part, self._column_weights[tile.keep.col])
        _weigh(part.transpose(0, 2, 1), self._row_weights[tile.keep.row])
        return part
