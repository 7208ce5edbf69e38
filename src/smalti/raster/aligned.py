"""Rasters of labels or values on the grid of their image, without resampling."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.errors import LabelError
from smalti.raster.grid import Grid
from smalti.raster.place import Spot, comparable, find_spot, lattice
from smalti.raster.reader import Reader
from smalti.raster.upright import UPRIGHT
from smalti.tiling import Window


class Aligned(Reader):
    """A raster turned, flipped and cut onto another grid; what it does not cover is invalid."""

    def __init__(self, reader: Reader, grid: Grid, spot: Spot) -> None:
        self.path, self.grid = reader.path, grid
        self._like(reader)
        self._reader, self._turn = reader, spot.turn
        height, width = spot.turn.shape(reader.grid.height, reader.grid.width)
        self._covers = Window(spot.row, spot.col, height, width)

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        pixels = np.zeros((len(self.bands), window.height, window.width), self.dtype)
        valid = np.zeros((window.height, window.width), bool)
        cut = window.intersect(self._covers)
        if cut is not None:
            here = cut.within(window)
            inside = cut.shift(-self._covers.row, -self._covers.col)
            found, known = self._reader.read(self._turn.stored(inside, self._covers.height, self._covers.width))
            pixels[:, *here], valid[here] = self._turn.apply(found), self._turn.apply(known)
        return pixels, valid

    def close(self) -> None:
        """Closes the raster."""
        self._reader.close()


def align(reader: Reader, grid: Grid) -> Reader:
    """A raster of labels or values as it lies on the grid of its image.

    Where both have a place on the ground, it is turned, flipped and cut as the places say; where one has none, both
    must have one size. A transform without a CRS is taken to be in the other's. LabelError where its pixels do
    not match the image's, or it lies partly outside the image: then one of the places is wrong.
    """
    own = reader.grid
    if not comparable(own, grid):
        if (own.height, own.width) != (grid.height, grid.width):
            raise LabelError(
                f"{reader.path}: the labels have {own.width}x{own.height} pixels, "
                f"but their image has {grid.width}x{grid.height}; they must be the same"
            )
        return reader
    spot = find_spot(own, grid)
    if spot is None:
        raise LabelError(f"{reader.path}: {_difference(reader, grid)}")
    if spot == Spot(UPRIGHT, 0, 0) and (own.height, own.width) == (grid.height, grid.width):
        return reader
    aligned = Aligned(reader, grid, spot)
    whole, covered = Window(0, 0, grid.height, grid.width), aligned._covers
    if covered.intersect(whole) not in (whole, covered):
        away = f"{covered.col} columns and {covered.row} rows away from their image"
        how = "neither contains the other" if covered.intersect(whole) else "they do not meet"
        raise LabelError(f"{reader.path}: the labels lie {away}, and {how}; {_mend(reader, grid)}")
    return aligned


def _difference(reader: Reader, grid: Grid) -> str:
    """How the labels' grid differs from their image's, and what to do."""
    own = reader.grid
    _, there = lattice(own, grid)
    if not np.isfinite(there).all():
        return f"the labels' CRS {_name(own)} cannot be brought to their image's, {_name(grid)}; write them in that one"
    if own.crs and grid.crs and own.crs != grid.crs:
        how = f"{_name(own)}, the image {_name(grid)}"
    elif _steps(own) != _steps(grid):
        how = f"pixels of {_steps(own)} units, the image of {_steps(grid)}"
    else:
        how = f"{there[0, 0] % 1:.2f} columns and {there[0, 1] % 1:.2f} rows beside whole pixels"
    return f"the labels lie on another grid than their image: {how}; {_mend(reader, grid)}"


def _name(grid: Grid) -> str:
    if grid.crs is None:
        return "none"
    text = grid.crs.to_string()
    return text if len(text) < 40 else f"{text[:40]}..."


def _steps(grid: Grid) -> str:
    t = grid.transform
    return f"{t.a:g} x {t.e:g}" if not (t.b or t.d) else f"({t.a:g}, {t.d:g}) x ({t.b:g}, {t.e:g})"


def _mend(reader: Reader, grid: Grid) -> str:
    """What brings labels onto the grid of an image."""
    t = grid.transform
    if (reader.grid.crs is None) != (grid.crs is None):
        which = "the labels name" if reader.grid.crs is None else "the image names"
        return (
            f"{which} no CRS: remove that one's transform (gdal_edit.py -unsetgt) if both show the same pixels, "
            "or else write both on one grid"
        )
    if not _meet(reader.grid, grid):
        return "correct the place or CRS of one: gdal_edit.py -a_srs CRS -a_ullr LEFT TOP RIGHT BOTTOM FILE.tif"
    if t.b or t.d or t.a < 0 or t.e > 0:
        return "bring both onto one grid"
    code = grid.crs.to_epsg() if grid.crs is not None else None
    to = f"-t_srs EPSG:{code} " if code else ""
    right, bottom = grid.xy(grid.width, grid.height)
    extent = " ".join(f"{value:.10g}" for value in (t.c, bottom, right, t.f))
    size = f"-ts {grid.width} {grid.height}"
    return f"bring them onto it: gdalwarp -r near -dstnodata {_hole(reader)} {to}-te {extent} {size} IN.tif OUT.tif"


def _meet(own: Grid, grid: Grid) -> bool:
    """Whether two grids overlap on the ground."""
    _, there = lattice(own, grid)
    return not ((there.max(axis=0) <= 0).any() or (there.min(axis=0) >= (grid.width, grid.height)).any())


def _hole(reader: Reader) -> str:
    """The value for pixels without a label."""
    if reader.dtype.kind == "f":
        return "nan"
    limits = np.iinfo(reader.dtype)
    return str(limits.min or limits.max)
