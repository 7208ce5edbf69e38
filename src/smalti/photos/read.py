"""Reads photos: their headers without decoding, and their pixels, upright.

JPEG, PNG and TIFF are decoded by OpenCV, HEIC by pillow-heif (an extra), the rest by Pillow; of a RAW, the largest JPEG
inside is decoded.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smalti.arrays import Picture
from smalti.errors import RasterError, reason
from smalti.photos.content import digest as content_digest
from smalti.photos.formats import jpeg, pillow, strict
from smalti.photos.listing import Shot
from smalti.photos.names import burst
from smalti.photos.photo import Photo
from smalti.photos.stored import Stored
from smalti.photos.stored import stored as find
from smalti.raster.upright import TURNS

MOST = 250_000_000
"""Maximum number of pixels; a larger picture would exceed the promised memory."""
_AS_STORED = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_STEP, _BLOCK, _MISSING = 4, 2, 128  # step in pixels, side of a block in steps, grey level
_TILE = 64  # pixels: no tile of a HEIC is smaller
_UNDECODED, _NEAR_UNDECODED = 145, 15  # green: 136 by BT.601, 154 by BT.709


@dataclass(frozen=True, slots=True)
class OpenPhoto:
    """A photo whose headers are read and whose pixels can be decoded."""

    photo: Photo
    stored: Stored


def open_photo(shot: Shot, content: bytes | None = None) -> OpenPhoto:
    """Reads a photo's file and its headers.

    Args:
        shot: the files of the photo.
        content: the bytes of `shot.path`, if they were read already.

    Raises:
        RasterError: the file is empty, truncated, not a photo, or larger than MOST pixels.
        MissingExtraError: HEIC without pillow-heif.
    """
    content = _content(shot.path) if content is None else content
    stored = find(shot.path, content)
    width, height = stored.width, stored.height
    if not 0 < width * height <= MOST:
        raise RasterError(f"{shot.path}: has {width} x {height} pixels, but 1 to {MOST // 10**6} million can be read")
    if TURNS[stored.turn].transpose:
        width, height = height, width
    named = burst(shot.path.stem)
    known = stored.burst or stored.exif.burst or (f"{shot.path.parent}/{named}" if named else "")
    digest = hashlib.sha256(content).hexdigest()
    photo = Photo(
        path=shot.path,
        files=shot.files,
        taken=stored.exif.taken,
        camera=stored.exif.camera,
        burst=known,
        width=width,
        height=height,
        sha256=digest,
        content=content_digest(stored.content),
        clock=stored.exif.clock,
        ahead=stored.exif.ahead,
        exposure=stored.exif.exposure,
    )
    return OpenPhoto(photo, stored)


def pixels(opened: OpenPhoto) -> Picture:
    """The upright picture, H,W,3 uint8 (RGB), at full size; RasterError if it is truncated or damaged."""
    path, stored = opened.photo.path, opened.stored
    decoded = _decoded(path, stored)
    if decoded is None or decoded.shape[:2] != (stored.height, stored.width):
        if stored.content[:2] in (b"II", b"MM"):
            raise RasterError(f"{path}: is damaged, or a TIFF of floats or another unsupported kind; export it as JPEG")
        raise RasterError(f"{path}: is damaged and cannot be decoded; copy it again")
    turn = TURNS[stored.turn]
    if turn.transpose:
        decoded = cv2.transpose(decoded)
    if turn.flip_rows or turn.flip_cols:
        cv2.flip(decoded, -1 if turn.flip_rows and turn.flip_cols else int(turn.flip_cols), dst=decoded)
    upright: Picture = decoded
    return upright


def read_photo(path: Path) -> Picture:
    """The upright picture, H,W,3 uint8 (RGB), of a photo's file; raises like `open_photo` and `pixels`."""
    return pixels(open_photo(Shot(path, (path,))))


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise RasterError(f"{path}: is a folder that cannot be listed; make it readable") from None
    except OSError as error:
        raise RasterError(f"{path}: cannot be read: {reason(error)}") from None
    if not content:
        raise RasterError(f"{path}: is empty; copy it again")
    if not any(content[:64]):
        raise RasterError(f"{path}: begins with zeros, as a half-written file does; copy it again")
    return content


def _decoded(path: Path, stored: Stored) -> Any:
    """The picture as stored; None if it cannot be decoded."""
    try:
        if stored.opened is not None:
            decode = pillow.decode if pillow.reads(stored.content) else _decode_heic
            return decode(stored.opened)
        picture = _decode(stored.content)
        if picture is None and stored.content[:2] in (b"II", b"MM"):  # of a compression that OpenCV does not support
            return pillow.decode(pillow.open_tiff(stored.content))
        doubtful = picture is not None and (stored.progressive or _has_grey(picture))
        is_jpeg = stored.content.startswith(jpeg.START)
        return picture if not (is_jpeg and doubtful) or strict.is_whole(stored.content) else None
    except MemoryError:
        raise RasterError(f"{path}: needs more memory than there is; close other programs or leave it out") from None
    except Exception:  # a decoder may raise anything
        return None


def _has_grey(picture: Picture) -> bool:
    """Whether a block has the uniform grey with which a decoder fills missing data."""
    grey = (picture[::_STEP, ::_STEP] == _MISSING).all(2)
    rows, cols = (length // _BLOCK for length in grey.shape)
    blocks = grey[: rows * _BLOCK, : cols * _BLOCK].reshape(rows, _BLOCK, cols, _BLOCK)
    return bool(blocks.all((1, 3)).any())


def _decode_heic(picture: Any) -> Picture | None:
    """None if a tile was not decoded: libheif leaves zeros in YCbCr, a uniform green that no photo has."""
    decoded: Picture = np.asarray(picture.to_pillow().convert("RGB"))
    corners = decoded[::_TILE, ::_TILE].astype(np.int16)
    green = (corners[..., 0] == 0) & (corners[..., 2] == 0) & (np.abs(corners[..., 1] - _UNDECODED) < _NEAR_UNDECODED)
    for row, col in np.argwhere(green) * _TILE:
        tile = decoded[row : row + _TILE, col : col + _TILE]
        if min(tile.shape[:2]) == _TILE and (tile == tile[0, 0]).all():
            return None
    return decoded


def _decode(content: bytes) -> Any:
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), _AS_STORED)
    except cv2.error:
        return None
