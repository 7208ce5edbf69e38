"""A raster of any type seen as bytes: a range of its values, measured once over the whole raster, becomes 0 to 255.

The range is given as values, the same for all bands, or as percentiles of each band's valid pixels, which remove the
haze that lifts the blue band of a satellite scene.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.errors import OptionError, RasterError
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.tiling import Window

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?%?")
_EXPECTED = "expected LOW,HIGH as values or percentiles, such as 0,3000 or 2%,98%"
_SIDE = 2048
"""Side of the windows in pixels that a raster is measured in."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One end of a range."""

    number: float
    percent: bool = False
    """Whether it is a percentile of each band."""

    def __str__(self) -> str:
        return f"{self.number:.12g}{'%' * self.percent}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """The range of values that becomes 0 to 255; values outside become 0 or 255."""

    low: Limit
    high: Limit

    def __str__(self) -> str:
        return f"{self.low},{self.high}"

    @property
    def measures(self) -> bool:
        """Whether the raster's pixels decide the range."""
        return self.low.percent or self.high.percent


def parse_stretch(text: str) -> Stretch:
    """The range written as `LOW,HIGH`; OptionError if it is none."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise OptionError(f"stretch is {text!r}; {_EXPECTED}", value=text)
    low, high = (Limit(float(part.rstrip("%")), part.endswith("%")) for part in parts)
    if not all(0 <= limit.number <= 100 for limit in (low, high) if limit.percent):
        raise OptionError(f"stretch is {text!r}: a percentile is beyond 0 to 100; {_EXPECTED}", value=text)
    if low.percent == high.percent and low.number >= high.number:
        raise OptionError(f"stretch is {text!r}: LOW is not below HIGH; {_EXPECTED}", value=text)
    return Stretch(low, high)


class Stretched(Reader):
    """A raster as bytes. `whole` opens the raster that is measured, the first time that a pixel is read."""

    def __init__(self, reader: Reader, stretch: Stretch, whole: Callable[[], Reader]) -> None:
        """RasterError where percentiles would have to be measured of pixels of more than 16 bits."""
        self.path, self.grid, self._reader, self._stretch = reader.path, reader.grid, reader, stretch
        self._limits = cache(partial(_measured, reader.path, reader.bands, stretch, whole))
        self._like(reader)
        if stretch.measures and (reader.dtype.kind not in "iu" or reader.dtype.itemsize > 2):
            raise RasterError(
                f"{self.path}: percentiles are measured of integers of 8 or 16 bits, its pixels are {reader.dtype}; "
                "give the range as values: --stretch LOW,HIGH"
            )
        count = len(self.bands)
        self.dtype, self.palette = np.dtype(np.uint8), None
        self.scales, self.offsets, self.units = (1.0,) * count, (0.0,) * count, ("",) * count

    def like_this(self, reader: Reader) -> "Stretched":
        """Another view of the same raster, such as a resampled one, with the same range, which is measured once."""
        other = Stretched(reader, self._stretch, lambda: reader)
        other._limits = self._limits
        return other

    @property
    def limits(self) -> NDArray[np.float64]:
        """The values (bands, 2) that become 0 and 255; NaN where a raster without a valid pixel was measured.

        RasterError if the low one of a band is not below its high one.
        """
        return self._limits()

    @property
    def notes(self) -> dict[str, str]:
        """The range as asked for, and the values of each band."""
        values = "; ".join(
            f"{name} {low:g} {high:g}" for name, (low, high) in zip(self.bands, self.limits, strict=True)
        )
        return super().notes | {"SMALTI_STRETCH": str(self._stretch), "SMALTI_STRETCH_VALUES": values}

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        pixels, valid = self._reader.read(window)
        low, high = np.moveaxis(self.limits, 1, 0)[..., None, None]  # 2, bands,1,1
        share = (pixels - low) / (high - low)
        stretched = np.rint(np.clip(np.nan_to_num(share), 0, 1) * 255).astype(np.uint8)
        stretched[:, ~valid] = 0
        return stretched, valid

    def close(self) -> None:
        """Closes the raster."""
        self._reader.close()


def _measured(path: str, bands: Sequence[str], stretch: Stretch, opened: Callable[[], Reader]) -> NDArray[np.float64]:
    """The limits (bands, 2) of a range, with the percentiles of the raster that `opened` opens."""
    limits = np.array([[stretch.low.number, stretch.high.number]] * len(bands))
    if stretch.measures:
        with opened() as whole:
            counts, least = _count(whole)
        for end, limit in enumerate((stretch.low, stretch.high)):
            if limit.percent:
                limits[:, end] = [percentile(band, limit.number) + least for band in counts]
    for name, (low, high) in zip(bands, limits, strict=True):
        if low >= high:
            raise RasterError(
                f"{path}: --stretch {stretch} is {low:g} to {high:g} in band {name}; give the range as "
                "values: --stretch LOW,HIGH"
            )
    return limits


def _count(reader: Reader) -> tuple[NDArray[np.int64], int]:
    """How often each value occurs among the valid pixels of each band (bands, values), and the first value."""
    info = np.iinfo(reader.dtype)
    counts = np.zeros((len(reader.bands), int(info.max) - int(info.min) + 1), np.int64)
    for window in _windows(reader.grid):
        pixels, valid = reader.read(window)
        for band, values in zip(counts, pixels, strict=True):
            found = np.bincount(values[valid].astype(np.int64) - int(info.min), minlength=1)
            band[: len(found)] += found
    return counts, int(info.min)


def _windows(grid: Grid) -> Iterator[Window]:
    for row in range(0, grid.height, _SIDE):
        for col in range(0, grid.width, _SIDE):
            yield Window(row, col, min(_SIDE, grid.height - row), min(_SIDE, grid.width - col))


def percentile(counts: NDArray[np.int64], percent: float) -> float:
    """The least value that at least `percent` of all do not exceed, counted from the first one; NaN without any."""
    total = int(counts.sum())
    if not total:
        return float("nan")
    wanted = max(1.0, np.ceil(total * percent / 100 - 1e-9))
    return float(np.searchsorted(np.cumsum(counts), wanted))
