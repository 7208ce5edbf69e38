"""The sums per zone over all maps, added up window by window."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles, Mask
from smalti.polygons.areas import PixelAreas, pixel_areas
from smalti.raster.read import FileReader
from smalti.tiling import Window
from smalti.zones.coverage import coverage
from smalti.zones.maps import MapFile, open_map
from smalti.zones.overlap import Hidden
from smalti.zones.place import Placed

ROWS, COLUMNS = 512, 1024
"""Pixels of a window: memory grows with them, not with the map."""
_NO_DATA = 256
"""The bin of pixels without a class, beside those of bytes."""


class Tally(ABC):
    """The sums of each zone, of maps of one kind."""

    def __init__(self, zones: int) -> None:
        self.zones = zones
        self.nodata = np.zeros((zones, 2))
        """Pixels and square metres (zones, 2) without a class or value."""
        self.touched = np.zeros(zones, bool)
        """Whether a zone lies on a map."""

    @property
    @abstractmethod
    def data(self) -> Doubles:
        """Pixels and square metres (zones, 2) with a class or value."""

    @abstractmethod
    def declare(self, source: MapFile, raster: FileReader) -> None:
        """Prepares for a map."""

    @abstractmethod
    def take(self, zone: int, pixels: NDArray[Any], valid: Mask, weights: Doubles) -> None:
        """Adds pixels (H, W) to a zone.

        Args:
            zone: its number.
            pixels: (H, W) as stored.
            valid: (H, W).
            weights: (2, H, W): the share of each pixel that lies in the zone, and that share in square metres.
        """

    def add(self, source: MapFile, placed: list[Placed], hidden: Hidden, progress: Callable[[float], None]) -> None:
        """Adds a map; `progress` is called with the share of it that each window is."""
        import shapely

        tree = shapely.STRtree([shapely.box(*zone.bounds) for zone in placed])
        areas = pixel_areas(source.grid)
        with open_map(source.path) as raster:
            self.declare(source, raster)
            for window in _windows(source.grid.height, source.grid.width):
                here = shapely.box(window.col, window.row, window.right, window.bottom)
                if len(hits := np.sort(tree.query(here))):
                    self._add(_Block(raster, window, areas, hidden), [placed[k] for k in hits])
                progress(window.height * window.width / (source.grid.height * source.grid.width))

    def _add(self, block: "_Block", placed: list[Placed]) -> None:
        for zone in placed:
            part = zone.within(block.window)
            if part is None:
                continue
            cut = part.within(block.window)
            share = coverage(zone.rows(part), part)
            if block.hidden is not None:
                share[block.hidden[cut]] = 0
            if share.any():
                self.touched[zone.zone] = True
                weights = np.stack((share, share * block.ground[cut]))
                self.take(zone.zone, block.pixels[cut], block.valid[cut], weights)


class _Block:
    """A window of a map, read once for all zones."""

    def __init__(self, raster: FileReader, window: Window, areas: PixelAreas | None, hidden: Hidden) -> None:
        pixels, self.valid = raster.read(window)
        self.window, self.pixels, self.hidden = window, pixels[0], hidden.mask(window, self.valid)
        self.ground = np.full(self.valid.shape, np.nan) if areas is None else areas.of_window(window)


class ClassTally(Tally):
    """Pixels and square metres of each class, by its name; one without a name is `class 7`."""

    def __init__(self, zones: int) -> None:
        super().__init__(zones)
        self.classes: dict[str, Doubles] = {}
        """By class: pixels and square metres (zones, 2)."""
        self._names: dict[int, str] = {}

    @property
    def data(self) -> Doubles:
        """Pixels and square metres (zones, 2) with a class."""
        return sum(self.classes.values(), start=np.zeros((self.zones, 2)))

    def declare(self, source: MapFile, raster: FileReader) -> None:
        """Takes over the map's names; a class that no zone has stays 0."""
        self._names = source.names
        for _, name in sorted(source.names.items()):
            self._of(name)

    def take(self, zone: int, pixels: NDArray[Any], valid: Mask, weights: Doubles) -> None:
        """Adds pixels to a zone."""
        if pixels.dtype == np.uint8:
            ids, bins = range(_NO_DATA), np.where(valid, pixels, np.int64(_NO_DATA)).ravel()
        else:
            found, inverse = np.unique(pixels, return_inverse=True)
            ids, bins = found.tolist(), np.where(valid.ravel(), inverse.ravel(), len(found))
        sums = np.stack([np.bincount(bins, each.ravel(), len(ids) + 1) for each in weights], axis=1)
        for k in np.flatnonzero(sums[:-1, 0]):
            self._of(self._names.get(ids[k], f"class {ids[k]}"))[zone] += sums[k]
        if sums[-1, 0]:
            self.nodata[zone] += sums[-1]

    def _of(self, name: str) -> Doubles:
        return self.classes.setdefault(name, np.zeros((self.zones, 2)))


class ValueTally(Tally):
    """Sum, minimum and maximum of values; each pixel counts by the share of it that lies in the zone."""

    def __init__(self, zones: int) -> None:
        super().__init__(zones)
        self._data = np.zeros((zones, 2))
        self.sum = np.zeros(zones)
        self.minimum = np.full(zones, np.inf)
        self.maximum = np.full(zones, -np.inf)
        self._scale, self._offset = 1.0, 0.0

    @property
    def data(self) -> Doubles:
        """Pixels and square metres (zones, 2) with a value."""
        return self._data

    def declare(self, source: MapFile, raster: FileReader) -> None:
        """Takes over the map's scale and offset."""
        self._scale, self._offset = raster.scales[0], raster.offsets[0]

    def take(self, zone: int, pixels: NDArray[Any], valid: Mask, weights: Doubles) -> None:
        """Adds pixels to a zone."""
        touched = weights[0] > 0
        self.nodata[zone] += _total(weights, touched & ~valid)
        counted = touched & valid
        if counted.any():
            values = pixels[counted] * self._scale + self._offset
            values = values.astype(np.float64)
            self._data[zone] += _total(weights, counted)
            self.sum[zone] += values @ weights[0][counted]
            self.minimum[zone] = min(self.minimum[zone], values.min())
            self.maximum[zone] = max(self.maximum[zone], values.max())


def _total(weights: Doubles, where: Mask) -> Doubles:
    """The sum of both weights over some pixels: 0 where there are none, also of unknown areas."""
    total: Doubles = weights[:, where].sum(axis=1)
    return total


def _windows(height: int, width: int) -> Iterator[Window]:
    """Windows that cover a map, row by row."""
    for row in range(0, height, ROWS):
        for col in range(0, width, COLUMNS):
            yield Window(row, col, min(ROWS, height - row), min(COLUMNS, width - col))
