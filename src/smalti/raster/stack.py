"""Several files on one grid, each with a band or more of one scene, as catalogues list the bands of a satellite."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.errors import RasterError
from smalti.raster.bands import ALIASES, COLORS, choose
from smalti.raster.place import find_spot
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader, closing_on_error
from smalti.raster.upright import Turn
from smalti.tiling import Window


def open_stack(
    paths: Sequence[str],
    names: Sequence[str],
    bands: Sequence[str | int] | None = None,
    *,
    resolution: float | None = None,
) -> Reader:
    """Opens files as one scene with the bands of all, in their order.

    `names` are those of the files, for the bands of files of one band; `bands` and `resolution` are as in
    `open_raster`. RasterError where the files do not have the same pixels.
    """
    with ExitStack() as stack:
        readers = [stack.enter_context(open_raster(path)) for path in paths]
        scene = Stack(readers, names, bands)
        stack.pop_all()
    if resolution is None:
        return scene
    from smalti.raster.resample import Resampled

    with closing_on_error(scene):
        resampled = Resampled(scene, resolution)
    return resampled


class Stack(Reader):
    """The bands of several readers; a pixel is valid where it is valid in all of them."""

    def __init__(self, readers: Sequence[Reader], names: Sequence[str], bands: Sequence[str | int] | None) -> None:
        first = readers[0]
        for reader in readers[1:]:
            _check_alike(first, reader)
        self._readers = readers
        self._like(first)
        self.path, self.grid = first.path, first.grid
        self.masked = any(reader.masked for reader in readers)
        self.palette = None
        every = [name for key, reader in zip(names, readers, strict=True) for name in _names(key, reader)]
        self._chosen = list(range(len(every))) if bands is None else choose(self.path, every, bands)
        self.bands = tuple(every[i] for i in self._chosen)
        self.names_known = all(name in COLORS for name in every)
        self.scales, self.offsets = self._of("scales"), self._of("offsets")
        self.units = self._of("units")

    def _of(self, what: str) -> tuple[Any, ...]:
        every = [value for reader in self._readers for value in getattr(reader, what)]
        return tuple(every[i] for i in self._chosen)

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        parts = [reader.read(window) for reader in self._readers]
        valid = np.logical_and.reduce([known for _, known in parts])
        pixels = np.concatenate([found for found, _ in parts])[self._chosen]  # C,H,W
        np.copyto(pixels, 0, where=~valid)
        return pixels, valid

    def close(self) -> None:
        """Closes all files."""
        for reader in self._readers:
            reader.close()


def _names(key: str, reader: Reader) -> tuple[str, ...]:
    if len(reader.bands) > 1:
        return reader.bands
    plain = key.lower()
    return (ALIASES.get(plain, plain),)


def _check_alike(first: Reader, other: Reader) -> None:
    """RasterError unless two files have the same pixels."""
    if first.dtype != other.dtype:
        raise RasterError(f"{other.path}: its pixels are {other.dtype}, those of {first.path} are {first.dtype}")
    size, its = (f"{grid.height} x {grid.width} pixels" for grid in (first.grid, other.grid))
    spot = find_spot(other.grid, first.grid) if size == its else None
    if spot is None or (spot.row, spot.col) != (0, 0) or spot.turn != Turn():
        what = f"has {its}, {first.path} has {size}" if size != its else f"does not lie where {first.path} lies"
        raise RasterError(f"{other.path}: {what}; choose bands of one pixel size and place")
