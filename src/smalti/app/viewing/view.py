"""A raster looked at from afar: a window of it, reduced to few pixels at bounded cost."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import Resampling
from rasterio.windows import Window as RasterWindow

from smalti.errors import RasterError
from smalti.raster.bands import alpha_bands, image_bands
from smalti.raster.check import REFUSALS, first_line
from smalti.raster.exif import orientation
from smalti.raster.read import open_dataset
from smalti.raster.upright import TURNS, UPRIGHT, Turn
from smalti.tiling import Window

BUDGET = 12_000_000
"""Pixels that are decoded for one view at most; of a wider one only some blocks are looked at."""
_IDLE = 24
"""Rasters that are kept open."""


@dataclass(frozen=True, slots=True)
class View:
    """What is seen."""

    pixels: NDArray[Any]
    """(bands, H, W) in the raster's own type."""
    valid: NDArray[np.bool_]
    """(H, W)."""
    exact: bool
    """Whether all blocks were looked at, or overviews of them."""


class OpenView:
    """A raster that is open for views; for one thread at a time."""

    def __init__(self, path: Path, original: Path) -> None:
        """`original` has the orientation of a photo, which a virtual raster of it lacks. Raises RasterError."""
        self._stack = ExitStack()
        self._data = open_dataset(str(path), self._stack)
        self.turn: Turn = UPRIGHT
        if self._data.transform.is_identity and self._data.crs is None:
            self.turn = TURNS[orientation(str(original), self._data)]
        self.height, self.width = self.turn.shape(self._data.height, self._data.width)
        self._alphas = alpha_bands(self._data)
        self.count = len(image_bands(self._data))
        self._numbers = image_bands(self._data)
        self._palette = _palette(self._data)
        self._masked = any("all_valid" not in {flag.name for flag in band} for band in self._data.mask_flag_enums)

    def look(self, window: Window, shape: tuple[int, int], bands: tuple[int, ...], *, nearest: bool = False) -> View:
        """A window inside the raster, reduced to `shape`; `bands` count from 0. RasterError where it is damaged."""
        stored = self.turn.stored(window, self.height, self.width)
        size = self.turn.shape(*shape)
        numbers = [self._numbers[band] for band in bands] if self._palette is None else self._numbers[:1]
        resampling = Resampling.nearest if nearest or self._palette is not None else Resampling.average
        try:
            seen = self._seen(stored, size, numbers, resampling)
        except REFUSALS as error:
            raise RasterError(f"{Path(self._data.name).name}: damaged: {first_line(error)}; copy it again") from None
        pixels, valid = seen.pixels, seen.valid
        if self._palette is not None:
            colors = self._palette[pixels[0]]  # H,W,4
            pixels, valid = np.moveaxis(colors[..., :3], -1, 0)[list(bands)], valid & (colors[..., 3] > 0)
        return View(self.turn.apply(pixels), self.turn.apply(valid), seen.exact)

    def values(self, window: Window, shape: tuple[int, int]) -> NDArray[Any]:
        """The nearest pixels (H, W) of the first band as they are stored, without a palette."""
        seen = self._seen(window, shape, [1], Resampling.nearest)
        found: NDArray[Any] = seen.pixels[0]
        return found

    @property
    def bands(self) -> int:
        """Bands that `look` can be asked for."""
        return self.count if self._palette is None else 3

    def _seen(self, window: Window, size: tuple[int, int], numbers: list[int], resampling: Resampling) -> View:
        cost = self._cost(window, size)
        if cost > BUDGET:
            return self._sampled(window, size, numbers, cost / BUDGET, resampling)
        place = RasterWindow(window.col, window.row, window.width, window.height)
        shape = (len(numbers), *size)
        pixels = self._data.read(numbers, window=place, out_shape=shape, resampling=resampling)
        return View(pixels, self._valid(pixels, place, size), True)

    def _valid(self, pixels: NDArray[Any], place: RasterWindow, size: tuple[int, int]) -> NDArray[np.bool_]:
        valid = np.ones(size, bool)
        if self._masked:
            valid &= self._data.dataset_mask(out_shape=size, window=place) > 0
        if pixels.dtype.kind == "f":
            valid &= np.isfinite(pixels).all(axis=0)
        return valid

    def _cost(self, window: Window, size: tuple[int, int]) -> float:
        """Pixels that are decoded for a view, by the overview that is read."""
        factor = min(window.height / size[0], window.width / size[1])
        levels = [level for level in self._data.overviews(self._numbers[0]) if level <= factor * 1.2]
        level = max(levels, default=1)
        rows, cols = self._data.block_shapes[0]
        down: int = _blocks(window.row, window.bottom, rows * level) * rows
        across: int = _blocks(window.col, window.right, cols * level) * cols
        return down * across

    def _sampled(
        self, window: Window, size: tuple[int, int], numbers: list[int], factor: float, resampling: Resampling
    ) -> View:
        """A blurred view made of evenly spaced blocks, of each a few pixels."""
        rows, cols = self._data.block_shapes[0]
        down, across = math.ceil(window.height / rows), math.ceil(window.width / cols)
        step = factor if across == 1 else math.sqrt(factor)
        per_row = max(1, min(size[0], int(down / step)))
        per_col = max(1, min(size[1], int(across / step))) if across > 1 else 1
        wide = size[1] if across == 1 else per_col
        pixels = np.zeros((len(numbers), per_row, wide), self._data.dtypes[numbers[0] - 1])
        valid = np.zeros((per_row, wide), bool)
        for i in range(per_row):
            for j in range(per_col):
                place = _sample(window, (i, per_row), (j, per_col), (rows, cols), across == 1)
                part = slice(None) if across == 1 else slice(j, j + 1)
                shape = (1, wide if across == 1 else 1)
                seen = self._data.read(numbers, window=place, out_shape=(len(numbers), *shape), resampling=resampling)
                pixels[:, i, part], valid[i, part] = seen[:, 0], self._valid(seen, place, shape)[0]
        smooth = resampling == Resampling.average
        return View(
            _enlarged(pixels, size, smooth), _enlarged(valid[None].astype(np.uint8), size, smooth)[0] > 0, False
        )

    def close(self) -> None:
        """Closes the file."""
        self._stack.close()


def _blocks(begin: int, end: int, side: int) -> int:
    return (end - 1) // side - begin // side + 1


def _sample(
    window: Window, row: tuple[int, int], col: tuple[int, int], block: tuple[int, int], strips: bool
) -> RasterWindow:
    """A few pixels inside of one block: the part number `row[0]` of `row[1]`, likewise of the columns."""
    top = window.row + int((row[0] + 0.5) * window.height / row[1])
    if strips:
        return RasterWindow(window.col, min(top, window.bottom - 1), window.width, 1)
    left = window.col + int((col[0] + 0.5) * window.width / col[1])
    bottom = min((top // block[0] + 1) * block[0], window.bottom)
    right = min((left // block[1] + 1) * block[1], window.right)
    return RasterWindow(left, top, max(1, min(16, right - left)), max(1, min(16, bottom - top)))


def _enlarged(pixels: NDArray[Any], size: tuple[int, int], smooth: bool) -> NDArray[Any]:
    """Pixels (bands, H, W) of a larger size, in their own type: interpolated, or the nearest ones."""
    kind, method = pixels.dtype, Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    planes = [
        np.asarray(Image.fromarray(plane.astype(np.float32)).resize((size[1], size[0]), method)) for plane in pixels
    ]
    return np.stack(planes).astype(kind)


def _palette(dataset: Any) -> NDArray[np.uint8] | None:
    """The colours (entries, 4) of an image of indices."""
    if dataset.count > 2 or dataset.colorinterp[0].name != "palette" or dataset.dtypes[0] != "uint8":
        return None
    with suppress(ValueError):
        table = np.zeros((256, 4), np.uint8)
        for index, color in dataset.colormap(1).items():
            table[index] = color
        return table
    return None


class Views:
    """Open rasters that are used again, each by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: OrderedDict[tuple[str, int], list[OpenView]] = OrderedDict()

    @contextmanager
    def open(self, path: Path, original: Path | None = None) -> Iterator[OpenView]:
        """A raster by its path and the time when it was written; RasterError if it cannot be opened."""
        try:
            key = (str(path), path.stat().st_mtime_ns)
        except OSError:
            raise RasterError(f"{path.name}: is not there any more; add it again") from None
        view = self._take(key) or OpenView(path, original or path)
        try:
            yield view
        except BaseException:
            view.close()
            raise
        self._give(key, view)

    def _take(self, key: tuple[str, int]) -> OpenView | None:
        with self._lock:
            idle = self._idle.get(key)
            return idle.pop() if idle else None

    def _give(self, key: tuple[str, int], view: OpenView) -> None:
        stale: list[OpenView] = []
        is_there = Path(key[0]).exists()
        with self._lock:
            if is_there:
                self._idle.setdefault(key, []).append(view)
                self._idle.move_to_end(key)
            else:  # removed meanwhile: its place on the disk is free when it is closed
                stale.append(view)
            while sum(map(len, self._idle.values())) > _IDLE:
                oldest = next(iter(self._idle))
                stale += self._idle[oldest][:1]
                del self._idle[oldest][:1]
                if not self._idle[oldest]:
                    del self._idle[oldest]
        for one in stale:
            one.close()

    def forget(self, path: Path) -> None:
        """Closes a file that is about to be removed, or those of a folder; what is in use is closed after it."""
        self._close(lambda kept: kept.is_relative_to(path))

    def close(self) -> None:
        """Closes all that are not in use."""
        self._close(lambda _: True)

    def _close(self, chosen: Callable[[Path], bool]) -> None:
        with self._lock:
            gone = [self._idle.pop(key) for key in list(self._idle) if chosen(Path(key[0]))]
        for view in chain.from_iterable(gone):
            view.close()
