"""Degradations of photos by known amounts, at full resolution, H,W,3 uint8.

Lengths in pixels refer to a photo whose longer side has 1500 pixels, and scale with it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from smalti.arrays import Picture

REFERENCE = 1500
GAMMA = 2.2


@dataclass(frozen=True, slots=True)
class Damage:
    """The degradations of a photo, applied after it is framed; the defaults change nothing."""

    defocus: float = 0.0
    """Radius of the blur disc, in pixels."""
    misfocus: float = 0.0
    """The same for the subject only."""
    depth: float = 0.0
    """The same for everything except the subject."""
    motion: float = 0.0
    """Length of the motion blur, in pixels."""
    exposure: float = 0.0
    """Change of exposure in stops; values above white are clipped."""
    noise: float = 0.0
    """Standard deviation in grey levels of the luminance noise, and of the coarser colour noise."""
    quality: int = 100
    """JPEG quality; at 100 or above it is not compressed."""


def worsened(photo: Picture, damage: Damage, rng: Generator, subject: Picture | None = None) -> Picture:
    """Degrades a photo, in the order of a camera: optics, exposure, sensor noise, compression.

    `subject` H,W is 255 at the subject; without it, misfocus and depth are ignored.
    """
    scale = max(photo.shape[:2]) / REFERENCE
    if subject is not None:
        near, far = defocused(photo, damage.misfocus * scale), defocused(photo, damage.depth * scale)
        photo = cv2.blendLinear(near, far, *_shares(subject)).astype(np.uint8, copy=False)
    photo = defocused(photo, damage.defocus * scale)
    photo = moved(photo, damage.motion * scale, float(rng.uniform(0, np.pi)))
    photo = exposed(photo, damage.exposure)
    photo = noisy(photo, damage.noise, rng)
    return compressed(photo, damage.quality)


def _shares(subject: Picture) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    near = (subject / 255).astype(np.float32)
    return near, (1 - near).astype(np.float32)


def defocused(photo: Picture, radius: float) -> Picture:
    """Blurs with a disc, whose edge is anti-aliased."""
    if radius < 0.3:
        return photo
    reach = int(np.ceil(radius + 0.5))
    down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius + 0.5 - np.hypot(down, across), 0, 1)
    return _filtered(photo, disc)


def moved(photo: Picture, length: float, angle: float) -> Picture:
    """Blurs with a line of that length; `angle` is in radians."""
    if length < 1:
        return photo
    reach = int(np.ceil(length / 2))
    line = np.zeros((2 * reach + 1, 2 * reach + 1))
    for at in np.linspace(-length / 2, length / 2, int(8 * length) + 1):
        row, col = reach + at * np.sin(angle), reach + at * np.cos(angle)
        top, left = min(int(row), 2 * reach - 1), min(int(col), 2 * reach - 1)
        down, right = row - top, col - left
        line[top : top + 2, left : left + 2] += np.outer((1 - down, down), (1 - right, right))
    return _filtered(photo, line)


def exposed(photo: Picture, stops: float) -> Picture:
    """Multiplies the linear light by 2**stops."""
    if stops == 0:
        return photo
    light = (np.arange(256) / 255) ** GAMMA * 2.0**stops
    table = np.round(255 * light.clip(0, 1) ** (1 / GAMMA)).astype(np.uint8)
    return cv2.LUT(photo, table).astype(np.uint8, copy=False)


def noisy(photo: Picture, deviation: float, rng: Generator) -> Picture:
    """Adds luminance noise to each pixel, and colour noise at half the resolution."""
    if deviation == 0:
        return photo
    height, width = photo.shape[:2]
    grain = (rng.standard_normal((height, width), np.float32) * deviation).astype(np.int16)
    blotches = (rng.standard_normal((height // 2 + 1, width // 2 + 1, 3), np.float32) * deviation).astype(np.int16)
    colour = cv2.resize(blotches, (width, height), interpolation=cv2.INTER_LINEAR)
    total = cv2.add(cv2.merge([grain] * 3), colour)
    return cv2.add(photo, total, dtype=cv2.CV_8U).astype(np.uint8, copy=False)


def compressed(photo: Picture, quality: int) -> Picture:
    """Compresses and decompresses a photo as JPEG."""
    if quality >= 100:
        return photo
    done, file = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    again = cv2.imdecode(file, cv2.IMREAD_COLOR)
    assert again is not None
    return again.astype(np.uint8, copy=False)


def _filtered(photo: Picture, kernel: NDArray[np.float64]) -> Picture:
    kernel32 = (kernel / kernel.sum()).astype(np.float32)
    return cv2.filter2D(photo, -1, kernel32, borderType=cv2.BORDER_REFLECT_101).astype(np.uint8, copy=False)


@dataclass(frozen=True, slots=True)
class Framing:
    """The part of an original that a photo shows: shifts as shares of the frame, rotation, zoom."""

    across: float = 0.0
    down: float = 0.0
    degrees: float = 0.0
    zoom: float = 1.0


def framed(original: Picture, centre: tuple[float, float], size: tuple[int, int], view: Framing) -> Picture:
    """The view of an original from a frame of `size` (height, width) around `centre` (row, column), mirror-padded."""
    height, width = size
    row, col = centre[0] + view.down * height, centre[1] + view.across * width
    turn = cv2.getRotationMatrix2D((col, row), view.degrees, view.zoom)
    turn[:, 2] += np.array([width / 2 - col, height / 2 - row])
    seen = cv2.warpAffine(original, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return seen.astype(np.uint8, copy=False)
