"""A small place for tests of teaching: noise at the right, a smooth ramp at the left; and strokes on it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine

from tests.zones.maps import UTM, at, zone_file

PLACE = Affine(0.5, 0, 500000, 0, -0.5, 5000000)
SIDE = 192


def noisy_scene(path: Path, *, border: int = SIDE // 2, bands: int = 3, seed: int = 0, empty: int = 0) -> Path:
    """A scene of 192x192 pixels of 0.5 m: noise from column `border` on, no data in the first `empty` columns."""
    random = np.random.default_rng(seed)
    pixels = np.broadcast_to(np.linspace(90, 150, SIDE), (bands, SIDE, SIDE)).copy()
    pixels[:, :, border:] += random.normal(0, 60, (bands, SIDE, SIDE - border))
    kind = {"count": bands, "dtype": "uint8", "crs": UTM, "transform": PLACE, "nodata": 0}
    with rasterio.open(path, "w", "GTiff", SIDE, SIDE, **kind) as file:
        values = np.clip(pixels, 1, 255).astype(np.uint8)
        values[:, :, :empty] = 0
        file.write(values)
    return path


Line = tuple[float, float, float, float, str]
"""From column, row to column, row; and its class."""
LINES: list[Line] = [(20 + side, 20 + 24 * k, 60 + side, 24 + 24 * k, name)
                     for side, name in ((0, "smooth"), (100, "noise")) for k in range(6)]  # fmt: skip
CLASSES = {"smooth": ["land", "water", "building", "vegetation", "road"], "noise": []}


def stroke_file(path: Path, lines: Sequence[Line] = LINES) -> Path:
    """Lines with a class, given in pixels."""
    shapes = [shapely.LineString([at(a, b, PLACE), at(c, d, PLACE)]) for a, b, c, d, _ in lines]
    return zone_file(path, shapes, **{"class": [line[4] for line in lines]})
