"""A scene on its own grid that a network sees with another pixel size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Mask
from smalti.raster.reader import Reader
from smalti.tiling import Window

NETWORK_TAG = "SMALTI_NETWORK_PIXEL_M"
"""The tag of a map that states the pixel size in metres that its network saw."""

_AHEAD = 1 << 24
"""Pixels whose validity is read at once: a file of strips is decompressed in its whole width for each narrow window."""
_MOST = 1 << 22
"""Pixels that are read at once for it."""


class Scaled(Reader):
    """Pixels and validity of the scene itself; `seen` is the same scene as the network sees it.

    Two readers: the scene is asked for validity by the thread that writes, `seen` for pixels by the one that reads.
    """

    def __init__(self, scene: Reader, seen: Reader, metres: float, why: str) -> None:
        """`metres`: the pixel size of `seen`; `why`: a line that states what was done."""
        self.path, self.grid, self.seen, self.metres, self.why = scene.path, scene.grid, seen, metres, why
        self._scene = scene
        self._ahead: tuple[Window, Mask] | None = None
        self._like(scene)

    @property
    def notes(self) -> dict[str, str]:
        """Those of the scene, and the pixel size that the network saw."""
        return self._scene.notes | {NETWORK_TAG: f"{self.metres:.4g}"}

    def valid(self, window: Window) -> Mask:
        """The validity (H, W) of a window of the scene; windows of one row come from left to right."""
        if not self.masked:
            return np.ones((window.height, window.width), bool)
        if self._ahead is None or self._ahead[0].intersect(window) != window:
            self._ahead = self._valid_ahead(window)
        held, valid = self._ahead
        return valid[window.within(held)]

    def _valid_ahead(self, window: Window) -> tuple[Window, Mask]:
        """The validity of a window and of what lies on the right of it."""
        wanted = max(window.width, _AHEAD // window.height)
        width = min(wanted, self.grid.width - window.col)
        held = Window(window.row, window.col, window.height, width)
        valid = np.empty((held.height, held.width), bool)
        step = max(1, _MOST // width)
        for row in range(held.row, held.bottom, step):
            part = Window(row, held.col, min(step, held.bottom - row), width)
            valid[part.within(held)] = self.read(part)[1]
        return held, valid

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        return self._scene.read(window)

    def close(self) -> None:
        """Closes the scene, both times that it is open."""
        self._scene.close()
        self.seen.close()


def as_seen(reader: Reader) -> Reader:
    """A scene with the pixels that the network sees."""
    return reader.seen if isinstance(reader, Scaled) else reader
