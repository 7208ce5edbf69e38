"""Why a file cannot be read, and damage that GDAL does not notice when it opens one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rasterio._err import CPLE_BaseError  # rasterio lets GDAL's own errors out where it asks for what a file declares
from rasterio.errors import RasterioError

from smalti.errors import RasterError
from smalti.raster.exif import png_chunks

REFUSALS = (RasterioError, CPLE_BaseError, ValueError, KeyError, OverflowError, OSError, MemoryError)
"""What rasterio raises where a file cannot be opened, declares something impossible, or cannot be read."""
_LIMITS = {
    "too many open files": "too many other files are open; allow more: ulimit -n 4096",
    "permission denied": "no permission to read it, or a file it refers to",
    "cannot allocate memory": "not enough memory to read it",
    "input/output error": "the disk fails to read it; copy it from another place",
}
"""The system's message where it refuses a file, in lower case, and what that means."""
_ARCHIVES = {".zip": "/vsizip", ".tar": "/vsitar", ".tgz": "/vsitar"}
_BLOCKS = 4096  # a file with more blocks is sampled: truncation takes away the end, not single blocks


def is_local(path: str) -> bool:
    """Whether the path names a plain file or folder, not a URL or one of GDAL's virtual file systems."""
    return "://" not in path and not path.startswith("/vsi") and not path.lstrip().startswith("<")


def file_name(path: str) -> str:
    """The name of a file, which may be a URL, without its folder."""
    return Path(path).name if is_local(path) else path.rpartition("/")[2]


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turns whatever rasterio raises about the file into a RasterError."""
    try:
        yield
    except REFUSALS as error:
        raise explain(path, error) from None


def refuse_special(path: str) -> None:
    """OSError for a pipe, a socket or a device: opening one may never return."""
    if is_local(path) and (file := Path(path)).exists() and not (file.is_file() or file.is_dir()):
        raise OSError("it is a pipe, a socket or a device; expected a file: write it to one first")


def explain(path: str, error: Exception) -> RasterError:
    """The RasterError for a file that GDAL cannot open, with the reason."""
    file = Path(path)
    if not is_local(path):
        return RasterError(f"{path}: cannot be opened as an image: {first_line(error)}")
    try:
        size = file.stat().st_size
    except PermissionError:
        return RasterError(f"{path}: permission denied for its folder")
    except OSError:
        return RasterError(f"{path}: there is no such file")
    if file.is_dir():
        return RasterError(f"{path}: is a folder; expected an image file")
    if not file.is_file():
        return RasterError(f"{path}: {first_line(error)}")
    if not os.access(file, os.R_OK):
        return RasterError(f"{path}: permission denied; it cannot be read")
    if size == 0:
        return RasterError(f"{path}: the file is empty; expected an image")
    why = limit(error) or f"no image, or truncated or damaged: {first_line(error)}"
    if archive := _ARCHIVES.get(file.suffix.lower()):
        why = f"is an archive; give the image in it: {archive}/{path}/NAME.tif"
    return RasterError(f"{path}: {why}")


def limit(error: Exception) -> str:
    """What to do where the system is the cause, not the file; empty otherwise."""
    if isinstance(error, MemoryError):
        return "not enough memory to read it"
    text = first_line(error)
    return next((f"{means} ({text})" for said, means in _LIMITS.items() if said in text.lower()), "")


def first_line(error: Exception) -> str:
    """The first line of the error at the root of this one."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    text = (str(error).splitlines() or [type(error).__name__])[0]
    return text.split(" (this error can")[0]  # libjpeg adds advice on how to read past the damage


def check_complete(path: str, dataset: Any) -> None:
    """Raises RasterError if a local TIFF or PNG ends before its pixels do; others report it when read."""
    if not is_local(path) or not Path(path).is_file():
        return
    if dataset.driver == "GTiff":
        size = Path(path).stat().st_size
        need = _tiff_end(dataset)
        if need > size:
            raise RasterError(f"{path}: truncated: it has {size} bytes, but its pixels reach to byte {need}")
    elif dataset.driver == "PNG" and b"IEND" not in png_chunks(path):
        raise RasterError(f"{path}: truncated: the end of the PNG file is missing")


def _tiff_end(dataset: Any) -> int:
    """The byte after the last pixel block among those looked at."""
    block_height, block_width = dataset.block_shapes[0]
    across, down = -(-dataset.width // block_width), -(-dataset.height // block_height)
    total = across * down
    planes = 1 if dataset.interleaving and dataset.interleaving.name == "pixel" else dataset.count
    step = max(1, total // _BLOCKS)
    end = 0
    for block in {*range(0, total, step), total - 1}:
        key = f"{block % across}_{block // across}"
        for band in {1, planes}:
            offset = dataset.get_tag_item(f"BLOCK_OFFSET_{key}", "TIFF", bidx=band)
            length = dataset.get_tag_item(f"BLOCK_SIZE_{key}", "TIFF", bidx=band)
            if offset and length:
                end = max(end, int(offset) + int(length))
    return end
