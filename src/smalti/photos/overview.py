"""The whole photo at the input size of a network: aspect ratio kept, the rest filled with grey."""

import cv2
import numpy as np
from numpy.typing import NDArray

from smalti.photos.reduce import reduced

SIDE = 256
"""Side of the square in pixels."""
GREY = 128
"""Fills the square around the photo; mid-grey, so that the network's input is close to 0 there."""
SMOOTH = 0.9
"""Standard deviation in pixels of the blur before the last step, which takes every second pixel: with less, it would
matter which."""


def overview(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photo centred in a square, its longer side scaled to SIDE.

    The position of the content is not rounded to whole pixels, so that a row more or less moves nothing by half a
    pixel. The border of the grey is rounded, to an even number of rows: that edge is strong, and the usual aspect
    ratios lie far from where that number changes.

    Args:
        pixels: H,W,3 uint8 (RGB).

    Returns:
        3,SIDE,SIDE uint8.
    """
    photo = reduced(pixels, 2 * SIDE)
    larger = SIDE / max(photo.shape)
    if larger > 1:
        photo = cv2.resize(photo, None, fx=larger, fy=larger, interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    sides = np.array(pixels.shape[1::-1]) * SIDE / max(pixels.shape[:2])  # across and down, pixels of the square
    steps = np.array(photo.shape[1::-1]) / sides  # of the photo's pixels per pixel of the square
    if steps.max() > 1:
        photo = cv2.GaussianBlur(photo, (0, 0), SMOOTH * steps.max() / 2).astype(np.uint8, copy=False)
    # Between pixel centres: the middle of the square lies between two pixels, and so does that of an even side.
    starts = (np.array(photo.shape[1::-1]) - 1) / 2 - steps * (SIDE - 1) / 2
    places = np.array([[steps[0], 0, starts[0]], [0, steps[1], starts[1]]])
    how = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP  # equally sharp wherever pixels fall
    seen = cv2.warpAffine(photo, places, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REPLICATE)
    left, top = (SIDE - np.maximum(2, 2 * np.round(sides / 2)).astype(int)) // 2
    square = np.full((SIDE, SIDE, 3), GREY, np.uint8)
    inside = slice(top, SIDE - top), slice(left, SIDE - left)
    square[inside] = seen[inside]
    return np.ascontiguousarray(square.transpose(2, 0, 1))
