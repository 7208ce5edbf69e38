"""The part of a mosaic that one output tile shows: the scenes that lie there, and the share of each in every pixel."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles, Floats, Mask, Pixels
from smalti.mosaics.fade import FADE, fade
from smalti.mosaics.grid import Bounds, MosaicGrid
from smalti.mosaics.placed import Placed
from smalti.mosaics.predict import predict_part
from smalti.predicting import Composed
from smalti.raster.reader import Reader
from smalti.scene import Layers, Predictor, Summary, Write
from smalti.tiling import Window

_KEPT_OPEN = 16
"""Scenes that are open at once."""


class Scene(Protocol):
    """A scene of a mosaic, closed."""

    @property
    def bounds(self) -> Bounds:
        """A rectangle around it in the CRS of the mosaic."""

    def open(self, mosaic: MosaicGrid) -> Reader:
        """Opens it, with the bands and the pixels that the model takes."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """A scene in a window: pixels, where they are valid, and their share."""

    pixels: Pixels
    valid: Mask
    share: Floats


class Ground(Composed):
    """A tile of a mosaic. Earlier scenes lie on top; where one ends, it fades into those below.

    Each scene is predicted by itself, and the predictions are mixed: a step in colour between two scenes is no edge
    that a network mistakes for one on the ground.
    """

    def __init__(self, path: str, mosaic: MosaicGrid, window: Window, scenes: Sequence[Scene], mean: Doubles) -> None:
        """`window` is the tile in pixels of the mosaic; `mean` (C) are the pixels where no scene is, as the network
        takes them for none."""
        self.path, self.grid, self.window = path, mosaic.place(window), window
        self._mosaic, self._scenes, self._mean = mosaic, scenes, mean
        boxes = np.array([scene.bounds for scene in scenes]).reshape(-1, 4) / mosaic.pixel
        self._edges = boxes[:, 0], -boxes[:, 3], boxes[:, 2], -boxes[:, 1]  # left, top, right, bottom in pixels
        self._open: OrderedDict[int, Placed] = OrderedDict()
        with scenes[0].open(mosaic) as first:
            self._like(first)
        self.masked = True

    def predicted(
        self,
        predict: Predictor,
        write: Write,
        *,
        rows_done: int,
        rows_end: int | None,
        progress: Callable[[int], None] | None,
    ) -> Summary:
        """Predicts the tile as a part of the whole mosaic; see `predict_part`."""
        rows = rows_done, rows_end or self.window.height
        return predict_part(self.layers, self.window, predict, write, rows=rows, progress=progress)

    def layers(self, window: Window) -> tuple[Pixels | Layers, Mask]:
        """The scenes that have a share in a window of the mosaic, and where any is valid.

        What a scene does not show is filled from the others, so that the network sees ground on both sides.
        """
        found = list(self._found(window))
        valid = np.any([layer.valid for layer in found], axis=0) if found else self._nowhere(window)
        if not valid.any():
            return np.zeros((len(self.bands), window.height, window.width), self.dtype), valid
        under = self._flat(found, valid.shape)
        images = [np.where(layer.valid, layer.pixels, under) for layer in found]
        if len(images) == 1:
            return images[0], valid
        total = np.where(valid, np.sum([layer.share for layer in found], axis=0), np.float32(1))
        return Layers(images, [np.asarray(layer.share / total, np.float32) for layer in found]), valid

    def _found(self, window: Window) -> Iterator[_Layer]:
        """The scenes that have a share, the top one first."""
        left = np.ones((window.height, window.width), np.float32)
        wide = Window(window.row - FADE, window.col - FADE, window.height + 2 * FADE, window.width + 2 * FADE)
        for k in self._near(window):
            pixels, valid = self._scene(k).read(wide)
            share = fade(valid) * left
            if share.any():
                inner = np.s_[FADE:-FADE, FADE:-FADE]
                yield _Layer(pixels[:, *inner], valid[inner], share)
                left = left - share
                if not left.any():
                    return

    def _near(self, window: Window) -> list[int]:
        left, top, right, bottom = self._edges
        meets = (left < window.right) & (right > window.col) & (top < window.bottom) & (bottom > window.row)
        return [int(k) for k in np.flatnonzero(meets)]

    def _scene(self, k: int) -> Placed:
        """That scene, open; closes the least recently used one."""
        if k not in self._open:
            if len(self._open) >= _KEPT_OPEN:
                self._open.popitem(last=False)[1].close()
            self._open[k] = Placed(self._scenes[k].open(self._mosaic), self._mosaic)
        self._open.move_to_end(k)
        return self._open[k]

    def _flat(self, found: Sequence[_Layer], shape: tuple[int, ...]) -> Pixels:
        """The scenes as one image, the top one first."""
        flat = np.empty((len(self.bands), *shape), self.dtype)
        flat[:] = self._neutral
        for layer in reversed(found):
            np.copyto(flat, layer.pixels, where=layer.valid)
        return flat

    @cached_property
    def _neutral(self) -> NDArray[Any]:
        return np.asarray(self._mean, self.dtype)[:, None, None]

    def _nowhere(self, window: Window) -> Mask:
        return np.zeros((window.height, window.width), bool)

    def _read(self, window: Window) -> tuple[Pixels, Mask]:
        """The scenes as one image, without fading."""
        found = list(self._found(window.shift(self.window.row, self.window.col)))
        if not found:
            return np.zeros((len(self.bands), window.height, window.width), self.dtype), self._nowhere(window)
        valid = np.any([layer.valid for layer in found], axis=0)
        return np.where(valid, self._flat(found, valid.shape), 0), valid

    def close(self) -> None:
        """Closes all scenes."""
        while self._open:
            self._open.popitem()[1].close()
