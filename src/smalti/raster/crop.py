"""A part of an image, and of its labels, as if it were a file of its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.raster.labels import LabelReader
from smalti.raster.reader import Reader
from smalti.tiling import Window


class CroppedReader(Reader):
    """A window of a raster, mirror-padded beyond its border, whatever the raster has there."""

    def __init__(self, reader: Reader, window: Window) -> None:
        self.path, self._reader, self._window = reader.path, reader, window
        self.grid = reader.grid.crop(window)
        self._like(reader)

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        return self._reader.read(window.shift(self._window.row, self._window.col))

    def close(self) -> None:
        """Closes the raster."""
        self._reader.close()


class CroppedLabels:
    """The labels of a window of a raster: `ignore` beyond its border."""

    def __init__(self, labels: LabelReader, window: Window, ignore: int) -> None:
        self._labels, self._window, self._ignore = labels, window, ignore

    def read(self, window: Window) -> NDArray[np.uint8]:
        """The class ids (H, W) of a window."""
        out = np.full((window.height, window.width), self._ignore, np.uint8)
        cut = window.intersect(Window(0, 0, self._window.height, self._window.width))
        if cut is not None:
            out[cut.within(window)] = self._labels.read(cut.shift(self._window.row, self._window.col))
        return out

    def close(self) -> None:
        """Closes the labels."""
        self._labels.close()
