"""Labels with ignored borders, as the ISPRS contests score: annotators cannot place a border to the pixel."""

import numpy as np
from numpy.typing import NDArray

from smalti.disc import highest_within
from smalti.raster.labels import LabelReader
from smalti.tiling import Window


class Eroded:
    """Labels that ignore the pixels with another class within a disc of some pixels.

    Ignored pixels and the image's edge do not count as borders, as nothing is known beyond them.
    """

    def __init__(self, labels: LabelReader, ignore: int, radius: int) -> None:
        self._labels, self._ignore, self._radius = labels, ignore, radius

    def read(self, window: Window) -> NDArray[np.uint8]:
        """The class ids (H, W) of a window, `ignore` near borders."""
        r = self._radius
        wide = Window(window.row - r, window.col - r, window.height + 2 * r, window.width + 2 * r)
        classes = self._labels.read(wide)
        void = classes == self._ignore
        # Void pixels are the largest for the smallest class around, and the smallest for the largest.
        lowest = ~highest_within(~np.where(void, np.uint8(255), classes), r)
        highest = highest_within(np.where(void, np.uint8(0), classes), r)
        kept = np.where((lowest == highest) & ~void, classes, np.uint8(self._ignore))
        return np.ascontiguousarray(kept[r:-r, r:-r])

    def close(self) -> None:
        """Closes the labels."""
        self._labels.close()
