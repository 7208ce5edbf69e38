"""A scene without the pixels that a cloud mask covers: a band of the scene, or a file beside it."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles
from smalti.errors import RasterError
from smalti.raster.check import file_name
from smalti.raster.grid import Grid
from smalti.raster.place import NEAR, apply, near_to, same_ground
from smalti.raster.read import open_file
from smalti.raster.reader import Reader, closing_on_error
from smalti.tiling import Window


def cloud_file(scene: str, where: str) -> str | None:
    """The file that holds a scene's cloud mask: `{}_clouds.tif` is named after the scene; None for one of its bands."""
    if "{}" not in where:
        return None
    name = file_name(scene)
    return f"{scene[: scene.rindex(name)]}{where.replace('{}', PurePath(name).stem)}"


def without_clouds(scene: Reader, where: str, values: Sequence[int]) -> Reader:
    """The scene without pixels whose value in the mask is one of `values`, or of any but 0 if none are given.

    RasterError where the mask is missing, has several bands, or its grid is of another CRS or turned.
    """
    beside = cloud_file(scene.path, where)
    mask = open_file(beside or scene.path, None if beside else [where], expand=False, holes=False)
    with closing_on_error(mask):
        _check_mask(mask, scene)
    return _Cloudless(scene, mask, values)


def _check_mask(mask: Reader, scene: Reader) -> None:
    if len(mask.bands) != 1:
        mend = "write the one that shows clouds alone: gdal_translate -b NUMBER IN.tif OUT.tif"
        raise RasterError(f"{mask.path}: has {len(mask.bands)} bands; expected a cloud mask of one band; {mend}")
    own = scene.grid
    if mask.grid == own:
        return
    if not same_ground(mask.grid, own.crs):
        raise RasterError(f"{mask.path}: its CRS is not that of {scene.path}, whose clouds it shows; write both in one")
    there = ~mask.grid.transform @ own.transform
    if max(abs(there.b) * own.height, abs(there.d) * own.width) > NEAR:
        text = f"its rows and columns are turned against those of {scene.path}, whose clouds it shows"
        raise RasterError(f"{mask.path}: {text}; resample it onto the scene's grid")


class _Cloudless(Reader):
    """A scene and its mask, which may have pixels of another size."""

    def __init__(self, scene: Reader, mask: Reader, values: Sequence[int]) -> None:
        self.path, self.grid = scene.path, scene.grid
        self._like(scene)
        self.masked = True
        self._scene, self._mask, self._values = scene, mask, list(values)

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        pixels, valid = self._scene.read(window)
        valid = valid & ~self._clouds(window)
        return np.where(valid, pixels, pixels.dtype.type(0)), valid

    def _clouds(self, window: Window) -> NDArray[np.bool_]:
        """Where a cloud is; beyond the mask nothing is known, and nothing is skipped."""
        rows, cols = _nearest(window, self.grid, self._mask.grid)
        height, width = self._mask.grid.height, self._mask.grid.width
        down, across = (rows >= 0) & (rows < height), (cols >= 0) & (cols < width)
        clouds = np.zeros((window.height, window.width), bool)
        if down.any() and across.any():
            rows, cols = rows[down], cols[across]
            box = Window(rows.min(), cols.min(), int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1)
            found = self._mask.read(box)[0][0][np.ix_(rows - box.row, cols - box.col)]
            clouds[np.ix_(down, across)] = np.isin(found, self._values) if self._values else found != 0
        return clouds

    def close(self) -> None:
        """Closes the scene and its mask."""
        self._scene.close()
        self._mask.close()


def _nearest(window: Window, own: Grid, mask: Grid) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows and the columns of the mask at the centres of a window's rows and columns."""
    rows = np.arange(window.row, window.bottom, dtype=np.float64) + np.float64(0.5)
    cols = np.arange(window.col, window.right, dtype=np.float64) + np.float64(0.5)
    if own == mask:
        return np.floor(rows).astype(np.int64), np.floor(cols).astype(np.int64)
    there = [apply(~mask.transform, near_to(mask, apply(own.transform, points))) for points in _axes(rows, cols)]
    return np.floor(there[0][:, 1]).astype(np.int64), np.floor(there[1][:, 0]).astype(np.int64)


def _axes(rows: Doubles, cols: Doubles) -> tuple[Doubles, Doubles]:
    """Points (N, 2: column, row) along the first column and along the first row."""
    return np.column_stack((np.full_like(rows, cols[0]), rows)), np.column_stack((cols, np.full_like(cols, rows[0])))
