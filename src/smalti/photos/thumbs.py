"""Small pictures of photos for the page, one JPEG each, named by the photo's content."""

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image, ImageOps

from smalti.errors import InputError
from smalti.photos.files import write_whole
from smalti.photos.photo import Photo

SIDE = 480
"""Longer side in pixels: sharp at the size it is shown in, on a dense screen too."""

_QUALITY = 82
_END_OF_IMAGE = b"\xff\xd9"


def write_thumbs(photos: Iterable[Photo], folder: Path) -> dict[str, str]:
    """Writes a thumbnail of each photo to `folder`; returns the file's name by the photo's hash.

    Those that are there already are kept. A photo that can no longer be read has none. Raises OutputError.
    """
    different = {photo.sha256: photo for photo in photos}
    with ThreadPoolExecutor(2) as pool:  # decoding lets go of the interpreter
        names = pool.map(partial(_write, folder), different.values())
        return {sha256: name for sha256, name in zip(different, names, strict=True) if name}


def _write(folder: Path, photo: Photo) -> str:
    path = folder / f"{photo.sha256[:32]}.jpg"
    if not _whole(path):
        try:
            content = thumb(photo.path)
        except (InputError, OSError, ValueError):
            return ""
        write_whole(path, content)
    return path.name


def _whole(path: Path) -> bool:
    try:
        return path.read_bytes().endswith(_END_OF_IMAGE)
    except OSError:
        return False


def thumb(path: Path) -> bytes:
    """A photo, upright and at most SIDE on its longer side, as JPEG."""
    with Image.open(path) as opened:
        # A JPEG is decoded at a fraction of its size, in a fraction of the time.
        opened.draft("RGB", (SIDE, SIDE))
        small = ImageOps.exif_transpose(opened).convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
