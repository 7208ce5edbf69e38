"""A picture as it lies in its file, by kind of file: its size, what is known of it, and whether all of it is there.

Kinds are told by what stands in the file; its ending only tells a RAW from others that begin alike.
"""

import io
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smalti.errors import MissingExtraError, RasterError
from smalti.photos.formats import exif, heif, jpeg, pillow, png, tiff
from smalti.photos.listing import RAW
from smalti.raster.upright import TURNS

SMALLEST_PREVIEW = 640
"""Pixels of the longer side; a smaller JPEG inside a RAW is a thumbnail, and focus cannot be seen in it."""
_RAW_EXIF_MARKS = (b"CMT1", b"CMT2")  # Canon's CR3 is no TIFF but holds two
_RAW_HEAD = 1 << 20  # bytes in which they lie
_HOLE = re.compile(rb"\0{4096,}")
_SECTOR = 512  # bytes: what was never copied begins and ends at the border of one
_HOLE_HEVC = 64  # zeros in a row in an HEVC stream, which never has more than three


@dataclass(frozen=True, slots=True)
class Stored:
    """The bytes to decode, their size before turning, and what the file says of them."""

    content: bytes
    width: int
    height: int
    exif: exif.Exif
    turn: int = 1
    burst: str = ""
    progressive: bool = False
    """Whether it is a JPEG in several scans: where one is cut, the picture is only less clear."""
    opened: Any = field(default=None, repr=False)
    """The decoder's own view of the file, where it is not OpenCV's."""


def stored(path: Path, content: bytes) -> Stored:
    """The picture in a file; RasterError if it is cut, damaged or no photo, MissingExtraError without its decoder."""
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
        f"{path}: is no photo that can be read (JPEG, PNG, TIFF, HEIC, AVIF, WebP, GIF, BMP, JPEG 2000 or RAW); "
        "export it as JPEG"
    )


def _jpeg(path: Path, found: jpeg.Jpeg | None, content: bytes, outer: exif.Exif = exif.NONE) -> Stored:
    """A JPEG stream; its own EXIF goes before that of the RAW around it."""
    if found is None and jpeg.is_lossless(content):
        raise RasterError(f"{path}: is a lossless or hierarchical JPEG, which no photo is; export it as JPEG")
    if found is None:
        raise RasterError(f"{path}: its JPEG headers are cut or damaged; copy it again")
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
    """OpenCV turns a TIFF upright, even where it is told to ignore orientations: only the size is left to turn."""
    found = exif.parse(content)
    width, height = found.size
    if not found.entries:
        raise RasterError(f"{path}: its TIFF headers are cut or damaged; copy it again")
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
        raise RasterError(f"{path}: holds {what} inside; export it as JPEG beside the RAW")
    return _jpeg(path, found, content, outer)


def _pillow(path: Path, content: bytes) -> Stored:
    if content[4:8] == b"ftyp":
        _items(path, content)
    try:
        picture = pillow.open_picture(content)
        (width, height), found = picture.size, pillow.header(picture)
    except Exception:  # whatever a decoder raises says no more than this
        raise RasterError(f"{path}: is truncated or damaged; copy it again") from None
    turn = 1 if tiff.is_big(content) else found.orientation or 1  # Pillow turns a TIFF upright
    return Stored(content, width, height, found, turn, opened=picture)


def _heic(path: Path, content: bytes) -> Stored:
    """HEIC says how it is to be turned in its own structure, and pillow-heif does so; EXIF is not asked."""
    try:
        from pillow_heif import open_heif  # an optional extra
    except ImportError:
        raise MissingExtraError("pillow-heif, which reads HEIC,", "photos") from None
    places = _items(path, content)
    if any(bytes(_HOLE_HEVC) in content[begin:end] for begin, end in places if end - begin > 2 * _HOLE_HEVC):
        raise RasterError(f"{path}: is damaged (a part of it was never written); copy it again")
    try:
        picture = open_heif(io.BytesIO(content))
        (width, height), block = picture.size, picture.info.get("exif")  # IndexError where it holds no picture
    except Exception as error:  # its errors are of many kinds, EOFError among them
        reason = str(error).rpartition(":")[2].strip() or "no HEIC"
        raise RasterError(f"{path}: is truncated or damaged ({reason}); copy it again") from None
    return Stored(content, width, height, exif.parse(block or b""), opened=picture)


def _items(path: Path, content: bytes) -> list[tuple[int, int]]:
    """Where HEIC or AVIF keeps its pictures; RasterError where a part is missing."""
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
    """Zeros between two borders of sectors in compressed data: space that was taken but never filled."""
    for hole in _HOLE.finditer(content, begin, end):
        if hole.start() % _SECTOR == 0 or hole.end() % _SECTOR == 0:
            raise RasterError(f"{path}: is damaged (a part of it was never written); copy it again")
