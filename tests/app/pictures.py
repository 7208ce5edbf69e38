"""Small files for the tests of the app."""

import warnings
from pathlib import Path
from typing import Any

import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning


def write_tiff(path: Path, pixels: NDArray[Any], *, georeferenced: bool = True, **more: Any) -> Path:
    """A GeoTIFF of pixels (bands, H, W) of half a metre."""
    place = {"crs": "EPSG:32631", "transform": Affine(0.5, 0, 500000, 0, -0.5, 5000000)} if georeferenced else {}
    bands, height, width = pixels.shape
    shape = {"count": bands, "height": height, "width": width, "dtype": pixels.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", **shape, **place, **more) as file:
            file.write(pixels)
    return path
