"""The authors' one file of NYU Depth v2, `nyu_depth_v2_labeled.mat`, read by windows in place.

It is HDF5 (MATLAB 7.3), which reverses the order of all axes: `images` is (N, 3, W, H) bytes, `labels` (N, W, H)
numbers of 894 names with 0 for none, `depths` and `rawDepths` (N, W, H) metres. Images are numbered from 1.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.errors import MissingExtraError, RasterError
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.tiling import Window

NAME = "nyu_depth_v2_labeled.mat"
NAMES = 894
"""Names that the labels have, numbered from 1."""
LAYERS = {"depth": "depths", "depth_raw": "rawDepths"}
RGB = ("red", "green", "blue")


class Nyuv2Array(Reader):
    """One of the file's arrays for one image, (W, H) or (C, W, H) there and (C, H, W) here."""

    names_known, masked = True, False

    def __init__(self, path: Path, dataset: str, image: str, bands: tuple[str, ...], unit: str = "") -> None:
        """RasterError where the file is damaged, or has no such array or image."""
        self.path, self.bands, self._number = str(path), bands, int(image)
        self.scales, self.offsets, self.units = (1.0,) * len(bands), (0.0,) * len(bands), (unit,) * len(bands)
        self._file = _open(path)
        self._data = self._file.get(dataset)
        shape: tuple[int, ...] = getattr(self._data, "shape", ())
        if len(shape) not in (3, 4) or not 0 < self._number <= shape[0]:
            self._file.close()
            raise RasterError(
                f"{path}: has no image {self._number} in {dataset}; expected {NAME} as its authors have it"
            )
        self.grid = Grid(shape[-1], shape[-2])
        self.dtype = np.dtype(self._data.dtype)

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        rows, cols = window.slices()
        try:
            pixels = np.asarray(self._data[self._number - 1, ..., cols, rows])
        except (OSError, RuntimeError) as error:
            raise RasterError(f"{self.path}: image {self._number} cannot be read, damaged: {error}") from None
        pixels = np.ascontiguousarray(pixels.reshape(-1, window.width, window.height).swapaxes(1, 2))  # C,H,W
        return pixels, np.ones(pixels.shape[1:], bool)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class Chosen(Nyuv2Array):
    """Some of the three bands of an image."""

    def __init__(self, path: Path, image: str, bands: tuple[str, ...]) -> None:
        super().__init__(path, "images", image, bands)
        self._take = [RGB.index(band) for band in bands]

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        pixels, valid = super()._read(window)
        return pixels[self._take], valid


class Joined(Nyuv2Array):
    """The labels of an image, their names merged into classes; 0 is unlabelled."""

    def __init__(self, path: Path, image: str, table: NDArray[np.uint8]) -> None:
        super().__init__(path, "labels", image, ("class",))
        self._table, self.dtype = table, table.dtype

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        names, valid = super()._read(window)
        if names.max(initial=0) > NAMES:
            raise RasterError(f"{self.path}: image {self._number} has a label {names.max()}; expected 0 to {NAMES}")
        return self._table[names], valid


@dataclass(frozen=True)
class Nyuv2File:
    """Opens the images of the file; see `smalti.datasets.spec.Store`."""

    join: tuple[int, ...] = ()
    """The number, from 1, that each of the forty classes gets instead of its own; empty leaves them as they are."""

    def image(self, path: Path, image: str, bands: tuple[str, ...]) -> Reader:
        """Its pixels."""
        return Chosen(path, image, bands)

    def labels(self, path: Path, image: str, labels: Path) -> Reader:
        """Its classes; `labels` is the file that maps names to classes."""
        return Joined(path, image, _table(labels, self.join))

    def values(self, path: Path, image: str, name: str) -> Reader:
        """Its depth, with holes filled or as seen."""
        return Nyuv2Array(path, LAYERS[name], image, (name,), "m")


def _open(path: Path) -> Any:
    try:
        import h5py  # an optional extra
    except ImportError:
        raise _missing("h5py", path) from None
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise RasterError(f"{path}: cannot be opened, truncated or no HDF5 file: {error}") from None


def _missing(what: str, path: Path) -> MissingExtraError:
    return MissingExtraError(f"{what}, which reads {path.name},", "nyuv2")


@cache
def _table(path: Path, join: tuple[int, ...]) -> NDArray[np.uint8]:
    """The number of the class of each name, and 0 for no name: (895,). RasterError if it is not the expected file."""
    try:
        from scipy.io import loadmat  # an optional extra
        from scipy.io.matlab import MatReadError
    except ImportError:
        raise _missing("scipy", path) from None
    try:
        found = np.asarray(loadmat(path, variable_names=["mapClass"])["mapClass"]).ravel()
    except (OSError, KeyError, ValueError, TypeError, NotImplementedError, MatReadError):
        found = np.zeros(0)
    if found.shape != (NAMES,) or not np.isin(found, range(41)).all():
        raise RasterError(f"{path}: has no mapClass of {NAMES} numbers up to 40; expected Gupta's classMapping40.mat")
    classes = found.astype(np.intp)
    numbers = np.array((0, *(join or range(1, 41))))[classes]
    return np.concatenate([[0], numbers]).astype(np.uint8)
