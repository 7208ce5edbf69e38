"""A second check of a JPEG that may be damaged, by a decoder that makes libjpeg's warnings errors.

libjpeg fills missing data and warns; OpenCV and Pillow drop the warning. GDAL can make it an error, but ignores
harmless ones: some cameras write extraneous bytes before a marker.
"""

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile
from rasterio.windows import Window

from smalti.raster.quiet import quiet

_STRICT = {
    "GDAL_ERROR_ON_LIBJPEG_WARNING": True,
    "GDAL_ALLOW_LARGE_LIBJPEG_MEM_ALLOC": True,
    "GDAL_PAM_ENABLED": False,
}
_ROWS = 512  # rows held at once


def is_whole(content: bytes) -> bool:
    """Whether a JPEG can be decoded without a warning about its data; True if GDAL does not support its kind."""
    with rasterio.Env(**_STRICT), MemoryFile(content) as file:
        try:
            with quiet(NotGeoreferencedWarning):
                picture = file.open(driver="JPEG")
        except RasterioError:
            return True
        try:
            with picture:
                for row in range(0, picture.height, _ROWS):
                    picture.read(1, window=Window(0, row, picture.width, min(_ROWS, picture.height - row)))
        except RasterioError:
            return False
    return True
