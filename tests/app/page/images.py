"""Small images with a georeference."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

SIZE = 256
PLACE = Affine(0.3, 0, 305000, 0, -0.3, 2790000)


def write(path: Path, pixels: np.ndarray[Any, Any], **more: Any) -> Path:
    """Pixels (C, H, W) as a GeoTIFF."""
    bands, height, width = pixels.shape
    size = {"count": bands, "height": height, "width": width, "dtype": pixels.dtype}
    profile = {"driver": "GTiff", "crs": "EPSG:32640", "transform": PLACE, **size, **more}
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(pixels)
    return path
