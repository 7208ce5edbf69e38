"""A photo's file: what its headers say without decoding, and its pixels, upright.

JPEG, PNG and TIFF are decoded by OpenCV, HEIC by pillow-heif (an extra), and of a RAW the largest JPEG inside.
"""

import hashlib
import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from smalti.errors import MissingExtraError, RasterError
from smalti.photos import exif, jpeg
from smalti.photos.content import digest as content_digest
from smalti.photos.listing import RAW, Shot
from smalti.photos.names import burst
from smalti.photos.photo import Photo
from smalti.raster.upright import TURNS

Pixels = NDArray[np.uint8]

MOST = 250_000_000
"""Pixels; a larger picture would not fit into the memory that is promised."""
SMALLEST_PREVIEW = 640
"""Pixels of the longer side; a smaller JPEG inside a RAW is a thumbnail, and focus cannot be seen in it."""
_PNG, _PNG_EXIF, _PNG_END = b"\x89PNG\r\n\x1a\n", b"eXIf", b"IEND"
_OTHERS = (jpeg.START, _PNG, b"II", b"MM")  # how all begin that OpenCV decodes
_AS_STORED = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_RAW_EXIF_MARKS = (b"CMT1", b"CMT2")  # Canon's CR3 is no TIFF but holds two
_RAW_HEAD = 1 << 20  # bytes in which they lie


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture as it lies in its file: the bytes to decode, their size before turning, and what is known of it."""

    content: bytes
    width: int
    height: int
    exif: exif.Exif
    turn: int = 1
    burst: str = ""


@dataclass(frozen=True, slots=True)
class OpenPhoto:
    """A photo whose headers are read and whose pixels can be had."""

    photo: Photo
    stored: Stored


def open_photo(shot: Shot, content: bytes | None = None) -> OpenPhoto:
    """Reads a photo's file and its headers; `content` is the file, where it is at hand.

    RasterError if it is empty, cut, no photo, or larger than MOST; MissingExtraError for HEIC without pillow-heif.
    """
    content = _content(shot.path) if content is None else content
    stored = _stored(shot.path, content)
    width, height = stored.width, stored.height
    if not 0 < width * height <= MOST:
        raise RasterError(f"{shot.path}: has {width} x {height} pixels, but 1 to {MOST // 10**6} million can be read")
    if TURNS[stored.turn].transpose:
        width, height = height, width
    named = burst(shot.path.stem)
    known = stored.burst or stored.exif.burst or (f"{shot.path.parent}/{named}" if named else "")
    digest = hashlib.sha256(content).hexdigest()
    shown = content_digest(stored.content)
    photo = Photo(shot.path, shot.files, stored.exif.taken, stored.exif.camera, known, width, height, digest, shown)
    return OpenPhoto(photo, stored)


def pixels(opened: OpenPhoto) -> Pixels:
    """The upright picture H,W,3, RGB, as large as it is; RasterError if it is cut or damaged."""
    path, stored = opened.photo.path, opened.stored
    heic = not stored.content.startswith(_OTHERS)
    decoded: Any = _decode_heic(path, stored.content) if heic else _decode(stored.content)
    if decoded is None or decoded.shape[:2] != (stored.height, stored.width):
        raise RasterError(f"{path}: is damaged and cannot be decoded; copy it again")
    turn = TURNS[stored.turn]
    if turn.transpose:
        decoded = cv2.transpose(decoded)
    if turn.flip_rows or turn.flip_cols:
        cv2.flip(decoded, -1 if turn.flip_rows and turn.flip_cols else int(turn.flip_cols), dst=decoded)
    upright: Pixels = decoded
    return upright


def read_photo(path: Path) -> Pixels:
    """The upright picture H,W,3, RGB, of a photo's file; errors as of `open_photo` and `pixels`."""
    return pixels(open_photo(Shot(path, (path,))))


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise RasterError(f"{path}: is a folder that cannot be listed; make it readable") from None
    except OSError as error:
        raise RasterError(f"{path}: cannot be read: {error.strerror}") from None
    if not content:
        raise RasterError(f"{path}: is empty; copy it again")
    if not any(content[:64]):
        raise RasterError(f"{path}: begins with zeros, as a half-written file does; copy it again")
    return content


def _stored(path: Path, content: bytes) -> Stored:
    """By what stands in the file; its ending only tells RAW and HEIC apart from others of their kind."""
    ending = path.suffix.lower()
    if content.startswith(jpeg.START):
        return _jpeg(path, jpeg.look(content), content)
    if content.startswith(_PNG):
        return _png(path, content)
    if ending in RAW:
        return _raw(path, content)
    if content[:2] in (b"II", b"MM"):
        return _tiff(path, content)
    if content[4:8] == b"ftyp" and ending not in RAW:
        return _heic(path, content)
    raise RasterError(f"{path}: is no JPEG, PNG, TIFF, HEIC or RAW; export it as JPEG")


def _jpeg(path: Path, found: jpeg.Jpeg | None, content: bytes, outer: exif.Exif = exif.NONE) -> Stored:
    """A JPEG stream; its own EXIF goes before that of the RAW around it."""
    if found is None:
        raise RasterError(f"{path}: its JPEG headers are cut or damaged; copy it again")
    if found.end < found.start + 4:
        raise RasterError(f"{path}: is truncated (its JPEG has no end); copy it again")
    own = outer if found.exif.taken is None else found.exif
    turn = found.exif.orientation or outer.orientation or 1
    return Stored(content[found.start : found.end], found.width, found.height, own, turn, found.burst)


def _png(path: Path, content: bytes) -> Stored:
    if content.find(_PNG_END, -64) < 0 or len(content) < 33:
        raise RasterError(f"{path}: is truncated (its PNG has no end); copy it again")
    width, height = struct.unpack_from(">II", content, 16)
    at, found = 8, exif.NONE
    while at + 8 <= len(content) and content[at + 4 : at + 8] != _PNG_END:
        (length,) = struct.unpack_from(">I", content, at)
        if content[at + 4 : at + 8] == _PNG_EXIF:
            found = exif.parse(content[at + 8 : at + 8 + length])
        at += 12 + length
    return Stored(content, width, height, found, found.orientation or 1)


def _tiff(path: Path, content: bytes) -> Stored:
    """OpenCV turns a TIFF upright, even where it is told to ignore orientations: only the size is left to turn."""
    found = exif.parse(content)
    width, height = found.size
    if not found.entries:
        raise RasterError(f"{path}: its TIFF headers are cut, damaged or of a BigTIFF; export it as JPEG")
    if TURNS[found.orientation or 1].transpose:
        width, height = height, width
    return Stored(content, width, height, found)


def _raw(path: Path, content: bytes) -> Stored:
    outer = exif.parse(content)
    for mark in _RAW_EXIF_MARKS:
        at = content.find(mark, 0, _RAW_HEAD)
        if at >= 0:
            inner = exif.parse(content[at + len(mark) : at + len(mark) + _RAW_HEAD])
            outer = exif.Exif(inner.order, outer.entries | inner.entries)
    found = jpeg.largest(content)
    if found is None or max(found.width, found.height) < SMALLEST_PREVIEW:
        what = "no JPEG" if found is None else f"only a thumbnail of {found.width} x {found.height} pixels"
        raise RasterError(f"{path}: holds {what} inside; export it as JPEG beside the RAW")
    return _jpeg(path, found, content, outer)


def _heic(path: Path, content: bytes) -> Stored:
    """HEIC says how it is to be turned in its own structure, and pillow-heif does so; EXIF is not asked."""
    picture = _open_heic(path, content)
    width, height = picture.size
    return Stored(content, width, height, exif.parse(picture.info.get("exif") or b""))


def _open_heic(path: Path, content: bytes) -> Any:
    try:
        from pillow_heif import open_heif  # an optional extra
    except ImportError:
        raise MissingExtraError("pillow-heif, which reads HEIC,", "photos") from None
    try:
        return open_heif(io.BytesIO(content))
    except (ValueError, OSError) as error:
        raise RasterError(f"{path}: is truncated or damaged ({str(error).partition(':')[2].strip()})") from None


def _decode_heic(path: Path, content: bytes) -> Pixels | None:
    try:
        return np.asarray(_open_heic(path, content).to_pillow().convert("RGB"))
    except (ValueError, OSError, SyntaxError):
        return None


def _decode(content: bytes) -> Any:
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), _AS_STORED)
    except cv2.error:
        return None
