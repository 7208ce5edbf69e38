"""Thumbnails of photos for the page, one JPEG each, named by the photo's content."""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from smalti.arrays import Picture
from smalti.errors import InputError, MissingExtraError
from smalti.files import deliver
from smalti.photos.formats import jpeg
from smalti.photos.listing import Shot
from smalti.photos.photo import Photo
from smalti.photos.read import OpenPhoto, open_photo, pixels
from smalti.raster.upright import TURNS

SIDE = 480
"""Longer side in pixels: sharp at the size it is shown in, also on high-resolution screens."""

_ENOUGH = 3 * SIDE
"""Pixels along a side that are averaged to a thumbnail: photos with several times as many are subsampled."""
_WORKERS = 2
_QUALITY = 82
_FRACTIONS = {
    8: cv2.IMREAD_REDUCED_COLOR_8,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    2: cv2.IMREAD_REDUCED_COLOR_2,
}
"""A JPEG can be decoded at one of these fractions of its size, in a fraction of the time."""
_one_writer = threading.Lock()
_whole_picture = threading.Lock()
"""Other formats are decoded whole, one at a time: two large ones would exceed the promised memory."""


def thumbs_of(page: Path) -> Path:
    """The folder of a page's thumbnails: NAME_files beside NAME.html."""
    return page.with_name(f"{page.stem}_files")


def keep_thumb(folder: Path, photo: Photo, picture: Picture) -> None:
    """Writes the thumbnail of a decoded photo if missing, so that no photo is decoded twice; raises OutputError.

    Args:
        folder: of the thumbnails.
        photo: the photo.
        picture: its pixels, upright, H,W,3 uint8 (RGB).
    """
    path = _path(folder, photo)
    if not _is_whole(path):
        skipped = max(1, max(picture.shape) // _ENOUGH)
        content = encoded(_shrunk(picture[::skipped, ::skipped]))
        with _one_writer:  # two photos of the same content have the same thumbnail
            deliver(path, content)


def write_thumbs(photos: Iterable[Photo], folder: Path) -> dict[str, str]:
    """Writes the missing thumbnails of photos to `folder`; raises OutputError.

    Returns:
        The name of the thumbnail by the photo's SHA-256; a photo that can no longer be read has none.
    """
    different = {photo.sha256: photo for photo in photos}
    with ThreadPoolExecutor(_WORKERS) as pool:  # decoding releases the GIL
        names = pool.map(partial(_write, folder), different.values())
        return {sha256: name for sha256, name in zip(different, names, strict=True) if name}


def _write(folder: Path, photo: Photo) -> str:
    path = _path(folder, photo)
    if not _is_whole(path):
        try:
            content = encoded(_upright(open_photo(Shot(photo.path, photo.files))))
        except (InputError, MissingExtraError):
            return ""
        deliver(path, content)
    return path.name


def _path(folder: Path, photo: Photo) -> Path:
    return folder / f"{photo.sha256[:32]}.jpg"


def _is_whole(path: Path) -> bool:
    try:
        return path.read_bytes().endswith(jpeg.END)
    except OSError:
        return False


def _upright(opened: OpenPhoto) -> Picture:
    """The upright picture H,W,3, RGB, at most SIDE on its longer side; RasterError if it cannot be decoded."""
    picture = _fraction(opened)
    if picture is not None:
        return _shrunk(picture)
    with _whole_picture:
        return _shrunk(pixels(opened))


def encoded(picture: Picture, quality: int = _QUALITY) -> bytes:
    """A picture, H,W,3 uint8 (RGB), as JPEG."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    content: bytes = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    return content


def _fraction(opened: OpenPhoto) -> Picture | None:
    """The upright picture H,W,3, RGB, no smaller than SIDE; None if it must be decoded whole."""
    stored = opened.stored
    fits = [times for times in _FRACTIONS if max(stored.width, stored.height) >= times * SIDE]
    if not fits or not stored.content.startswith(jpeg.START):
        return None
    flags = _FRACTIONS[fits[0]] | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        bgr = cv2.imdecode(np.frombuffer(stored.content, np.uint8), flags)
    except cv2.error:
        bgr = None
    if bgr is None:
        return None
    return TURNS[stored.turn].apply(bgr[..., ::-1].transpose(2, 0, 1)).transpose(1, 2, 0)


def _shrunk(picture: Picture) -> Picture:
    picture = np.ascontiguousarray(picture)
    height, width, _ = picture.shape
    times = SIDE / max(height, width)
    if times >= 1:
        return picture
    size = max(1, round(width * times)), max(1, round(height * times))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
