"""Rasters read by windows: any format of GDAL, local or by URL."""

import os
import re
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.env import set_gdal_config
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window as RasterioWindow

from smalti.arguments import checked
from smalti.errors import RasterError, UnreachableError, about
from smalti.raster.bands import alpha_bands, band_names, choose, image_bands
from smalti.raster.check import REFUSALS, check_complete, explained, first_line, limit, refuse_special
from smalti.raster.deflate_damage import deflated_blocks
from smalti.raster.drone import drone_pixel_m
from smalti.raster.exif import orientation
from smalti.raster.far import gdal_name, is_far, opening, patiently
from smalti.raster.grid import IDENTITY, Grid, is_sound
from smalti.raster.jpeg_damage import no_damage, refuse_damage
from smalti.raster.mark import PRODUCT_TAG
from smalti.raster.open_files import bound_pool
from smalti.raster.quiet import quiet, recorded
from smalti.raster.reader import Reader, closing_on_error
from smalti.raster.upright import TURNS, UPRIGHT
from smalti.raster.warp import WithPlace
from smalti.tiling import Window

__all__ = ["FileReader", "Reader", "open_file", "open_raster"]

CACHE_MB = 64
"""Usual bound of GDAL's block cache for the whole process; a GDAL_CACHEMAX that the user has set is kept."""
CACHE_MOST_MB = 256
"""Its bound for wide rasters of many or deep bands, of which 64 MB would hold too few rows."""
_CLASS_TAG = re.compile(r"CLASS_(\d{1,5})")
_CACHE_ROWS = 1024  # two rows of tiles: PNG and JPEG begin again at the top for a row that has left the cache


class FileReader(Reader):
    """A file, or whatever else GDAL opens.

    A pixel is valid where all that the file declares says so: masks, alpha, palette, finite values, and nodata, which
    counts where it stands in all bands of bytes (there 0 is also black), else in any.
    """

    def __init__(
        self, path: str, dataset: Any, bands: Sequence[str | int] | None, *, expand: bool, holes: bool
    ) -> None:
        self.path = path
        self._stack = ExitStack()
        self._dataset = dataset
        self._numbers = image_bands(dataset)
        self._alphas = alpha_bands(dataset)
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
        if not is_sound(dataset.transform):
            numbers = ", ".join(f"{number:g}" for number in tuple(dataset.transform)[:6])
            raise RasterError(
                f"{path}: its transform ({numbers}) gives it no place on the ground; correct or remove it"
            )
        height, width = self._turn.shape(dataset.height, dataset.width)
        self.grid = Grid(height, width, dataset.transform, dataset.crs)
        self.rpcs = not self.grid.georeferenced and dataset.rpcs is not None
        self.photo_m = None if self.grid.georeferenced else drone_pixel_m(dataset)
        self._describe(holes)
        self._deflated = deflated_blocks(path, dataset)

    def _describe(self, holes: bool) -> None:
        if self._table is None:
            self._numbers = [self._numbers[i] for i in self._chosen]
        stored = self._of_bands("dtypes")
        if any(kind.startswith("complex") for kind in stored):
            raise RasterError(f"{self.path}: its pixels are complex numbers; expected real ones, such as the amplitude")
        self._dtype, self._alike = np.result_type(*stored), len(set(stored)) == 1
        self.dtype = np.dtype(np.uint8) if self._table is not None else self._dtype
        self.scales = tuple(self._of_bands("scales"))
        self.offsets = tuple(self._of_bands("offsets"))
        self.units = tuple(unit or "" for unit in self._of_bands("units"))
        self.nodata = tuple(self._of_bands("nodatavals"))
        self._holes = self.nodata if holes else (None,) * len(self.nodata)
        self._masks = self._mask_bands()
        clear = self._table is not None and bool((self._table[3] == 0).any())
        declared = any(value is not None for value in self._holes) or self._masks or self._alphas
        self.masked = bool(declared) or clear or self.dtype.kind == "f"

    def _of_bands(self, what: str) -> list[Any]:
        """What the file declares for each band, read once: rasterio looks at all of its bands each time."""
        with quiet(RuntimeWarning):  # of nodata beyond the pixel type, which is none
            declared = getattr(self._dataset, what)
        return [declared[i - 1] for i in self._numbers]

    def _mask_bands(self) -> list[int]:
        """The bands whose masks must be read: one where it is shared; alpha and nodata are applied here."""
        flags = [{flag.name for flag in kinds} for kinds in self._of_bands("mask_flag_enums")]
        shared = [
            i for i, kinds in zip(self._numbers, flags, strict=True) if "per_dataset" in kinds and "alpha" not in kinds
        ]
        own = [i for i, kinds in zip(self._numbers, flags, strict=True) if not kinds]
        return shared[:1] + own

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        stored = self._turn.stored(window, self.grid.height, self.grid.width)
        pixels, valid = self._stored(stored)
        if self._turn != UPRIGHT:
            pixels, valid = np.ascontiguousarray(self._turn.apply(pixels)), self._turn.apply(valid)
        return pixels, valid

    def _stored(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        try:
            pixels, valid = patiently(self.path, partial(self._in_file, window))
        except REFUSALS as error:
            raise self._unreadable(window, error) from None
        if self._table is not None:
            colors = self._table.take(pixels[0], axis=1)  # 4,H,W
            pixels, valid = colors[self._chosen], valid & (colors[3] > 0)
        if self.masked and not valid.all():
            np.copyto(pixels, 0, where=~valid)
        return pixels, valid

    def _in_file(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The pixels as they are in the file, and where its declarations and masks let them count."""
        place = RasterioWindow(window.col, window.row, window.width, window.height)
        if self._deflated is not None:
            self._deflated.check(window, [*self._numbers, *self._alphas])
        with no_damage():
            pixels = self._pixels(place)
        valid = self._valid(pixels)
        for alpha in self._alphas:
            valid &= self._dataset.read(alpha, window=place) > 0
        for band in self._masks:
            valid &= self._dataset.read_masks(band, window=place) > 0
        return pixels, valid

    def _unreadable(self, window: Window, error: Exception) -> RasterError:
        rows = f"{self.path}: rows {window.row} to {window.bottom - 1} cannot be read"
        if not is_far(self.path) or limit(error):
            return RasterError(f"{rows}, {limit(error) or f'truncated or damaged: {first_line(error)}'}")
        why = "its server does not answer, refuses, or sends damaged data"
        return UnreachableError(f"{rows}: {why}: {first_line(error)}; check the connection and the credentials")

    def _pixels(self, place: RasterioWindow) -> NDArray[Any]:
        if self._alike:
            return np.asarray(self._dataset.read(self._numbers, window=place))
        return np.stack([self._dataset.read(i, window=place).astype(self._dtype) for i in self._numbers])

    def _valid(self, pixels: NDArray[Any]) -> NDArray[np.bool_]:
        """Where (C, H, W) pixels are neither nodata nor non-finite: a mask (H, W)."""
        valid = np.ones(pixels.shape[1:], bool)
        if pixels.dtype.kind == "f":
            valid &= np.isfinite(pixels).all(axis=0)
        if all(value is None for value in self._holes):
            return valid
        holes = np.stack([_equal(band, value) for band, value in zip(pixels, self._holes, strict=True)])
        return valid & ~(holes.all(axis=0) if pixels.dtype.itemsize == 1 else holes.any(axis=0))

    def class_names(self) -> dict[int, str]:
        """Names of the values of the first band, by tags such as `CLASS_0=land`, which class maps have."""
        tags = self._dataset.tags(self._numbers[0])
        return {int(found[1]): name for key, name in tags.items() if (found := _CLASS_TAG.fullmatch(key))}

    @property
    def product(self) -> str:
        """What a raster of this program holds, such as `classes` or `values`; empty for any other."""
        return str(self._dataset.tags().get(PRODUCT_TAG, ""))

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        self._stack.close()


@checked()
def open_raster(
    path: str | Path,
    bands: Sequence[str | int] | None = None,
    *,
    resolution: float | None = None,
    expand: bool = True,
) -> Reader:
    """Opens a raster to read `bands` (names or numbers from 1; None for all but alpha).

    `resolution` (metres per pixel) resamples while reading, within the raster's own CRS. `expand=False` leaves a
    palette image as one band of indices. Raises RasterError: missing, empty, truncated, no image, no such band,
    complex pixels.
    """
    with about(path):
        reader = open_file(path, bands, expand)
        if resolution is None:
            return reader
        from smalti.raster.resample import Resampled

        with closing_on_error(reader):
            resampled = Resampled(reader, resolution)
        return resampled


def open_file(
    path: str | Path, bands: Sequence[str | int] | None = None, expand: bool = True, holes: bool = True
) -> FileReader:
    """Opens a raster with the pixels it has; arguments and errors as in `open_raster`.

    With `holes=False` declared nodata is a value like any other.
    """
    name = str(path)
    with explained(name), ExitStack() as stack:
        dataset = open_dataset(name, stack)
        if not dataset.count:
            raise RasterError(f"{name}: has no pixels itself; give one of its subdatasets{_parts(dataset)}")
        if dataset.crs is None and dataset.gcps[1] is not None:
            from smalti.raster.warp import by_points

            dataset = by_points(dataset, stack)
        reader = FileReader(name, dataset, bands, expand=expand, holes=holes)
        reader._stack = stack.pop_all()
        return reader


def open_dataset(name: str, stack: ExitStack) -> Any:
    """Opens a complete file with rasterio, to be closed by the stack; RasterError where that cannot be done."""
    _bound_cache(CACHE_MB)
    bound_pool()
    refuse_damage()
    with explained(name):
        refuse_special(name)
        # A photo without a place is a legitimate input.
        with recorded() as heard, opening(name):
            dataset = stack.enter_context(rasterio.open(gdal_name(name)))
        check_complete(name, dataset)
        row = sum(np.dtype(kind).itemsize for kind in dataset.dtypes if not kind.startswith("complex")) * dataset.width
    _bound_cache(min(CACHE_MOST_MB, row * _CACHE_ROWS >> 20))
    placeless = any(issubclass(warning.category, NotGeoreferencedWarning) for warning in heard)
    if placeless and not dataset.transform.is_identity:  # memory that nobody has written to: GDAL's reader of PNM
        return WithPlace(dataset, IDENTITY, dataset.crs)
    return dataset


_bound = 0  # MB that GDAL's cache is bound to; it only grows, as other rasters may be open


def _bound_cache(megabytes: int) -> None:
    global _bound
    if megabytes > _bound and "GDAL_CACHEMAX" not in os.environ:  # asking GDAL itself would give its own default
        set_gdal_config("GDAL_CACHEMAX", megabytes * 2**20)  # rasterio takes bytes here
        _bound = megabytes


def _parts(dataset: Any) -> str:
    return f": {', '.join(dataset.subdatasets[:3])}" if dataset.subdatasets else ""


def _palette(dataset: Any) -> NDArray[np.uint8] | None:
    """The colours (4, entries) of a palette image: red, green, blue, alpha; missing entries are transparent."""
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
        value = band.dtype.type(value)  # NaN equals nothing; it counts as not finite
    return np.asarray(band == value)
