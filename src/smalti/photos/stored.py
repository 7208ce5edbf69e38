"""A picture as stored in its file, by format: its size, its metadata, and whether it is complete.

The format is recognised by the content; the ending only distinguishes a RAW from others that begin alike.
"""

import io
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smalti.endings import RAW
from smalti.errors import MissingExtraError, RasterError
from smalti.photos.formats import exif, heif, jpeg, pillow, png, tiff
from smalti.raster.upright import TURNS

SMALLEST_PREVIEW = 640
"""Minimum pixels of the longer side; a smaller JPEG inside a RAW is a thumbnail, too small to judge focus."""
_RAW_EXIF_MARKS = (b"CMT1", b"CMT2")  # Canon's CR3 is not a TIFF but contains two
_RAW_HEAD = 1 << 20  # bytes in which they lie
_HOLE = re.compile(rb"\0{4096,}")
_SECTOR = 512  # bytes: a hole begins and ends at a multiple of this
_HOLE_HEVC = 64  # zeros in a row in an HEVC stream, which never has more than three


@dataclass(frozen=True, slots=True)
class Stored:
    """The bytes to decode, the picture's size before rotation, and its metadata."""

    content: bytes
    width: int
    height: int
    exif: exif.Exif
    turn: int = 1
    burst: str = ""
    progressive: bool = False
    """Whether it is a JPEG in several scans: if truncated, it still decodes, only less clearly."""
    opened: Any = field(default=None, repr=False)
    """The decoder's own handle of the file, if the decoder is not OpenCV."""


def stored(path: Path, content: bytes) -> Stored:
    """The picture in a file.

    Args:
        path: of the file.
        content: its bytes.

    Raises:
        RasterError: the file is truncated, damaged or not a photo.
        MissingExtraError: the decoder is not installed.
    """
    if content.startswith(jpeg.START):
        return _jpeg(path, jpeg.look(content), content)
    if content.startswith(png.START):
        return _png(path, content)
    if path.suffix.lower() in RAW:
        return _raw(path, content)
    if pillow.reads(content):
        return _pillow(path, content)
    if content[:2] in (b"II", b"MM"):
        return _tiff(path, content)
    if content[4:8] == b"ftyp":
        return _heic(path, content)
    raise RasterError(
        f"{path}: is not a photo that can be read (JPEG, PNG, TIFF, HEIC, AVIF, WebP, GIF, BMP, JPEG 2000 or RAW); "
        "export it as JPEG"
    )


def _jpeg(path: Path, found: jpeg.Jpeg | None, content: bytes, outer: exif.Exif = exif.NONE) -> Stored:
    """A JPEG stream; its own EXIF takes precedence over that of the RAW around it."""
    if found is None and jpeg.is_lossless(content):
        raise RasterError(f"{path}: is a lossless or hierarchical JPEG, which is not supported; export it as JPEG")
    if found is None:
        raise RasterError(f"{path}: its JPEG headers are truncated or damaged; copy it again")
    if found.end < found.start + 4:
        raise RasterError(f"{path}: is truncated (its JPEG has no end); copy it again")
    _refuse_holes(path, content, found.scan, found.end)
    own = outer if found.exif.taken is None else found.exif
    turn = found.exif.orientation or outer.orientation or 1
    return Stored(
        content[found.start : found.end], found.width, found.height, own, turn, found.burst, found.progressive
    )


def _png(path: Path, content: bytes) -> Stored:
    try:
        chunks = list(png.chunks(content))
        width, height = struct.unpack_from(">II", content, chunks[0][1])
    except (ValueError, struct.error) as error:
        raise RasterError(f"{path}: {error}; copy it again") from None
    found = next((exif.parse(content[begin:end]) for kind, begin, end in chunks if kind == png.EXIF), exif.NONE)
    return Stored(content, width, height, found, found.orientation or 1)


def _tiff(path: Path, content: bytes) -> Stored:
    """OpenCV rotates a TIFF upright even if it is set to ignore orientations: only the size is left to swap."""
    found = exif.parse(content)
    width, height = found.size
    if not found.entries:
        raise RasterError(f"{path}: its TIFF headers are truncated or damaged; copy it again")
    _refuse_cut(path, content, tiff.picture(found))
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
        raise RasterError(f"{path}: contains {what}; export it as JPEG beside the RAW")
    return _jpeg(path, found, content, outer)


def _pillow(path: Path, content: bytes) -> Stored:
    if content[4:8] == b"ftyp":
        _items(path, content)
    try:
        picture = pillow.open_picture(content)
        (width, height), found = picture.size, pillow.header(picture)
    except Exception:  # a decoder may raise anything
        raise RasterError(f"{path}: is truncated or damaged; copy it again") from None
    turn = 1 if tiff.is_big(content) else found.orientation or 1  # Pillow rotates a TIFF upright
    return Stored(content, width, height, found, turn, opened=picture)


def _heic(path: Path, content: bytes) -> Stored:
    """HEIC stores the rotation in its own structure, and pillow-heif applies it; EXIF orientation is ignored."""
    try:
        from pillow_heif import open_heif  # an optional extra
    except ImportError:
        raise MissingExtraError("pillow-heif, which reads HEIC,", "photos") from None
    places = _items(path, content)
    if any(bytes(_HOLE_HEVC) in content[begin:end] for begin, end in places if end - begin > 2 * _HOLE_HEVC):
        raise RasterError(f"{path}: is damaged (a part of it was never written); copy it again")
    try:
        picture = open_heif(io.BytesIO(content))
        (width, height), block = picture.size, picture.info.get("exif")  # IndexError if it contains no picture
    except Exception as error:  # its errors are of many kinds, EOFError among them
        reason = str(error).rpartition(":")[2].strip() or "no HEIC"
        raise RasterError(f"{path}: is truncated or damaged ({reason}); copy it again") from None
    return Stored(content, width, height, exif.parse(block or b""), opened=picture)


def _items(path: Path, content: bytes) -> list[tuple[int, int]]:
    """Begin and end of the pictures in a HEIC or AVIF; RasterError if a part is missing."""
    try:
        found = heif.items(content)
    except (ValueError, IndexError, struct.error):
        raise RasterError(f"{path}: is truncated or damaged (its list of parts); copy it again") from None
    _refuse_cut(path, content, [place for item in found for place in item.places])
    return [place for item in found if not item.describes for place in item.places]


def _refuse_cut(path: Path, content: bytes, places: Iterable[tuple[int, int]]) -> None:
    last = max((end for _, end in places), default=0)
    if last > len(content):
        raise RasterError(f"{path}: is truncated ({len(content)} of {last} bytes or more are there); copy it again")


def _refuse_holes(path: Path, content: bytes, begin: int, end: int) -> None:
    """RasterError for a run of zeros at a sector border in compressed data: space allocated but never written."""
    for hole in _HOLE.finditer(content, begin, end):
        if hole.start() % _SECTOR == 0 or hole.end() % _SECTOR == 0:
            raise RasterError(f"{path}: is damaged (a part of it was never written); copy it again")
