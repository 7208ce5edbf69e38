"""Many files on one grid seen as one scene."""

import re
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from smalti.errors import RasterError
from smalti.raster.bands import COLORS
from smalti.raster.grid import EQUATOR_M, Grid
from smalti.raster.place import same_ground, turn_of
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.text import some
from smalti.tiling import Window

_OFF = 0.3  # pixels that a file may lie beside the common grid: coordinates are rounded
_TILE = re.compile(r"(?:^|\D)(\d+)[-_](\d+)[-_](\d+)$")
_TURNED = 1e-3  # of a pixel's side: above it the direction differs, not the size
_KEPT_OPEN = 32
"""Files that are open at once."""


@dataclass(frozen=True, slots=True)
class _Part:
    path: str
    grid: Grid
    bands: tuple[str, ...]
    dtype: np.dtype[Any]


def open_mosaic(
    paths: Sequence[str | Path], bands: Sequence[str | int] | None = None, *, resolution: float | None = None
) -> Reader:
    """Opens files that lie on one grid as one scene; where they overlap, the last valid one is used.

    All must have the same CRS, pixel size and bands; pixels that no file covers are invalid. Tiles of a web map
    without a georeference whose names end in `X-Y-ZOOM` are placed by these numbers.

    Args:
        paths: the files; later ones lie on top.
        bands: names, or numbers from 1; None for all but alpha.
        resolution: pixel size in metres to resample to; None for the files' own.

    Raises:
        RasterError: the message names the first file that does not match; and as for `open_raster`.
    """
    if not paths:
        raise RasterError("a mosaic without files; give at least one")
    if len(paths) == 1:
        return open_raster(paths[0], bands, resolution=resolution)
    mosaic = _join([str(path) for path in paths], bands)
    if resolution is None:
        return mosaic
    from smalti.raster.resample import Resampled

    return Resampled(mosaic, resolution)


class Mosaic(Reader):
    """Files at whole pixels of one grid, each with its own valid mask."""

    def __init__(
        self,
        paths: Sequence[str],
        grid: Grid,
        windows: Sequence[Window],
        bands: Sequence[str | int] | None,
        like: Reader,
    ) -> None:
        self.path = some(paths, 1)
        self.grid = grid
        self._like(like)
        self.masked = True
        self._paths, self._windows, self._bands = paths, windows, bands
        self._edges = np.array([(w.row, w.col, w.bottom, w.right) for w in windows])  # N,4
        self._open: OrderedDict[int, Reader] = OrderedDict()

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        pixels = np.zeros((len(self.bands), window.height, window.width), self.dtype)
        valid = np.zeros((window.height, window.width), bool)
        top, left, bottom, right = self._edges.T
        meets = (top < window.bottom) & (bottom > window.row) & (left < window.right) & (right > window.col)
        for i in np.flatnonzero(meets)[::-1].tolist():  # the last first: it hides the others
            cut = self._windows[i].intersect(window)
            assert cut is not None
            here = cut.within(window)
            if valid[here].all():
                continue
            found, known = self._file(i).read(cut.shift(-self._windows[i].row, -self._windows[i].col))
            new = known & ~valid[here]
            np.copyto(pixels[:, *here], found, where=new)
            valid[here] |= new
        return pixels, valid

    def _file(self, i: int) -> Reader:
        """The file of that number, open; closes the least recently used one."""
        if i not in self._open:
            if len(self._open) >= _KEPT_OPEN:
                self._open.popitem(last=False)[1].close()
            self._open[i] = open_raster(self._paths[i], self._bands)
        self._open.move_to_end(i)
        return self._open[i]

    def close(self) -> None:
        """Closes all files."""
        while self._open:
            self._open.popitem()[1].close()


def _join(paths: list[str], bands: Sequence[str | int] | None) -> Mosaic:
    parts = _placed([_look(path) for path in paths])
    for part in parts[1:]:
        _check_alike(part, parts[0])
    grid, windows = _lay(_together(parts))
    with open_raster(paths[0], bands) as first:
        return Mosaic(paths, grid, windows, bands, first)


def _look(path: str) -> _Part:
    """What a mosaic needs to know about one of its files."""
    with open_raster(path) as file:
        return _Part(path, file.grid, file.bands, file.dtype)


def _placed(parts: list[_Part]) -> list[_Part]:
    """The parts, those of a web map placed by their names if none has a place of its own."""
    if any(part.grid.crs is not None or not part.grid.transform.is_identity for part in parts):
        return parts
    placed = []
    for part in parts:
        grid = _tile_grid(part)
        if grid is None:
            raise RasterError(f"{part.path}: it has no place on the ground; a mosaic needs files with a CRS")
        placed.append(replace(part, grid=grid))
    return placed


def _tile_grid(part: _Part) -> Grid | None:
    """The grid of a tile called ...X-Y-ZOOM in the usual division of web Mercator."""
    match = _TILE.search(Path(part.path).stem)
    if match is None:
        return None
    x, y, zoom = map(int, match.groups())
    if zoom > 30 or x >= 1 << zoom or y >= 1 << zoom or part.grid.height != part.grid.width:
        return None
    side = 2 * pi * EQUATOR_M / (1 << zoom)
    pixel = side / part.grid.width
    left, top = x * side - pi * EQUATOR_M, pi * EQUATOR_M - y * side
    return replace(part.grid, transform=Affine(pixel, 0, left, 0, -pixel, top), crs=CRS.from_epsg(3857))


def _check_alike(part: _Part, first: _Part) -> None:
    if not same_ground(part.grid, first.grid.crs):
        names = [grid.crs.to_string()[:40] if grid.crs else "none" for grid in (part.grid, first.grid)]
        code = first.grid.crs.to_epsg() if first.grid.crs else None
        to = f"EPSG:{code}" if code else "CRS"
        mend = f"write both in one: gdalwarp -t_srs {to} IN.tif OUT.tif"
        if "none" in names:
            mend = f"if both mean one, name it: gdal_edit.py -a_srs {to} FILE.tif"
        raise RasterError(f"{part.path}: its CRS is {names[0]}, but that of {first.path} is {names[1]}; {mend}")
    kinds = [(len(one.bands), one.dtype, [band for band in one.bands if band in COLORS]) for one in (part, first)]
    if kinds[0] != kinds[1]:
        described = [f"{len(one.bands)} bands of {one.dtype} ({', '.join(one.bands)})" for one in (part, first)]
        mend = "write all with the same ones in one order: gdal_translate -b N -b N -b N IN.tif OUT.tif"
        raise RasterError(f"{part.path}: it has {described[0]}, but {first.path} has {described[1]}; {mend}")


def _together(parts: list[_Part]) -> list[_Part]:
    """The parts; those in degrees of western longitude go beyond 180 where that brings them closer to the others."""
    turn = turn_of(parts[0].grid.crs)
    if turn is None:
        return parts
    east = [part if _centre(part) >= 0 else replace(part, grid=_moved(part.grid, turn)) for part in parts]
    return min(parts, east, key=lambda each: max(map(_centre, each)) - min(map(_centre, each)))


def _centre(part: _Part) -> float:
    return part.grid.xy(part.grid.width / 2, part.grid.height / 2)[0]


def _moved(grid: Grid, by: float) -> Grid:
    t = grid.transform
    return replace(grid, transform=Affine(t.a, t.b, t.c + by, t.d, t.e, t.f))


def _lay(parts: list[_Part]) -> tuple[Grid, list[Window]]:
    """The common grid, and where each file lies on it."""
    step = _common_step(parts)
    base = Grid(1, 1, Affine(step[0], step[1], parts[0].grid.transform.c, step[3], step[4], parts[0].grid.transform.f))
    spots = np.array([base.col_row(*part.grid.xy(0, 0)) for part in parts])  # N, (col, row)
    off = np.abs(spots - np.round(spots)).max(axis=1)
    for part, distance in zip(parts, off, strict=True):
        if distance > _OFF:
            raise RasterError(
                f"{part.path}: lies {distance:.2f} pixels beside the grid of {parts[0].path}; {_mend(part, base)}"
            )
    corner = np.round(spots).astype(int)
    first = corner.min(axis=0)
    windows = [
        Window(row, col, part.grid.height, part.grid.width)
        for part, (col, row) in zip(parts, (corner - first).tolist(), strict=True)
    ]
    left, top = base.xy(*first.tolist())
    transform = Affine(step[0], step[1], left, step[3], step[4], top)
    height, width = max(window.bottom for window in windows), max(window.right for window in windows)
    return Grid(height, width, transform, parts[0].grid.crs), windows


def _mend(part: _Part, base: Grid) -> str:
    """What brings a file onto whole pixels of a grid."""
    t, size = base.transform, part.grid
    if t.b or t.d:
        return "write both on one grid"
    col, row = (round(place) for place in base.col_row(*size.xy(0, 0)))
    left, top, right, bottom = *base.xy(col, row), *base.xy(col + size.width, row + size.height)
    extent = " ".join(
        f"{value:.12g}" for value in (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    )
    return f"bring it onto that one: gdalwarp -te {extent} -ts {size.width} {size.height} IN.tif OUT.tif"


def _common_step(parts: list[_Part]) -> NDArray[np.float64]:
    """The six numbers of the common transform, as the median over the rounded ones.

    RasterError where the pixels of a file differ so much in size that they leave the grid within the file.
    """
    steps = np.array([tuple(part.grid.transform)[:6] for part in parts])
    often = Counter(f"{step[0]:.3g} {step[4]:.3g}" for step in steps)
    usual = next(i for i, step in enumerate(steps) if often[f"{step[0]:.3g} {step[4]:.3g}"] == max(often.values()))
    for part, step in zip(parts, steps, strict=True):
        _check_step(part, step, parts[usual], steps[usual])
    return np.asarray(np.median(steps, axis=0))


def _check_step(part: _Part, step: NDArray[np.float64], usual: _Part, common: NDArray[np.float64]) -> None:
    drift = np.abs(step - common)[[0, 1, 3, 4]] * max(part.grid.width, part.grid.height)
    if (drift > 2 * _OFF * np.abs(common[[0, 1, 3, 4]]).max()).any():
        if np.abs(_facing(step) - _facing(common)).max() > _TURNED:
            raise RasterError(
                f"{part.path}: it is turned or mirrored relative to {usual.path}; store both alike first: gdalwarp "
                f"-tr {np.hypot(common[0], common[3]):g} {np.hypot(common[1], common[4]):g} -tap IN.tif OUT.tif"
            )
        raise RasterError(
            f"{part.path}: its pixels are {step[0]:g} x {step[4]:g} units, but those of {usual.path} are "
            f"{common[0]:g} x {common[4]:g}; resample them to one size first: gdalwarp -tr {abs(common[0]):g} "
            f"{abs(common[4]):g} IN.tif OUT.tif"
        )


def _facing(step: NDArray[np.float64]) -> NDArray[np.float64]:
    """The directions of columns and rows (2, 2), whatever the size of the pixels."""
    sides = step[[0, 3, 1, 4]].reshape(2, 2)
    return np.asarray(sides / np.hypot(*sides.T)[:, None])
