"""A scene's pixels as bytes for the eye: a choice of bands, and a range of values that the model never sees."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smalti.app.folders import Folders
from smalti.app.problems import ProblemError
from smalti.app.scenes.table import Known
from smalti.app.viewing.tiles import RGBA, Tile
from smalti.app.viewing.view import OpenView, View, Views
from smalti.raster.stretch import Stretch, parse_stretch
from smalti.tiling import Window

USUAL = "2%,98%"
"""The range of pixels that are no bytes."""
_SAMPLE = 512
_KEPT = 512
_RGB = ("red", "green", "blue")


@dataclass(frozen=True, slots=True)
class Look:
    """How a scene is looked at."""

    bands: tuple[int, ...]
    """Three bands, or one, from 0."""
    stretch: Stretch | None


def look_of(known: Known, bands: str | None, stretch: str | None) -> Look:
    """The look that a request asks for; ProblemError for bands that the scene lacks, OptionError for no range."""
    names = known.shown.bands
    chosen = _usual(names) if bands is None else tuple(_band(name, names) for name in bands.split(","))
    if len(chosen) not in (1, 3):
        raise ProblemError(422, f"{len(chosen)} bands are chosen; expected 1 or 3, such as bands=1,2,3")
    text = stretch or (None if known.shown.dtype == "uint8" else USUAL)
    return Look(chosen, parse_stretch(text) if text else None)


def _usual(names: Sequence[str]) -> tuple[int, ...]:
    if set(_RGB) <= set(names):
        return tuple(list(names).index(name) for name in _RGB)
    return (0, 1, 2) if len(names) >= 3 else (0,)


def _band(name: str, names: Sequence[str]) -> int:
    if name in names:
        return list(names).index(name)
    if name.isascii() and name.isdecimal() and len(name) < 6 and 1 <= int(name) <= len(names):
        return int(name) - 1
    raise ProblemError(422, f"there is no band {name[:40]!r}; the scene has {len(names)}: {', '.join(names[:8])}")


class Eye:
    """Paints tiles of scenes."""

    def __init__(self, folders: Folders, views: Views) -> None:
        self._folders, self._views = folders, views
        self._ranges: OrderedDict[tuple[str, Look], NDArray[np.float64]] = OrderedDict()
        self._lock = threading.Lock()

    def tile(self, known: Known, tile: Tile, look: Look) -> tuple[RGBA, bool]:
        """A tile of a scene, and whether it is exact; RasterError where the file is damaged."""
        over = self._folders.overviews(known.id)
        file = known.file()
        path = over if known.overviews == "ready" and over.exists() else file
        with self._views.open(path, file) as view:
            seen = view.look(tile.window, (tile.height, tile.width), look.bands)
            limits = self._range(view, known, look)
        return _painted(seen, limits), seen.exact

    def _range(self, view: OpenView, known: Known, look: Look) -> NDArray[np.float64] | None:
        """The values (bands, 2) that become 0 and 255; the same for all tiles."""
        if look.stretch is None:
            return None
        with self._lock:
            if (kept := self._ranges.get((known.id, look))) is not None:
                return kept
        found = _measured(view, look.bands, look.stretch)
        with self._lock:
            self._ranges[known.id, look] = found
            while len(self._ranges) > _KEPT:
                self._ranges.popitem(last=False)
        return found


def _measured(view: OpenView, bands: tuple[int, ...], stretch: Stretch) -> NDArray[np.float64]:
    limits = np.array([[stretch.low.number, stretch.high.number]] * len(bands), float)
    if stretch.measures:
        whole = Window(0, 0, view.height, view.width)
        shape = min(_SAMPLE, view.height), min(_SAMPLE, view.width)
        seen = view.look(whole, shape, bands)
        for band, pixels in enumerate(seen.pixels):
            values = pixels[seen.valid]
            for end, limit in enumerate((stretch.low, stretch.high)):
                if limit.percent:
                    limits[band, end] = np.percentile(values, limit.number) if values.size else end
    return limits


def _painted(seen: View, limits: NDArray[np.float64] | None) -> RGBA:
    pixels = seen.pixels
    if limits is not None:
        low, span = limits[:, 0, None, None], np.maximum(limits[:, 1] - limits[:, 0], 1e-12)[:, None, None]
        pixels = np.nan_to_num((pixels.astype(np.float64) - low) / span).clip(0, 1) * 255 + 0.5
    out = np.empty((*seen.valid.shape, 4), np.uint8)
    out[..., :3] = np.moveaxis(np.broadcast_to(pixels, (3, *seen.valid.shape)), 0, -1)
    out[..., 3] = seen.valid * np.uint8(255)
    return out
