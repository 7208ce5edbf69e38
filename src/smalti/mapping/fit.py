"""A scene against a model's card: which bands, which values, which pixel size."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal, Protocol

import numpy as np

from smalti.card import Card
from smalti.errors import (
    GeoreferenceWarning,
    ModelError,
    OptionError,
    RasterError,
    ResolutionWarning,
    SmaltiWarning,
    ValueRangeWarning,
    Warn,
)
from smalti.raster.ground import axes_m, pixel_size_m
from smalti.raster.reader import Reader, closing_on_error
from smalti.raster.resample import can_resample
from smalti.raster.scaled import Scaled
from smalti.raster.stretch import Stretch, Stretched
from smalti.tiling import Window

Resolution = Annotated[float | Literal["auto", "native"], "`auto`, `native` or a pixel size in metres"]
"""Metres per pixel that the network sees; `auto`: the nearest size of the model's range where the scene's own is far
outside of it, or half of its own if that is larger; `native`: the scene's own."""
BandsFrom = Literal["option", "source"]
"""Where the user chooses bands: with `--bands`, or in the source of a recipe."""


class Open(Protocol):
    """Opens the scene with a choice of bands and resampled to metres per pixel."""

    def __call__(self, bands: Sequence[str | int] | None, *, resolution: float | None) -> Reader:
        """Raises RasterError where it cannot be read this way."""
        ...


CONVERT = "convert it first: gdal_translate -ot Byte -scale LOW HIGH 0 255 IN.tif OUT.tif"
"""What to do with pixels of another type than bytes for a model that takes bytes."""
STRETCH = "stretch it to bytes: --stretch LOW,HIGH in values or percentiles, such as --stretch 2%,98%"
"""The same where scenes can be stretched."""
_SHOWN = 8
"""How many bands an error lists."""
_RESAMPLE_BEYOND = 1.25
"""The factor by which a pixel size may be outside of the model's range, of a card that does not state one."""
_MOST_SMALLER = 2.0
"""How many times smaller pixels are made at most: more takes long, and gains little or loses."""
_COARSE, _MOST_COARSER = 3.0, 10.0
"""How many times coarser than the model's range pixels may be without a warning, and to be made smaller at all."""
_FAR = 8.0
"""Standard deviations from the mean beyond which half of a scene's pixels differ from the training data."""


def open_fitting(
    scene: str,
    opened: Open,
    card: Card,
    bands: Sequence[str | int] | None,
    resolution: Resolution,
    warn: Warn,
    *,
    stretch: Stretch | None = None,
    mend: str = CONVERT,
    whole: Open | None = None,
) -> Reader:
    """Opens a scene with the bands of a model; as a `Scaled` one if the model shall see another pixel size.

    `stretch` makes its pixels bytes, by the values of the raster that `whole` opens, its own without; `mend` is what an
    error suggests for pixels of another type than bytes. RasterError or ModelError where the scene does not match the
    model; `warn` is called with warnings.
    """
    doubts: list[SmaltiWarning] = []  # issued once the scene is known to match
    with opened(bands, resolution=None) as reader:
        chosen = choose_bands(scene, reader, card, "option") if bands is None else bands
        metres = _resample_to(scene, reader, card, resolution, doubts.append)
        size = None if metres is None else _pixel_m(reader)
    fitting = opened(chosen, resolution=None)
    with closing_on_error(fitting):
        if stretch is not None:
            fitting = Stretched(fitting, stretch, partial(whole or opened, chosen, resolution=None))
        _check(scene, fitting, card, doubts.append, mend)
        if metres is not None:
            fitting = _scaled(fitting, opened(chosen, resolution=metres), metres, _why(scene, size, metres, card))
    with closing_on_error(fitting):
        for doubt in doubts:
            warn(doubt)
    return fitting


def _scaled(scene: Reader, seen: Reader, metres: float, why: str) -> Reader:
    """The scene, to be seen as `seen`; itself if that has the same pixels."""
    if (seen.grid.height, seen.grid.width) == (scene.grid.height, scene.grid.width):
        seen.close()
        return scene
    return Scaled(scene, scene.like_this(seen) if isinstance(scene, Stretched) else seen, metres, why)


def _why(scene: str, size: float | None, metres: float, card: Card) -> str:
    """The line that states how a scene is resampled."""
    own = "" if size is None else f"from {size:.3g} m "
    reason = ""
    if card.resolution and card.resolution[0] <= metres <= card.resolution[1]:
        reason = f", as model {card.name} was trained for {_range(card.resolution)}"
    return f"{scene}: resampled {own}to {metres:.3g} m for the network{reason}"


def _range(resolution: tuple[float, float]) -> str:
    finest, coarsest = resolution
    return f"{finest:g} m" if finest == coarsest else f"{finest:g} to {coarsest:g} m"


def _check(scene: str, fitting: Reader, card: Card, warn: Warn, mend: str) -> None:
    check_number(scene, fitting, card)
    check_kind(scene, str(fitting.dtype), card, mend)
    if fitting.rpcs:
        text = (
            f"{scene}: it has no CRS, only rational polynomials (RPC); its map lies in the scene's own pixels, "
            "orthorectify it first for a map on the ground: gdalwarp -rpc -to RPC_DEM=DEM.tif IN.tif OUT.tif"
        )
        warn(GeoreferenceWarning(text))
    elif not fitting.grid.crs:
        warn(GeoreferenceWarning(f"{scene}: it has no CRS, so its map has none either"))
    _check_range(scene, fitting, card, warn)


def check_number(scene: str, fitting: Reader, card: Card) -> None:
    """RasterError for another number of bands than the model's."""
    if len(fitting.bands) != len(card.bands):
        raise RasterError(f"{scene}: {len(fitting.bands)} bands chosen, but {_wants(card)}")


def _wants(card: Card) -> str:
    return f"model {card.name} takes {len(card.bands)} of {card.dtype}: {', '.join(card.bands)}"


def choose_bands(scene: str, reader: Reader, card: Card, written: BandsFrom) -> Sequence[str | int]:
    """The model's bands by name if the file names them, else in the file's order if the number is right.

    RasterError in any other case; it says how to choose bands.
    """
    if set(card.bands) <= set(reader.bands):
        return card.bands
    numbers = range(1, len(card.bands) + 1)
    if len(reader.bands) == len(card.bands) and not reader.names_known:
        return list(numbers)
    more = ", ..." if len(reader.bands) > _SHOWN else ""
    has = f"it has {len(reader.bands)} of {reader.dtype}: {', '.join(reader.bands[:_SHOWN])}{more}"
    mend = "choose another model" if written == "option" else "change card.bands, or use other images"
    if len(reader.bands) == 1 and written == "option" and card.takes(str(reader.dtype)):
        mend += (
            f"; of one file per band make one: gdalbuildvrt -separate OUT.vrt {' '.join(map(str.upper, card.bands))}"
        )
    if len(reader.bands) >= len(card.bands):
        by, first = "--bands", ",".join(map(str, numbers))
        if written == "source":
            by, first = "`bands` of the source", f"bands = {list(numbers)}"
        mend = f"choose with {by} those that are {', '.join(card.bands)}, in this order: {first} if the first ones are"
    raise RasterError(f"{scene}: its bands do not fit: {has}; {_wants(card)}; {mend}")


def check_kind(scene: str, dtype: str, card: Card, mend: str = CONVERT) -> None:
    """ModelError for pixels of another dtype than the model's; it suggests `mend` for a model of bytes."""
    if not card.takes(dtype):
        also = f", or {mend}" if card.dtype == "uint8" else ""
        text = f"its pixels are {dtype}, model {card.name} takes {card.dtype}; choose a model for this type{also}"
        raise ModelError(f"{scene}: {text}")


def check_stretch(card: Card, stretch: Stretch | None) -> None:
    """OptionError for a stretch to bytes where the model takes other pixels."""
    if stretch is not None and not card.takes("uint8"):
        text = f"model {card.name} takes pixels of {card.dtype} as they are stored, not stretched to bytes"
        raise OptionError(f"{text}; omit --stretch", value=str(stretch))


def in_metres(resolution: Resolution) -> Resolution:
    """The requested pixel size; OptionError if it is invalid."""
    if isinstance(resolution, str):
        return resolution
    if not 0 < resolution < math.inf:
        text = f"resolution is {resolution!r}; expected `auto`, `native` or a pixel size in metres"
        raise OptionError(text, value=resolution)
    return float(resolution)


def native_pixels(resolution: tuple[float, float], beyond: float | None) -> tuple[float, float]:
    """The limits in metres between which pixels are shown to a network as they are, by its card."""
    finest, coarsest = resolution
    factor = beyond or _RESAMPLE_BEYOND
    return finest / factor, coarsest * factor


def _pixel_m(reader: Reader) -> float | None:
    """The pixel size in metres, by the georeference or a photo's metadata."""
    return pixel_size_m(reader.grid) or reader.photo_m


def _resample_to(scene: str, reader: Reader, card: Card, resolution: Resolution, warn: Warn) -> float | None:
    """The metres per pixel to resample to, or None."""
    if isinstance(resolution, float):
        return resolution
    exact = _pixel_m(reader)
    if exact is None or card.resolution is None:
        return None
    metres = _rounded(exact)
    finest, coarsest = card.resolution
    least, most = native_pixels(card.resolution, card.resample_beyond)
    if least <= metres <= most:
        return None
    nearest = finest if metres < finest else max(coarsest, _rounded(metres / _MOST_SMALLER))
    possible = can_resample(axes_m(reader.grid) or (metres, metres), nearest)
    can_help = possible and metres <= coarsest * _MOST_COARSER
    resampled = can_help and resolution == "auto"
    if not resampled or metres > coarsest * _COARSE:
        by = "" if pixel_size_m(reader.grid) else " (by its flight height and focal length)"
        far = resampled or not can_help
        mend = "expect errors, or choose a model for such pixels" if far else "omit --resolution native"
        was = f"model {card.name} was trained for {_range(card.resolution)}"
        warn(ResolutionWarning(f"{scene}: pixels of {metres:.3g} m{by}, {was}; {mend}"))
    return nearest if resampled else None


def _rounded(metres: float) -> float:
    """Three digits: a pixel of 0.6 m has 0.5998 or 0.6002 m on the ground, by its place in the zone of a projection."""
    return float(f"{metres:.3g}")


def _check_range(scene: str, reader: Reader, card: Card, warn: Warn) -> None:
    """Checks a window in the centre: values in another unit than the model's are far from its mean."""
    if card.dtype == "uint8":
        return
    height, width = min(256, reader.grid.height), min(256, reader.grid.width)
    window = Window((reader.grid.height - height) // 2, (reader.grid.width - width) // 2, height, width)
    pixels, valid = reader.read(window)
    values = pixels[:, valid].astype(np.float64)  # C,N
    if not values.size:
        return
    deviation = (values * card.scale - np.array(card.mean)[:, None]) / np.array(card.std)[:, None]
    if np.median(np.abs(deviation)) > _FAR:
        text = (
            f"{scene}: its values ({values.min():g} to {values.max():g}) are far from what model {card.name} was "
            f"trained on; it multiplies pixels by {card.scale:g}: check their unit"
        )
        warn(ValueRangeWarning(text))
