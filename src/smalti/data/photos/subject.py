"""Pastes a subject near the centre of a photo, in front of its background."""

import cv2
import numpy as np
from numpy.random import Generator

from smalti.arrays import Picture

RADII = (0.16, 0.34)  # size of the subject, as shares of the frame's sides
OFF = 0.08  # standard deviation of its centre from the frame's, as a share
EDGE = 0.012  # standard deviation of the blur of its outline, as a share of the frame's longer side
CORNERS = 12  # of the outline


def with_subject(
    original: Picture, centre: tuple[float, float], size: tuple[int, int], other: Picture | None, rng: Generator
) -> tuple[Picture, Picture]:
    """An original H,W,3 with a subject in the frame of `size` (rows, columns) around `centre`, and its mask H,W.

    The subject is a part of `other`, scaled to fit; without `other`, the original's own pixels are the subject.
    """
    mask = _outline(original.shape[:2], centre, size, rng)
    if other is None:
        return original, mask
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    height, width = mask[box].shape
    factor = max(height / other.shape[0], width / other.shape[1])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(other, None, fx=factor * 1.01, fy=factor * 1.01, interpolation=method)
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    share = mask[box][..., None].astype(np.float32) / 255
    pasted = original.copy()
    pasted[box] = (share * scaled[top : top + height, left : left + width] + (1 - share) * original[box]).round()
    return pasted, mask


def _outline(shape: tuple[int, ...], centre: tuple[float, float], size: tuple[int, int], rng: Generator) -> Picture:
    """255 inside a round, irregular outline with a soft edge."""
    mask = np.zeros(shape, np.uint8)
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    bumps = rng.uniform(0.8, 1.2, CORNERS)
    down, across = (rng.uniform(*RADII) * side for side in size)
    off = rng.normal(0, OFF, 2) * size
    points = np.stack((across * bumps * np.cos(angles), down * bumps * np.sin(angles)), 1)
    points += (centre[1] + off[1], centre[0] + off[0])
    cv2.fillPoly(mask, [points.round().astype(np.int32)], 255)
    return cv2.GaussianBlur(mask, (0, 0), max(0.5, EDGE * max(size))).astype(np.uint8, copy=False)
