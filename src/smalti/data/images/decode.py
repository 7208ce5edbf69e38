"""Crops image files to square images with OpenCV; large JPEGs are decoded at a half, a quarter or an eighth of it.

A JPEG's transform gives these sizes at a lower cost; one is used if the box still has at least the requested number of
pixels. Images are rotated upright by their EXIF orientation.
"""

from collections.abc import Callable

import cv2
import numpy as np

from smalti.arrays import Picture
from smalti.data.images.augment import Box
from smalti.errors import DataError, reason
from smalti.photos.formats import jpeg
from smalti.raster.upright import TURNS

Choose = Callable[[int, int], Box]
"""Maps the height and width of an upright image to the box to crop."""

FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
"""Factors by which a JPEG can be reduced while it is decoded."""


def read_file(path: str) -> bytes:
    """A file's bytes; DataError if it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - creating a Path for each of millions of files is slow
            return file.read()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None


def upright_size(content: bytes) -> tuple[int, int] | None:
    """Height and width of an upright JPEG, from its headers; None for anything else."""
    found = jpeg.look(content) if content.startswith(jpeg.START) else None
    if found is None:
        return None
    return TURNS[found.exif.orientation or 1].shape(found.height, found.width)


def cut(path: str, choose: Choose, size: int) -> Picture:
    """The box of a file's image that `choose` returns, as size,size,3 RGB; DataError if it cannot be decoded."""
    content = read_file(path)
    known = upright_size(content)
    view = choose(*known) if known else None
    image = _decode(path, content, FLAGS[reduction(view, size)] if view else cv2.IMREAD_COLOR)
    if view is None or known is None:
        known = image.shape[0], image.shape[1]
        view = choose(*known)
    return take(image, view, image.shape[0] / known[0], image.shape[1] / known[1], size)


def whole(path: str) -> Picture:
    """A file's image, upright, H,W,3 BGR; DataError if it cannot be decoded."""
    return _decode(path, read_file(path), cv2.IMREAD_COLOR)


def reduction(view: Box, size: int) -> int:
    """The largest factor by which an image may be reduced so that the box still has `size` pixels along each side."""
    return next(factor for factor in (8, 4, 2, 1) if factor == 1 or min(view.height, view.width) >= factor * size)


def take(image: Picture, view: Box, down: float, across: float, size: int) -> Picture:
    """A box of a BGR image, as size,size,3 RGB; `down` and `across` are pixels of this image per pixel of the box."""
    top, left = round(view.top * down), round(view.left * across)
    bottom = max(top + 1, round((view.top + view.height) * down))
    right = max(left + 1, round((view.left + view.width) * across))
    box = image[min(top, image.shape[0] - 1) : bottom, min(left, image.shape[1] - 1) : right]
    # down to a half, bilinear interpolation skips no pixel and takes a sixth of the time
    method = cv2.INTER_AREA if max(box.shape) > 2 * size else cv2.INTER_LINEAR
    square = cv2.resize(box, (size, size), interpolation=method)
    if view.mirror:
        square = cv2.flip(square, 1)
    return np.asarray(cv2.cvtColor(square, cv2.COLOR_BGR2RGB), np.uint8)


def _decode(path: str, content: bytes, flags: int) -> Picture:
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise DataError(f"{path}: cannot be decoded as an image; repair it or remove it from the dataset")
    return np.asarray(image, np.uint8)
