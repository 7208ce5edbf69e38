"""The digest of what a picture shows: of its coded pixels, without what is written beside them.

Programs that set a rating, a caption or a place rewrite a file but not its coded pixels, so that a photo whose metadata
were edited has the same digest as before. Nothing is decoded, hence no version of a decoder matters. Of a kind that is
not taken apart here, or is damaged, the whole file counts.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator

from smalti.photos import exif, jpeg

LENGTH = 32
"""Hexadecimal digits of a digest."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}
_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}
_JP2, _JP2_PIXELS = b"jP  ", b"jp2c"
_TIFF_PIXELS = ((273, 279), (324, 325))  # where strips or tiles begin, and their lengths
_HEIF_BESIDE = {b"Exif", b"mime", b"uri "}  # items of a HEIF file that are no pictures


def digest(content: bytes) -> str:
    """LENGTH hexadecimal digits for the bytes of a picture's file: JPEG, PNG, TIFF, HEIF, WebP, JPEG 2000 or other."""
    try:
        parts = list(_parts(content))
    except (struct.error, LookupError, ValueError):
        parts = []
    found = hashlib.sha256()
    for part in parts or [content]:
        found.update(part)
    return found.hexdigest()[:LENGTH]


def _parts(content: bytes) -> Iterable[bytes]:
    if content.startswith(jpeg.START):
        return jpeg.coded(content)
    if content.startswith(_PNG):
        return _png(content)
    if content[:4] in (b"II*\0", b"MM\0*"):
        return _tiff(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    if content[4:8] == b"ftyp":
        return _heif(content)
    if content[4:8] == _JP2:
        return (content[a:b] for kind, a, b in _boxes(content, 0, len(content)) if kind == _JP2_PIXELS)
    return ()


def _png(content: bytes) -> Iterator[bytes]:
    at = len(_PNG)
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind in _PNG_PIXELS:
            yield content[at + 8 : at + 8 + length]
        at += 12 + length


def _tiff(content: bytes) -> Iterator[bytes]:
    found = exif.parse(content)
    for starts, lengths in _TIFF_PIXELS:
        for start, length in zip(found.numbers(starts), found.numbers(lengths), strict=True):
            yield content[start : start + length]


def _webp(content: bytes) -> Iterator[bytes]:
    at = 12
    while at + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, at)
        if kind in _WEBP_PIXELS:
            yield content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _heif(content: bytes) -> Iterator[bytes]:
    """The extents of all items that are pictures, by the items' numbers (ISO/IEC 14496-12, 8.11)."""
    begin, end = {kind: (a, b) for kind, a, b in _boxes(content, 0, len(content))}[b"meta"]
    inside = {kind: (a, b) for kind, a, b in _boxes(content, begin + 4, end)}
    kinds = dict(_item_kinds(content, *inside[b"iinf"]))
    for item, method, extents in _items(content, *inside[b"iloc"]):
        if kinds.get(item) in _HEIF_BESIDE:
            continue
        base = inside[b"idat"][0] if method == 1 else 0
        for start, length in extents:
            yield content[base + start : base + start + length]


def _boxes(content: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of what is in each box."""
    while at + 8 <= end:
        length, kind = struct.unpack_from(">I4s", content, at)
        head = 8
        if length == 1:
            (length,), head = struct.unpack_from(">Q", content, at + 8), 16
        length = length or end - at
        if length < head:
            raise ValueError("a box smaller than its head")
        yield kind, at + head, min(at + length, end)
        at += length


def _item_kinds(content: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Number and kind of each item."""
    first = at + (6 if content[at] == 0 else 8)
    for kind, a, _ in _boxes(content, first, end):
        if kind == b"infe" and content[a] >= 2:
            yield struct.unpack_from(">H2x4s" if content[a] == 2 else ">I2x4s", content, a + 4)


def _items(content: bytes, at: int, end: int) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Number, construction method and extents (start, length) of each item of an iloc box."""
    version, sizes = content[at], struct.unpack_from(">H", content, at + 4)[0]
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    read = _Reader(content, at + 6, end)
    for _ in range(read.number(wide)):
        item = read.number(wide)
        method = read.number(2) & 15 if version else 0
        read.number(2)  # which file the data are in: this one
        base, extents = read.number(base_size), []
        for _ in range(read.number(2)):
            read.number(index_size if version else 0)
            start, length = base + read.number(offset_size), read.number(length_size)
            extents.append((start, length))
        yield item, method, extents


class _Reader:
    """Numbers of so many bytes, one behind the other."""

    def __init__(self, content: bytes, at: int, end: int) -> None:
        self._content, self._at, self._end = content, at, end

    def number(self, size: int) -> int:
        self._at += size
        if self._at > self._end:
            raise ValueError("cut short")
        return int.from_bytes(self._content[self._at - size : self._at], "big")
