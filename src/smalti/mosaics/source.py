"""The scenes of a mosaic, as far as they are known before their pixels are read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from rasterio.crs import CRS

from smalti.arrays import Doubles
from smalti.card import Card
from smalti.errors import RasterError
from smalti.mapping.fit import STRETCH, check_kind, check_number, choose_bands
from smalti.mosaics.clouds import cloud_file, without_clouds
from smalti.mosaics.grid import Bounds, MosaicGrid
from smalti.raster.check import REFUSALS, file_name
from smalti.raster.files import quiet_open
from smalti.raster.grid import Grid
from smalti.raster.ground import axes_m, why_no_metres
from smalti.raster.place import apply, project
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader, closing_on_error
from smalti.raster.stretch import Stretch, Stretched
from smalti.tiling import Window

_DATE_TAGS = ("ACQUISITIONDATETIME", "ACQUISITION_DATE", "DATETIME", "TIFFTAG_DATETIME")
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-:_]?(0[1-9]|1[0-2])[-:_]?(0[1-9]|[12]\d|3[01])(?:[T _-]?(\d\d):?(\d\d))?")
_EDGE = 33
"""Places along each side of a scene that say where it lies in another CRS."""
_SAMPLES, _SIDE = 8, 16
"""Places along each side where the share of clear pixels is measured, and the pixels of their windows."""
_FINER = 1.5
"""How many times finer a scene may be than the grid before its pixels are averaged first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How all scenes of a mosaic are read."""

    bands: tuple[str, ...] | None = None
    stretch: Stretch | None = None
    clouds: str | None = None
    """A band, or a file named after the scene: `{}_clouds.tif`."""
    cloud_values: tuple[int, ...] = ()
    """Values of the cloud mask that mean clouds; none for all but 0."""

    def open(self, path: str, bands: Sequence[str | int], resolution: float | None = None) -> Reader:
        """Opens a scene with a model's bands. Raises RasterError."""
        opened = partial(self._open, path, bands)
        reader = opened(resolution)
        if self.stretch is None:
            return reader
        with closing_on_error(reader):
            stretched = Stretched(reader, self.stretch, partial(opened, None))
        return stretched

    def _open(self, path: str, bands: Sequence[str | int], resolution: float | None) -> Reader:
        from smalti.raster.resample import Resampled

        reader = open_raster(path, bands)
        if self.clouds is not None:
            with closing_on_error(reader):
                reader = without_clouds(reader, self.clouds, self.cloud_values)
        if resolution is None:
            return reader
        with closing_on_error(reader):
            resampled = Resampled(reader, resolution)
        return resampled

    def files(self, path: str) -> list[str]:
        """The files that a scene is read from: itself, and its cloud mask."""
        beside = None if self.clouds is None else cloud_file(path, self.clouds)
        return [path] if beside is None else [path, beside]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A scene of a mosaic."""

    path: str
    grid: Grid
    bands: tuple[str | int, ...]
    """The model's bands in it."""
    taken: str
    """When it was taken, as digits that sort; empty if unknown."""
    clear: float
    """The share of its pixels that are valid and clear, where it is asked for."""
    reading: Reading
    outline: Doubles = field(default_factory=lambda: np.zeros((0, 2)), repr=False)
    """Its border (N, 2: x, y) in the CRS of the mosaic."""

    @property
    def bounds(self) -> Bounds:
        """A rectangle around it in the CRS of the mosaic."""
        (left, bottom), (right, top) = self.outline.min(axis=0).tolist(), self.outline.max(axis=0).tolist()
        return left, bottom, right, top

    def placed(self, crs: CRS) -> "Source":
        """The same with its border in the CRS of a mosaic; RasterError where it has no place there."""
        points = apply(self.grid.transform, _outline(self.grid))
        if self.grid.crs != crs:
            assert self.grid.crs is not None
            points = project(points, self.grid.crs.to_wkt(), crs.to_wkt())
        if not np.isfinite(points).all():
            name = crs.to_string()
            raise RasterError(f"{self.path}: has no place in the CRS of the mosaic ({name[:40]}); choose another CRS")
        return replace(self, outline=points)

    def open(self, mosaic: MosaicGrid) -> Reader:
        """Opens it; pixels much finer than the mosaic's are averaged to about its size. Raises RasterError."""
        left, bottom, right, top = self.bounds
        finer = mosaic.pixel / ((right - left) * (top - bottom) / (self.grid.height * self.grid.width)) ** 0.5
        size = axes_m(self.grid)
        metres = None if size is None or finer < _FINER else (size[0] * size[1]) ** 0.5 * finer
        return self.reading.open(self.path, self.bands, metres)


def look(path: str, card: Card, reading: Reading, *, clear: bool) -> Source:
    """Looks at a scene; with `clear` also at its pixels in some places.

    RasterError or ModelError where it has no place on the ground, or other bands or pixels than the model takes.
    """
    with open_raster(path) as whole:
        bands = reading.bands or choose_bands(path, whole, card, "option")
        if not whole.grid.georeferenced:
            why = why_no_metres(whole.grid)
            raise RasterError(f"{path}: {why}, so a mosaic has no place for it; give it one: gdal_edit.py -a_srs CRS")
    with reading.open(path, tuple(bands)) as scene:
        check_number(path, scene, card)
        check_kind(path, str(scene.dtype), card, STRETCH)
        return Source(path, scene.grid, tuple(bands), _taken(path), _clear(scene) if clear else 1.0, reading)


def _taken(path: str) -> str:
    """When a scene was taken, by its tags or else its name: digits of year, month, day, hour and minute."""
    try:
        with quiet_open(path) as file:
            tags = {**file.tags(), **file.tags(ns="IMAGERY")}
    except REFUSALS:
        tags = {}
    for text in (*(tags.get(key, "") for key in _DATE_TAGS), file_name(path)):
        if found := _DATE.search(text):
            return "".join(part or "00" for part in found.groups())
    return ""


def _clear(scene: Reader) -> float:
    height, width = scene.grid.height, scene.grid.width
    rows = np.linspace(0, max(0, height - _SIDE), _SAMPLES).astype(int).tolist()
    cols = np.linspace(0, max(0, width - _SIDE), _SAMPLES).astype(int).tolist()
    size = min(_SIDE, height), min(_SIDE, width)
    return float(np.mean([scene.read(Window(row, col, *size))[1].mean() for row in rows for col in cols]))


def _outline(grid: Grid) -> Doubles:
    """Places (N, 2: column, row) around the border of a scene."""
    along = np.linspace(0, 1, _EDGE)
    zero, one = np.zeros(_EDGE), np.ones(_EDGE)
    cols = np.concatenate((along, one, along[::-1], zero)) * grid.width
    rows = np.concatenate((zero, along, one, along[::-1])) * grid.height
    return np.column_stack((cols, rows))
