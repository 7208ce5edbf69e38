"""Rasters read by windows: any format of GDAL, local or by URL."""

import os
import threading
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.env import set_gdal_config
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.windows import Window as RasterioWindow

from smalti.errors import RasterError
from smalti.raster.bands import alpha_bands, band_names, choose, image_bands
from smalti.raster.check import check_complete, explain, first_line, is_local
from smalti.raster.exif import orientation
from smalti.raster.grid import Grid
from smalti.raster.mirror import inside, source
from smalti.raster.upright import TURNS, UPRIGHT
from smalti.tiling import Window

CACHE_MB = 64
"""Usual bound of GDAL's block cache for the whole process; a GDAL_CACHEMAX that the user has set stays."""
_opening = threading.Lock()
"""Filters of warnings belong to the process: threads that open files at once would restore each other's."""
CACHE_MOST_MB = 256
"""Its bound for wide rasters of many or deep bands, of which 64 MB would hold too few rows."""
_REMOTE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}  # listing the folder of a URL costs requests and tells nothing
_CACHE_ROWS = 1024  # two rows of tiles: PNG and JPEG begin again at the top for a row that has left the cache


class Reader:
    """One raster, read by windows; for one thread at a time.

    Pixels come as stored, in the file's own type; declared scales and offsets are told, not applied. A pixel is
    invalid where a mask, alpha or palette says so, where a value is not finite, or where nodata stands: in all
    bands for bytes (there 0 is also black), else in any. Invalid pixels are 0 in every band.
    """

    def __init__(self, path: str, dataset: Any, bands: Sequence[str | int] | None, expand: bool) -> None:
        self.path = path
        self._stack = ExitStack()
        self._dataset = dataset
        self._numbers = image_bands(dataset)
        self.palette = _palette(dataset)
        self._table = self.palette if expand else None
        names, self.names_known = band_names(dataset)
        if self._table is not None:
            names, self.names_known = ("red", "green", "blue"), True
        self._chosen = choose(path, names, bands) if bands is not None else list(range(len(names)))
        self.bands = tuple(names[i] for i in self._chosen)
        self._turn = UPRIGHT
        if dataset.transform.is_identity and dataset.crs is None:
            self._turn = TURNS[orientation(path, dataset)]
        height, width = self._turn.shape(dataset.height, dataset.width)
        self.grid = Grid(height, width, dataset.transform, dataset.crs)
        self._describe()

    def _describe(self) -> None:
        if self._table is None:
            self._numbers = [self._numbers[i] for i in self._chosen]
        stored = [np.dtype(self._dataset.dtypes[i - 1]) for i in self._numbers]
        if any(kind.kind == "c" for kind in stored):
            raise RasterError(f"{self.path}: its pixels are complex numbers; expected real ones")
        self.dtype = np.dtype(np.uint8) if self._table is not None else np.result_type(*stored)
        self.scales = tuple(self._dataset.scales[i - 1] for i in self._numbers)
        self.offsets = tuple(self._dataset.offsets[i - 1] for i in self._numbers)
        self.units = tuple(self._dataset.units[i - 1] or "" for i in self._numbers)
        self._nodata = [self._dataset.nodatavals[i - 1] for i in self._numbers]
        flags = {flag.name for i in self._numbers for flag in self._dataset.mask_flag_enums[i - 1]}
        self._has_mask = "per_dataset" in flags and ("alpha" not in flags or bool(alpha_bands(self._dataset)))
        has_nodata = any(value is not None for value in self._nodata)
        clear = self._table is not None and bool((self._table[3] == 0).any())
        self.masked = self._has_mask or has_nodata or clear or self.dtype.kind == "f"

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Pixels (C, H, W) and their validity (H, W); beyond the border both are mirrored.

        Raises RasterError where the file is truncated or damaged.
        """
        if inside(window, self.grid.height, self.grid.width):
            return self._upright(window)
        cut, rows, cols = source(window, self.grid.height, self.grid.width)
        pixels, valid = self._upright(cut)
        return pixels[:, rows[:, None], cols], valid[rows[:, None], cols]

    def _upright(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        stored = self._turn.stored(window, self.grid.height, self.grid.width)
        pixels, valid = self._stored(stored)
        if self._turn != UPRIGHT:
            pixels, valid = np.ascontiguousarray(self._turn.apply(pixels)), self._turn.apply(valid)
        return pixels, valid

    def _stored(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        place = RasterioWindow(window.col, window.row, window.width, window.height)
        try:
            pixels = self._dataset.read(self._numbers, window=place, out_dtype=None)
            mask = self._dataset.read_masks(self._numbers[0], window=place) if self._has_mask else None
        except (RasterioError, ValueError, MemoryError) as error:
            where = f"rows {window.row} to {window.bottom - 1}"
            raise RasterError(
                f"{self.path}: {where} cannot be read, truncated or damaged: {first_line(error)}"
            ) from None
        valid = self._valid(pixels) if mask is None else self._valid(pixels) & (mask > 0)
        if self._table is not None:
            colors = self._table[:, pixels[0]]  # 4,H,W
            pixels, valid = colors[self._chosen], valid & (colors[3] > 0)
        if self.masked and not valid.all():
            pixels[:, ~valid] = 0
        return pixels, valid

    def _valid(self, pixels: NDArray[Any]) -> NDArray[np.bool_]:
        """What nodata and non-finite values leave of (C, H, W) pixels."""
        valid = np.ones(pixels.shape[1:], bool)
        if pixels.dtype.kind == "f":
            valid &= np.isfinite(pixels).all(axis=0)
        if all(value is None for value in self._nodata):
            return valid
        holes = np.stack([_equal(band, value) for band, value in zip(pixels, self._nodata, strict=True)])
        return valid & ~(holes.all(axis=0) if pixels.dtype.itemsize == 1 else holes.any(axis=0))

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_raster(
    path: str | Path, bands: Sequence[str | int] | None = None, resolution: float | None = None, expand: bool = True
) -> Reader:
    """Opens a raster to read `bands` (names or numbers from 1; None for all but alpha).

    `resolution` (metres per pixel) resamples while reading, within the raster's own CRS. `expand=False` leaves a
    palette image as one band of indices. Raises RasterError: missing, empty, truncated, no image, no such band.
    """
    name = str(path)
    with ExitStack() as stack:
        dataset = open_dataset(name, stack)
        if not dataset.count:
            raise RasterError(f"{name}: holds no pixels itself; name one of its parts{_parts(dataset)}")
        if dataset.crs is None and dataset.gcps[1] is not None:
            from smalti.raster.warp import by_points

            dataset = by_points(dataset, stack)
        return reader_of(name, dataset, stack, bands, resolution, expand)


def reader_of(
    name: str,
    dataset: Any,
    stack: ExitStack,
    bands: Sequence[str | int] | None = None,
    resolution: float | None = None,
    expand: bool = True,
) -> Reader:
    """A Reader of an open dataset; it takes over what is on the stack. Arguments and errors as in `open_raster`."""
    if resolution is not None:
        from smalti.raster.warp import resampled

        dataset = resampled(name, dataset, resolution, stack)
    reader = Reader(name, dataset, bands, expand)
    reader._stack = stack.pop_all()
    return reader


def open_dataset(name: str, stack: ExitStack) -> Any:
    """Opens a complete file with rasterio, to be closed by the stack; RasterError where that cannot be done."""
    _bound_cache(CACHE_MB)
    try:
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a photo is a legitimate input
            with rasterio.Env(**({} if is_local(name) else _REMOTE)):
                dataset = stack.enter_context(rasterio.open(name))
    except (RasterioIOError, RasterioError, ValueError, OSError) as error:
        raise explain(name, error) from None
    check_complete(name, dataset)
    row = sum(np.dtype(kind).itemsize for kind in dataset.dtypes if "int" in kind or "float" in kind) * dataset.width
    _bound_cache(min(CACHE_MOST_MB, row * _CACHE_ROWS >> 20))
    return dataset


_bound = 0  # MB that GDAL's cache is bound to; it only grows, for other rasters may be open


def _bound_cache(megabytes: int) -> None:
    global _bound
    if megabytes > _bound and "GDAL_CACHEMAX" not in os.environ:  # asking GDAL itself would give its own default
        set_gdal_config("GDAL_CACHEMAX", megabytes * 2**20)  # rasterio takes bytes here
        _bound = megabytes


def _parts(dataset: Any) -> str:
    return f": {', '.join(dataset.subdatasets[:3])}" if dataset.subdatasets else ""


def _palette(dataset: Any) -> NDArray[np.uint8] | None:
    """The colours (4, entries) of a palette image: red, green, blue, alpha; entries without one are clear."""
    if dataset.count > 2 or dataset.colorinterp[0].name != "palette" or dataset.dtypes[0] not in ("uint8", "uint16"):
        return None
    with suppress(ValueError):
        table = np.zeros((4, 256 if dataset.dtypes[0] == "uint8" else 65536), np.uint8)
        for index, color in dataset.colormap(1).items():
            table[:, index] = color
        return table
    return None


def _equal(band: NDArray[Any], value: float | None) -> NDArray[np.bool_]:
    if value is None:
        return np.zeros(band.shape, bool)
    if band.dtype.kind == "f":
        value = band.dtype.type(value)  # NaN equals nothing; it is caught as not finite
    return np.asarray(band == value)
