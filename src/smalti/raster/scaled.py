"""A scene on its own grid that a network sees with another pixel size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Mask
from smalti.raster.reader import Reader
from smalti.tiling import Window

NETWORK_TAG = "SMALTI_NETWORK_PIXEL_M"
"""The tag of a map that states the pixel size in metres that its network saw."""


class Scaled(Reader):
    """Pixels and validity of the scene itself; `seen` is the same scene as the network sees it.

    Two readers: the scene is asked for validity by the thread that writes, `seen` for pixels by the one that reads.
    """

    def __init__(self, scene: Reader, seen: Reader, metres: float, why: str) -> None:
        """`metres`: the pixel size of `seen`; `why`: a line that states what was done."""
        self.path, self.grid, self.seen, self.metres, self.why = scene.path, scene.grid, seen, metres, why
        self._scene = scene
        self._like(scene)

    @property
    def notes(self) -> dict[str, str]:
        """Those of the scene, and the pixel size that the network saw."""
        return self._scene.notes | {NETWORK_TAG: f"{self.metres:.4g}"}

    def valid(self, window: Window) -> Mask:
        """The validity (H, W) of a window of the scene."""
        return self.read(window)[1] if self.masked else np.ones((window.height, window.width), bool)

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        return self._scene.read(window)

    def close(self) -> None:
        """Closes the scene, both times that it is open."""
        self._scene.close()
        self.seen.close()
