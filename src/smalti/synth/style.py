"""The style shared by all drawings of one seed: sun, country, colours and camera."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from smalti.arrays import Floats
from smalti.synth import materials
from smalti.synth.materials import Material
from smalti.synth.seeds import rng_for

TREE_KINDS = 12
CAR_KINDS = 12

ROOFS_GREEN = np.array(
    [
        (168, 84, 62), (150, 74, 58), (182, 104, 78), (132, 72, 60), (120, 84, 72), (98, 94, 94), (82, 82, 86),
        (112, 104, 98), (146, 132, 116), (162, 150, 136), (176, 92, 66), (140, 96, 80),
    ],
    np.float32,
)  # fmt: skip
ROOFS_ARID = np.array(
    [
        (206, 192, 170), (190, 174, 152), (176, 116, 88), (168, 104, 80), (214, 204, 188), (186, 132, 104),
        (158, 146, 130), (198, 184, 160), (150, 98, 80), (142, 134, 124), (220, 212, 198), (172, 150, 128),
    ],
    np.float32,
)  # fmt: skip
ROOFS_FLAT = np.array(
    [
        (196, 194, 190), (176, 174, 170), (148, 146, 142), (116, 116, 116), (214, 212, 206), (160, 152, 142),
        (94, 94, 98), (186, 178, 164), (128, 132, 134), (206, 198, 184), (140, 126, 112), (226, 226, 224),
    ],
    np.float32,
)  # fmt: skip
CARS = np.array(
    [
        (232, 232, 230), (214, 214, 214), (168, 170, 172), (112, 114, 118), (52, 54, 58), (34, 34, 36), (140, 34, 32),
        (48, 66, 112), (226, 224, 218), (190, 184, 170), (70, 74, 70), (38, 42, 48),
    ],
    np.float32,
)  # fmt: skip
WATERS = np.array([(46, 62, 66), (24, 28, 28), (58, 64, 46), (40, 74, 80), (34, 50, 70), (70, 72, 60)], np.float32)


@dataclass(frozen=True)
class Style:
    """One world's light, colours and camera; made by `style_of`."""

    aridity: float
    """0: green temperate country, 1: desert."""
    sun: tuple[float, float]
    """Unit vector (x, y) on the ground towards the sun; y points down the image."""
    slope: float
    """Tangent of the sun's height above the horizon."""
    shade: tuple[float, float, float, float]
    """Remaining share of the light in a shadow, per band."""
    trees: Floats
    """Crown colours, (TREE_KINDS, 4)."""
    cars: Floats
    """Colours of cars, (CAR_KINDS, 4); the last is window glass."""
    ground: tuple[Floats, Floats]
    """Colours A and B of the materials, (materials, 4) each."""
    pitched: Floats
    """Colours of pitched roofs, (n, 3)."""
    flat: Floats
    """Colours of flat roofs, (n, 3)."""
    blur: float
    """Standard deviation of the optics' blur in pixels."""
    noise: float
    """Standard deviation of the sensor's noise in grey levels."""
    haze: tuple[float, float, float, float]
    """Grey levels that the air adds, per band."""
    gain: tuple[float, float, float, float]
    """White balance and exposure, per band."""
    gamma: float
    chroma: float
    """Colourfulness; 1: as in the tables."""
    quality: int
    """JPEG quality."""


def _jitter(rng: np.random.Generator, colours: Floats, amount: float) -> Floats:
    """Colours with one brightness factor each and one tint for all."""
    tint = rng.normal(0, amount / 3, (1, 3))
    factor = rng.normal(1, amount, (len(colours), 1))
    out: Floats = np.clip(colours * (factor + tint), 8, 250).astype(np.float32)
    return out


def _trees(rng: np.random.Generator, aridity: float) -> Floats:
    green = np.array((66, 90, 44)) * (1 - aridity) + np.array((74, 90, 54)) * aridity
    season = rng.uniform(0, 1)
    autumn = np.array((128, 106, 52))
    share = rng.uniform(0, 0.35 if season > 0.6 else 0.06, (TREE_KINDS, 1)) * (1 - aridity)
    colour = green * (1 - share) + autumn * share
    colour = colour * rng.uniform(0.7, 1.2, (TREE_KINDS, 1)) + rng.normal(0, 4, (TREE_KINDS, 3))
    nir = rng.uniform(165, 225, (TREE_KINDS, 1))
    return np.hstack([np.clip(colour, 12, 220), nir]).astype(np.float32)


def _with_nir(colour: Floats, factor: float) -> Floats:
    return np.hstack([colour, colour.mean(1, keepdims=True) * np.float32(factor)])


@lru_cache(maxsize=64)
def style_of(seed: int) -> Style:
    """The style of a seed's world."""
    rng = rng_for(seed, "style")
    aridity = float(rng.uniform(0.7, 1) if rng.random() < 0.5 else rng.uniform(0, 0.35))
    azimuth = math.radians(rng.uniform(0, 360) if rng.random() < 0.3 else rng.uniform(100, 260))
    ground = _ground(rng, aridity)
    ambient = rng.uniform(0.3, 0.5)
    balance = rng.normal(1, 0.03, 4)
    exposure = rng.uniform(0.82, 1.16)
    haze = rng.uniform(0, 26)
    return Style(
        aridity=aridity,
        sun=(math.sin(azimuth), -math.cos(azimuth)),
        slope=math.tan(math.radians(rng.uniform(40, 66))),
        shade=(ambient * 0.94, ambient, ambient * 1.12, ambient * 0.8),
        trees=_trees(rng, aridity),
        cars=_with_nir(CARS, 1.0),
        ground=ground,
        pitched=_jitter(rng, ROOFS_ARID if aridity > 0.5 else ROOFS_GREEN, 0.08),
        flat=_jitter(rng, ROOFS_FLAT, 0.08),
        blur=float(rng.uniform(0.45, 0.95)),
        noise=float(rng.uniform(1.0, 4.5)),
        haze=(haze * 0.8, haze * 0.92, haze * 1.15, haze * 0.3),
        gain=tuple(float(g) for g in balance * exposure),  # type: ignore[arg-type]
        gamma=float(rng.uniform(0.85, 1.3)),
        chroma=float(rng.uniform(0.5, 0.92)),
        quality=int(rng.integers(72, 95)),
    )


def _ground(rng: np.random.Generator, aridity: float) -> tuple[Floats, Floats]:
    """Ground colours A and B with the brightness, tint and water of one country."""
    pair = materials.colours(aridity)
    factor = rng.normal(1, 0.08, (materials.COUNT, 1))
    factor[[Material.ASPHALT, Material.ASPHALT_OLD, Material.ASPHALT_DARK, Material.COURT]] *= rng.normal(1, 0.12)
    tint = np.append(rng.normal(0, 0.018, 3), 0)
    a, b = (np.clip(table * (factor + tint), 6, 246).astype(np.float32) for table in pair)
    water = WATERS[rng.integers(len(WATERS))] * np.float32(rng.uniform(0.7, 1.25))
    a[Material.WATER, :3], b[Material.WATER, :3] = water, water * np.float32(0.8)
    shallow = rng.uniform(0.15, 0.45)
    for table in (a, b):
        table[Material.SHALLOW, :3] = table[Material.WATER, :3] * (1 - shallow) + table[Material.BANK, :3] * shallow
    return a, b
