"""Small scenes on the ground, for tests of mosaics."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

UTM = "EPSG:32633"
LEFT, TOP = 500000.0, 5000000.0


def pixels_of(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth random colours (3, H, W), 1 to 250."""
    coarse = np.random.default_rng(seed).uniform(1, 250, (3, height // 8 + 2, width // 8 + 2))
    return np.kron(coarse, np.ones((1, 8, 8)))[:, :height, :width].astype(np.uint8).clip(1, 250)


def write_scene(path: Path, pixels: np.ndarray, row: int = 0, col: int = 0, pixel: float = 0.5, **more: Any) -> Path:
    """Writes bytes (C, H, W) whose first pixel lies at row, col of a grid of `pixel` metres; 0 is nodata."""
    place = Affine(pixel, 0, LEFT + col * pixel, 0, -pixel, TOP - row * pixel)
    profile = {"crs": UTM, "transform": place, "dtype": pixels.dtype, "count": len(pixels), "nodata": 0} | more
    tags = profile.pop("tags", {})
    with rasterio.open(path, "w", driver="GTiff", height=pixels.shape[1], width=pixels.shape[2], **profile) as file:
        file.write(pixels)
        file.update_tags(**tags)
    return path
