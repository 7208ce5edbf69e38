"""The camera: blur, haze, sensor noise, white balance, and JPEG compression."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.canvas import PAD
from smalti.synth.style import Style
from smalti.synth.textures import textures


def photograph(planes: list[Floats], style: Style, row: int, col: int) -> npt.NDArray[np.uint8]:
    """Planes (height, width) of grey levels with margin PAD to an image (bands, height - 2 PAD, width - 2 PAD).

    `row`, `col`: world pixel of the planes' corner, which fixes the noise.
    """
    shots = [_expose(plane, style, band, row, col) for band, plane in enumerate(planes)]
    inner = np.s_[PAD:-PAD, PAD:-PAD]
    colour = np.stack(shots[2::-1], axis=-1)  # height, width, blue-green-red
    colour = _jpeg(colour, style.quality)[inner]
    image = [colour[..., 2], colour[..., 1], colour[..., 0], *(_jpeg(shot, style.quality)[inner] for shot in shots[3:])]
    return np.stack(image)


def _expose(plane: Floats, style: Style, band: int, row: int, col: int) -> npt.NDArray[np.uint8]:
    """Blur, haze, exposure, tone curve and noise of one band."""
    light: Any = cv2.GaussianBlur(plane, (5, 5), style.blur)
    air = style.haze[band]
    light *= np.float32(style.gain[band] * (1 - air / 255) / 255)
    light += np.float32(style.gain[band] * air / 255)
    np.clip(light, 0, 1, out=light)
    tone: Any = cv2.pow(light, style.gamma)
    tone *= np.float32(255)
    tone += textures().cut("sensor", row + band * 211, col + band * 97, *plane.shape) * np.float32(style.noise)
    np.clip(tone, 0, 255, out=tone)
    return np.rint(tone).astype(np.uint8)  # type: ignore[no-any-return]


def _jpeg(pixels: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    _, code = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    out: Any = cv2.imdecode(code, cv2.IMREAD_UNCHANGED)
    return out.reshape(pixels.shape)  # type: ignore[no-any-return]
