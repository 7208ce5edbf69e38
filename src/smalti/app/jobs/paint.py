"""Tiles of a job's layers: classes in their colours, values on a ramp, hillshade."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.app.jobs.layers import Growing, Layer, find_layer
from smalti.app.jobs.ramps import colors_of, range_of
from smalti.app.problems import ProblemError
from smalti.app.viewing.tiles import RGBA, Tile, part_of
from smalti.app.viewing.view import Views
from smalti.products import NO_PROBABILITY, PROBABILITY_STEPS
from smalti.raster.ground import axes_m
from smalti.raster.palette import colorize
from smalti.raster.values import METRES
from smalti.report.relief import hillshade, paint
from smalti.tiling import Window

HILLSHADE = "hillshade"


def surface(layers: list[Layer]) -> Layer | None:
    """The layer that hillshade is made of: the first of values in a unit of length."""
    return next((a for a in layers if a.product.form == "values" and a.product.task.unit in METRES), None)


def paint_tile(job: Growing, name: str, tile: Tile, area: Window, *, views: Views, hide: Collection[int] = ()) -> RGBA:
    """A tile of a layer over its scene; transparent where nothing is finished, and for hidden classes.

    `area` is where the map lies in the scene. ProblemError for an unknown layer.
    """
    shaded = name == HILLSHADE and surface(job.layers)
    layer = shaded or find_layer(job.layers, name)
    out = np.zeros((tile.height, tile.width, 4), np.uint8)
    part = part_of(tile, area)
    if part is not None:
        window, place, shape = part
        pixels = job.look(layer, window, shape, views)
        out[place] = _shaded(pixels, job, layer, tile.step) if shaded else _colored(pixels, job, layer, hide)
    return out


def _colored(pixels: NDArray[Any], job: Growing, layer: Layer, hide: Collection[int]) -> RGBA:
    form, task = layer.product.form, layer.product.task
    if form == "classes":
        valid = (pixels != task.ignore) & ~np.isin(pixels, list(hide))
        return _rgba(colorize(pixels, task), valid)
    if form == "values":
        low, high = range_of(layer, job.ranges)
        return _rgba(paint(pixels, low, high), np.isfinite(pixels))
    valid = pixels != NO_PROBABILITY
    return _rgba(paint((pixels / PROBABILITY_STEPS).astype(np.float32), 0.0, 1.0, colors_of(layer)), valid)


def _shaded(values: NDArray[Any], job: Growing, layer: Layer, step: int) -> RGBA:
    size = axes_m(job.grid)
    metres = sum(size) / 2 if size else 1.0
    light = hillshade(values, step * metres / METRES.get(layer.product.task.unit, 1.0))
    gray = (light * 255 + 0.5).astype(np.uint8)
    return _rgba(np.repeat(gray[..., None], 3, axis=-1), np.isfinite(values))


def _rgba(colors: NDArray[np.uint8], valid: NDArray[np.bool_]) -> RGBA:
    return np.dstack((colors, valid * np.uint8(255)))


def hidden(text: str | None) -> frozenset[int]:
    """The classes of `hide=0,3`; ProblemError for anything else."""
    numbers = text.split(",") if text else []
    if not all(number.isascii() and number.isdecimal() and len(number) < 4 for number in numbers):
        raise ProblemError(422, f"hide is {(text or '')[:40]!r}; expected class numbers, such as hide=0,3")
    return frozenset(map(int, numbers))
