"""Many files on one grid seen as one scene."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from smalti.errors import RasterError
from smalti.raster.check import is_local
from smalti.raster.grid import EQUATOR_M, Grid
from smalti.raster.read import Reader, open_dataset, open_raster, reader_of
from smalti.raster.vrt import Band, Place, write_vrt

_OFF = 0.3  # pixels that a file may lie beside the common grid: coordinates are rounded
_TILE = re.compile(r"(?:^|\D)(\d+)[-_](\d+)[-_](\d+)$")


@dataclass(frozen=True, slots=True)
class _Part:
    path: str
    grid: Grid
    bands: tuple[Band, ...]
    block: tuple[int, int]


def open_mosaic(
    paths: Sequence[str | Path], bands: Sequence[str | int] | None = None, resolution: float | None = None
) -> Reader:
    """Opens files that lie on one grid as one scene; where they overlap, the later one is seen.

    All must have the same CRS, pixel size and bands; what no file covers is invalid. Tiles of a web map that carry no
    place, but whose names end in `X-Y-ZOOM`, lie where these numbers say. Raises RasterError naming the first file
    that does not fit, and whatever `open_raster` raises.
    """
    if not paths:
        raise RasterError("a mosaic of no files; name at least one")
    if len(paths) == 1:
        return open_raster(paths[0], bands, resolution)
    parts = _placed([_look(str(path)) for path in paths])
    grid, places = _join(parts)
    name = f"{paths[0]} and {len(paths) - 1} more"
    with ExitStack() as stack:
        text = write_vrt(grid, parts[0].bands, places)
        return reader_of(name, open_dataset(text, stack), stack, bands, resolution)


def _look(path: str) -> _Part:
    """What a mosaic needs to know of one of its files."""
    with ExitStack() as stack:
        file = open_dataset(path, stack)
        grid = Grid(file.height, file.width, file.transform, file.crs)
        table = file.colormap(1) if file.colorinterp[0].name == "palette" else {}
        found = tuple(
            Band(
                file.dtypes[i],
                file.colorinterp[i].name,
                file.descriptions[i] or "",
                file.nodatavals[i],
                file.scales[i],
                file.offsets[i],
                tuple(sorted(table.items())),
            )
            for i in range(file.count)
        )
        return _Part(path, grid, found, file.block_shapes[0] if found else (1, 1))


def _placed(parts: list[_Part]) -> list[_Part]:
    """The parts, those of a web map put where their names say if none has a place of its own."""
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


def _join(parts: list[_Part]) -> tuple[Grid, list[Place]]:
    """The common grid, and where each file lies on it."""
    for part in parts[1:]:
        _check_alike(part, parts[0])
    step = np.median([tuple(part.grid.transform)[:6] for part in parts], axis=0)
    for part in parts:
        _check_step(part, step)
    base = Grid(1, 1, Affine(step[0], step[1], parts[0].grid.transform.c, step[3], step[4], parts[0].grid.transform.f))
    spots = np.array([base.col_row(*part.grid.xy(0, 0)) for part in parts])  # N, (col, row)
    off = np.abs(spots - np.round(spots)).max(axis=1)
    for part, distance in zip(parts, off, strict=True):
        if distance > _OFF:
            raise RasterError(f"{part.path}: lies {distance:.2f} pixels beside the grid of {parts[0].path}")
    corner = np.round(spots).astype(int)
    first = corner.min(axis=0)
    corner -= first
    sizes = np.array([(part.grid.width, part.grid.height) for part in parts])
    width, height = (corner + sizes).max(axis=0).tolist()
    left, top = base.xy(*first.tolist())
    transform = Affine(step[0], step[1], left, step[3], step[4], top)
    places = [
        Place(_source(part.path), col, row, part.grid.width, part.grid.height, part.block, part.bands)
        for part, (col, row) in zip(parts, corner.tolist(), strict=True)
    ]
    return Grid(height, width, transform, parts[0].grid.crs), places


def _check_alike(part: _Part, first: _Part) -> None:
    if part.grid.crs != first.grid.crs:
        names = [grid.crs.to_string()[:40] if grid.crs else "none" for grid in (part.grid, first.grid)]
        raise RasterError(f"{part.path}: its CRS is {names[0]}, but {names[1]} that of {first.path}")
    kinds = [[(band.dtype, band.color, band.table) for band in p.bands] for p in (part, first)]
    if kinds[0] != kinds[1]:
        told = [f"{len(kind)} bands of {kind[0][0] if kind else 'nothing'}" for kind in kinds]
        more = " with other colours" if told[0] == told[1] else ""
        raise RasterError(f"{part.path}: it has {told[0]}{more}, but {first.path} has {told[1]}")


def _check_step(part: _Part, step: Any) -> None:
    """RasterError where the pixels differ so much in size that they leave the grid within the file."""
    own = np.array(tuple(part.grid.transform)[:6])
    drift = np.abs(own - step)[[0, 1, 3, 4]] * max(part.grid.width, part.grid.height)
    size = np.abs(step[[0, 1, 3, 4]]).max()
    if (drift > 2 * _OFF * size).any():
        raise RasterError(
            f"{part.path}: its pixels are {own[0]:g} x {own[4]:g} units, but most have {step[0]:g} x {step[4]:g}"
        )


def _source(path: str) -> str:
    """The name under which GDAL itself finds the file."""
    if is_local(path):
        return str(Path(path).resolve())
    return f"/vsicurl/{path}" if path.startswith(("http://", "https://")) else path
