"""Small pictures of large rasters, read strip by strip, and their data URIs."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smalti.arrays import ClassMap, Floats, Mask, Picture
from smalti.card import Task
from smalti.label_sets import is_right, set_ids
from smalti.polygons.areas import pixel_areas
from smalti.raster.palette import NO_DATA as NO_DATA_COLOR
from smalti.raster.reader import Reader
from smalti.raster.statistics import Statistics
from smalti.tiling import STRIP, Window, strips

PAPER = 255
"""Grey level of invalid pixels in a picture."""
NO_DATA = 255
WRONG = (214, 34, 74)
"""Wrong pixels in a picture of errors."""


def stepped_strips(height: int, width: int, step: int) -> Iterator[Window]:
    """Windows over all columns; their heights are multiples of `step`, except the last."""
    return strips(height, width, max(1, STRIP // step) * step)


def step_for(height: int, width: int, limit: int) -> int:
    """The factor by which to shrink a raster so that neither side is above `limit` pixels."""
    return max(1, -(-max(height, width) // limit))


def shrunk_image(reader: Reader, limit: int) -> Picture:
    """An image of any type and size shrunk by averaging to at most `limit` pixels a side, H,W,3 uint8."""
    height, width = reader.grid.height, reader.grid.width
    step = step_for(height, width, limit)
    parts, masks = [], []
    for window in stepped_strips(height, width, step):
        pixels, valid = reader.read(window)
        parts.append(_average(visible(pixels), step))  # h,w,3
        masks.append(_average(valid[..., None], step))  # h,w,1
    mask = np.concatenate(masks)
    mean = np.concatenate(parts)
    mean /= np.maximum(mask, 1e-6)  # invalid pixels are zero, so they are divided out
    return to_bytes(mean, mask[..., 0] > 0.5, gives_bytes(reader))


def gives_bytes(reader: Reader) -> bool:
    """Whether a reader returns pixels of 8 bits, which are shown unscaled."""
    return bool(reader.read(Window(0, 0, 1, 1))[0].dtype == np.uint8)


def visible(pixels: NDArray[Any]) -> Floats:
    """The first three bands, or the first one repeated, of (C, H, W) as (H, W, 3) float32."""
    three = pixels[:3] if len(pixels) >= 3 else pixels[[0, 0, 0]]
    return np.ascontiguousarray(np.moveaxis(three, 0, -1), np.float32)


def to_bytes(values: Floats, valid: NDArray[np.bool_], reads_bytes: bool) -> Picture:
    """Values as a picture: bytes unscaled, others stretched between their 2nd and 98th percentile per band.

    Args:
        values: (H, W, 3) float32.
        valid: (H, W).
        reads_bytes: whether the values are bytes.
    """
    if not reads_bytes and valid.any():
        low, high = np.percentile(values[valid], (2, 98), axis=0)
        values = ((values - low) * (255 / np.maximum(high - low, 1e-6))).astype(np.float32)
    picture: Picture = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    picture[~valid] = PAPER
    return picture


def _average(values: NDArray[Any], step: int) -> Floats:
    """Means over squares of `step` pixels of (H, W, C); one that the border cuts is the mean of what there is of it."""
    height, width = (np.minimum(step, side - np.arange(0, side, step)) for side in values.shape[:2])
    rows = _summed(values, step)  # h,W,C
    pixels = np.outer(height, width)[..., None].astype(np.float32)  # h,w,1
    return _summed(rows.swapaxes(0, 1), step).swapaxes(0, 1) / pixels


def _summed(values: NDArray[Any], step: int) -> Floats:
    """Sums over `step` rows, the last ones perhaps over fewer: adding whole rows is the fast way through memory."""
    total = values[::step].astype(np.float32)
    for k in range(1, min(step, len(values))):
        part = values[k::step]
        total[: len(part)] += part
    return total


def middles(window: Window, step: int) -> tuple[NDArray[np.intp], ...]:
    """Where the middle pixels of a window's squares of `step` pixels are; the last ones of those that end before."""
    rows, cols = (np.minimum(np.arange(0, side, step) + step // 2, side - 1) for side in (window.height, window.width))
    return np.ix_(rows, cols)


@dataclass(frozen=True)
class SmallMap:
    """A class map shrunk to a picture's size, and exact counts at full size."""

    classes: ClassMap
    counts: NDArray[np.int64]
    """Pixels of each of 256 ids; NO_DATA counts those without data."""
    areas: NDArray[np.float64] | None
    """Square metres of each id; None if unknown."""


def shrunk_map(reader: Reader, limit: int) -> SmallMap:
    """The first band of a class map shrunk to at most `limit` pixels a side; takes the middle pixel of each square."""
    height, width = reader.grid.height, reader.grid.width
    step = step_for(height, width, limit)
    counts, parts = np.zeros(256, np.int64), []
    ground, areas = pixel_areas(reader.grid), np.zeros(256)
    for window in stepped_strips(height, width, step):
        pixels, valid = reader.read(window)
        classes = np.where(valid, pixels[0], NO_DATA).astype(np.uint8)
        counts += np.bincount(classes.reshape(-1), minlength=256)
        if ground is not None:
            areas += np.bincount(classes.reshape(-1), ground.of_window(window).reshape(-1), minlength=256)
        parts.append(classes[middles(window, step)])
    return SmallMap(np.concatenate(parts), counts, None if ground is None else areas)


@dataclass(frozen=True)
class SmallValues:
    """A raster of values shrunk to a picture's size, and statistics at full size."""

    values: Floats
    """Means (H, W) of the known values; NaN where there are none."""
    step: int
    """Side of a picture pixel, in pixels of the raster."""
    whole: Statistics


def shrunk_values(reader: Reader, limit: int) -> SmallValues:
    """The first band of a raster of values shrunk by averaging to at most `limit` pixels a side."""
    height, width = reader.grid.height, reader.grid.width
    step = step_for(height, width, limit)
    whole, parts = Statistics(), []
    for window in stepped_strips(height, width, step):
        pixels, valid = reader.read(window)
        known = valid & np.isfinite(pixels[0])
        whole.add(np.where(known, pixels[0], np.nan))
        share = _average(known[..., None], step)[..., 0]
        mean = _average(np.where(known, pixels[0], 0)[..., None], step)[..., 0] / np.maximum(share, 1e-6)
        parts.append(np.where(share > 0, mean, np.nan).astype(np.float32))
    return SmallValues(np.concatenate(parts), step, whole)


def fit(picture: Picture, like: Picture) -> Picture:
    """Resizes a picture to the size of `like`, by nearest neighbour."""
    if picture.shape == like.shape:
        return picture
    return resized(picture, (like.shape[1], like.shape[0]), Image.Resampling.NEAREST)


def resized(picture: Picture, size: tuple[int, int], how: Image.Resampling) -> Picture:
    """A picture of another size (width, height)."""
    return np.asarray(Image.fromarray(picture).resize(size, how), np.uint8)


def blend(picture: Picture, classes: Picture) -> Picture:
    """A map blended half and half with its scene."""
    return np.asarray(Image.blend(Image.fromarray(picture), Image.fromarray(classes), 0.5), np.uint8)


def error_picture(picture: Picture, truth: ClassMap, prediction: ClassMap, task: Task) -> Picture:
    """The image in pale grey, pixels of a class that the label does not allow in red, ignored ones as no data."""
    shown = _pale(picture)
    counted = (truth != task.ignore) & (prediction != task.ignore)
    shown[counted & ~is_right(truth, prediction, set_ids(task))] = WRONG
    shown[~counted] = NO_DATA_COLOR
    return np.asarray(shown, np.uint8)


def marked(picture: Picture, parts: Mask) -> Picture:
    """The picture (H, W, 3) with some of its parts (H, W) tinted, the rest in pale grey."""
    shown = _pale(picture)
    shown[parts] = np.rint(picture[parts] * 0.6 + np.array(WRONG) * 0.4).astype(np.uint8)
    return shown


def _pale(picture: Picture) -> Picture:
    grey = np.asarray(Image.fromarray(picture).convert("L"), np.uint8)
    return np.repeat(grey[..., None] // 2 + 110, 3, axis=2)


def data_uri(picture: Picture, drawn: bool = False) -> str:
    """A picture as a data URI: WebP for photographs, PNG for `drawn` ones, which have at most 256 colours."""
    stream = io.BytesIO()
    if drawn:
        _with_palette(picture).save(stream, "PNG")
    else:
        Image.fromarray(picture).save(stream, "WEBP", quality=82, method=2)
    kind = "png" if drawn else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"


def _with_palette(picture: Picture) -> Image.Image:
    """The same picture as indices into its colours: a tenth of the bytes."""
    packed = np.dot(picture.astype(np.uint32), np.array([1 << 16, 1 << 8, 1], np.uint32))  # H,W
    colors, index = np.unique(packed, return_inverse=True)
    image = Image.fromarray(index.reshape(packed.shape).astype(np.uint8), "L")
    image.putpalette([int(color) >> shift & 255 for color in colors for shift in (16, 8, 0)])
    return image
