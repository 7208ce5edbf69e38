"""Images given as arrays: numpy, or xarray with its georeference."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arguments import fits
from smalti.arrays import Mask, Pixels
from smalti.card import Card
from smalti.errors import ArrayError
from smalti.raster.array import ArrayReader
from smalti.workflows.given import Axes, Given, check_dtype, check_grid, check_mask


def is_xarray(image: object) -> bool:
    """Whether an image is an `xarray.DataArray`, without importing xarray."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(image, xarray.DataArray)


def array_reader(given: Given, card: Card) -> ArrayReader:
    """An array as a raster of the model's bands.

    Raises ArrayError for objects that are not an image array, for ambiguous axes, and for dtypes that the model does
    not take.
    """
    if is_xarray(given.pixels):
        from smalti.workflows.xarrays import from_xarray

        return from_xarray(given, card)
    if not isinstance(given.pixels, np.ndarray):
        kind = type(given.pixels).__name__
        raise ArrayError(f"got {kind}; expected a path, a numpy array or an xarray.DataArray", value=kind)
    check_dtype(given.pixels, card)
    pixels = _bands_first(given, card)
    check_mask(given.valid, pixels)
    check_grid(given.grid, pixels)
    return ArrayReader(np.ma.getdata(pixels), valid=_valid(given.valid, pixels), grid=given.grid)


def _valid(valid: Mask | None, pixels: Pixels) -> Mask | None:
    """The mask of valid pixels (H, W): `valid`, without pixels that are masked in any band of a masked array."""
    if not np.ma.isMaskedArray(pixels):
        return valid
    open_in_all = np.logical_not(np.ma.getmaskarray(pixels).any(axis=0))
    return open_in_all if valid is None else open_in_all & valid


def _bands_first(given: Given, card: Card) -> NDArray[Any]:
    """The pixels as (C, H, W)."""
    pixels: NDArray[Any] = given.pixels
    n = len(card.bands)
    if not fits(given.axes, Axes | None):
        raise ArrayError(f"axes is {given.axes!r}; expected 'HWC' or 'CHW'", value=given.axes)
    if pixels.ndim == 2 and n == 1:
        pixels = pixels[None]
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise ArrayError(f"the array has shape {pixels.shape}; {_expected(card)}", value=pixels.shape)
    axes = given.axes or _axes(pixels, card, asked=given.bands is not None)
    ordered = pixels if axes == "CHW" else np.moveaxis(pixels, 2, 0)
    if given.bands is None and len(ordered) != n:
        raise ArrayError(f"the array has shape {pixels.shape} as {axes}; {_expected(card)}", value=pixels.shape)
    return ordered


def _axes(pixels: NDArray[Any], card: Card, *, asked: bool) -> Axes:
    """The axis of the bands, from their number; ArrayError if it is ambiguous."""
    n = len(card.bands)
    fitting: list[Axes] = [axes for axes, number in _counts(pixels).items() if number == n]
    if len(fitting) == 1:
        return fitting[0]
    if fitting or asked:
        text = f"the array of shape {pixels.shape} may be H,W,C or C,H,W; give axes='HWC' or axes='CHW'"
        raise ArrayError(text, value=pixels.shape)
    text = f"the array has shape {pixels.shape}; {_expected(card)}; choose bands by `bands`, or give the axes by `axes`"
    raise ArrayError(text, value=pixels.shape)


def _counts(pixels: NDArray[Any]) -> dict[Axes, int]:
    return {"CHW": pixels.shape[0], "HWC": pixels.shape[2]}


def _expected(card: Card) -> str:
    n = len(card.bands)
    return f"model {card.name} takes H,W,{n} or {n},H,W ({', '.join(card.bands)})"
