"""Sensors: pixel size, optics, air, colour and compression, and the photograph that they make."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from smalti.arrays import Floats
from smalti.synth.world.noise import Noise

PAD = 16
"""Pixels around a cell that the camera needs; a multiple of 16, the block size of its JPEG compression."""
KINDS = ("drone", "aerial", "satellite")
PIXELS = {
    "drone": (0.08, 0.1, 0.1, 0.125, 0.15, 0.2),
    "aerial": (0.2, 0.25, 0.3, 0.3, 0.4, 0.5),
    "satellite": (0.3, 0.3, 0.4, 0.5, 0.5, 0.6, 0.8, 1.0),
}
"""Sides of a pixel by kind of sensor, metres."""
Four = tuple[float, float, float, float]


@dataclass(frozen=True)
class Sensor:
    """One camera on one day; made by `sensor_for`."""

    kind: str
    pixel: float
    """Side of a pixel, metres."""
    lean: tuple[float, float]
    """Displacement of a point in the image per metre of height, along x and y: the tangent of the view off nadir."""
    blur: float
    """Standard deviation of the blur, pixels."""
    colour_blur: float
    """The same for colours alone, as in pan-sharpened images; 0: none."""
    sharpen: float
    """How strongly edges are overdrawn."""
    noise: float
    """Standard deviation of the noise, grey levels."""
    haze: Four
    """Grey levels that the air adds, per band."""
    gain: Four
    """White balance and exposure, per band."""
    black: float
    """Grey level that the contrast stretch makes black."""
    gamma: float
    chroma: float
    """Colourfulness; 1: as it is."""
    quality: int
    """JPEG quality."""


def sensor_for(rng: np.random.Generator, kind: str, haze: tuple[float, float]) -> Sensor:
    """A camera of a kind."""
    drone, satellite = kind == "drone", kind == "satellite"
    off = abs(rng.normal(0, 0.04 if drone else 0.17 if satellite else 0.09))
    off, way = min(float(off), 0.35), float(rng.uniform(0, 2 * math.pi))
    air = float(rng.uniform(*haze)) * (0.4 if drone else 1.0)
    cast = rng.normal(1, 0.035, 4)
    exposure = math.exp(min(max(rng.normal(-0.04, 0.15), -0.4), 0.18))
    return Sensor(
        kind=kind,
        pixel=float(rng.choice(PIXELS[kind])),
        lean=(off * math.cos(way), off * math.sin(way)),
        blur=float(rng.uniform(0.5, 1.0) if satellite else rng.uniform(0.35, 0.85)),
        colour_blur=float(rng.uniform(0.8, 2.2)) if satellite and rng.random() < 0.7 else 0.0,
        sharpen=float(rng.choice([0, 0, 0.4, 0.8, 1.3])),
        noise=float(rng.uniform(0.6, 3.5)),
        haze=(air * 0.75, air * 0.9, air * 1.15, air * 0.3),
        gain=tuple(float(g) for g in cast * exposure),  # type: ignore[arg-type]
        black=float(rng.choice([0, 0, rng.uniform(5, 34)])),
        gamma=float(rng.uniform(0.8, 1.3)),
        chroma=float(rng.uniform(0.5, 1.0)),
        quality=int(rng.integers(55, 97)),
    )


def photograph(planes: list[Floats], sensor: Sensor, noise: Noise) -> npt.NDArray[np.uint8]:
    """Planes (height, width) of grey levels with margin PAD to an image (bands, height - 2 PAD, width - 2 PAD)."""
    light = np.stack(planes[:3])
    grey = light.mean(0)
    light = grey + (light - grey) * np.float32(sensor.chroma)
    if sensor.colour_blur:
        light = grey + np.stack([_blurred(band - grey, sensor.colour_blur) for band in light])
    planes = [*light, *planes[3:]]
    shots = [_expose(plane, sensor, band, noise) for band, plane in enumerate(planes)]
    inner = np.s_[PAD:-PAD, PAD:-PAD]
    colour = _jpeg(np.stack(shots[2::-1], axis=-1), sensor.quality)[inner]
    image = [
        colour[..., 2],
        colour[..., 1],
        colour[..., 0],
        *(_jpeg(shot, sensor.quality)[inner] for shot in shots[3:]),
    ]
    return np.stack(image)


def _blurred(plane: Floats, sigma: float) -> Floats:
    side = 2 * int(2.5 * sigma) + 3
    out: Any = cv2.GaussianBlur(plane, (side, side), sigma)
    return out  # type: ignore[no-any-return]


def _expose(plane: Floats, sensor: Sensor, band: int, noise: Noise) -> npt.NDArray[np.uint8]:
    """Blur, sharpening, haze, exposure, contrast stretch, tone curve and noise of one band."""
    light = _blurred(plane, sensor.blur)
    if sensor.sharpen:
        light += (light - _blurred(light, 1.2)) * np.float32(sensor.sharpen)
    air = sensor.haze[band]
    light = (light * np.float32(1 - air / 255) + np.float32(air)) * np.float32(sensor.gain[band])
    light = (light - np.float32(sensor.black)) / np.float32(255 - 2.2 * sensor.black)
    tone: Any = cv2.pow(np.clip(light, 0, 1), sensor.gamma)
    tone = tone * np.float32(255) + noise.white(7 * band + 1) * np.float32(sensor.noise)
    shot: npt.NDArray[np.uint8] = np.rint(np.clip(tone, 0, 255)).astype(np.uint8)
    return shot


def _jpeg(pixels: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    _, code = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    out: Any = cv2.imdecode(code, cv2.IMREAD_UNCHANGED)
    return out.reshape(pixels.shape)  # type: ignore[no-any-return]
