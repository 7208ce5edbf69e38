"""The boxes of HEIC and AVIF: where in the file the picture lies (ISO/IEC 14496-12, `meta` and `iloc`).

A decoder silently leaves a missing tile green, so that a truncated file would pass for a photo. The positions of its
items show whether it is complete.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

BRANDS_AVIF = {b"avif", b"avis"}
_FULL = 4  # bytes of version and flags
_DESCRIPTIONS = {b"Exif", b"mime", b"uri "}  # items that describe the picture
_MOST = 1 << 16  # items or extents; more is a damaged count
_IN_FILE, _IN_DATA = 0, 1  # how an item is stored: anywhere in the file, or in the box `idat`


@dataclass(frozen=True, slots=True)
class Item:
    """Coded data: a picture, one of its tiles, or a description."""

    number: int
    kind: bytes
    places: tuple[tuple[int, int], ...]
    """Begin and end of each piece in the file; an end may lie beyond the file's."""

    @property
    def describes(self) -> bool:
        """Whether it holds metadata, not pixels."""
        return self.kind in _DESCRIPTIONS


def is_avif(content: bytes) -> bool:
    """Whether the file's brands include AV1, whatever its ending."""
    (length,) = struct.unpack_from(">I", content)
    brands = {content[8:12], *(content[at : at + 4] for at in range(16, min(length, 4096), 4))}
    return bool(brands & BRANDS_AVIF)


def items(content: bytes) -> list[Item]:
    """All items of a file, in the order of its list; ValueError or struct.error if that is truncated or damaged."""
    meta = _find(content, b"meta", 0, len(content))
    if meta is None:
        raise ValueError("it has no list of its parts")
    inside = {kind: (begin, end) for kind, begin, end in boxes(content, meta[0] + _FULL, meta[1])}
    if b"iloc" not in inside:
        raise ValueError("it does not say where its parts lie")
    kinds = dict(_kinds(content, *inside[b"iinf"])) if b"iinf" in inside else {}
    data = inside.get(b"idat", (0, 0))[0]
    places = _places(content, *inside[b"iloc"], data)
    return [Item(number, kinds.get(number, b""), tuple(where)) for number, where in places]


def exif(content: bytes) -> bytes:
    """The TIFF structure of a file's EXIF, empty if there is none; errors as in `items`."""
    for item in items(content):
        if item.kind == b"Exif":
            block = b"".join(content[begin:end] for begin, end in item.places)
            (before,) = struct.unpack_from(">I", block)
            return block[4 + before :]
    return b""


def boxes(content: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the content of each box."""
    while begin + 8 <= end:
        length, kind = struct.unpack_from(">I4s", content, begin)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", content, begin + 8)
            head = 16
        elif length == 0:  # up to the end
            length = end - begin
        if length < head:
            raise ValueError("one of its parts has no length")
        yield kind, begin + head, begin + length
        begin += length


def _find(content: bytes, kind: bytes, begin: int, end: int) -> tuple[int, int] | None:
    found = ((a, b) for this, a, b in boxes(content, begin, end) if this == kind)
    return next((place for place in found if place[1] <= end), None)


def _kinds(content: bytes, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Number and kind of each item: the box `iinf`."""
    head = _FULL + (2 if content[begin] == 0 else 4)
    for kind, at, _ in boxes(content, begin + head, end):
        if kind == b"infe" and content[at] >= 2:
            number = ">H" if content[at] == 2 else ">I"
            size = struct.calcsize(number)
            yield (
                struct.unpack_from(number, content, at + _FULL)[0],
                content[at + _FULL + size + 2 : at + _FULL + size + 6],
            )


def _places(content: bytes, begin: int, end: int, data: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Number and places of each item: the box `iloc`, version 0 to 2."""
    fields = _Fields(content[: min(end, len(content))], begin)
    version, _ = fields.take(1), fields.take(3)
    sizes, more = fields.take(1), fields.take(1)
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version else 0
    wide = 4 if version == 2 else 2
    count = fields.take(wide)
    for _ in range(_checked(count)):
        number = fields.take(wide)
        method = fields.take(2) & 15 if version else _IN_FILE
        fields.take(2)  # which file: 0 is this one
        base = fields.take(base_size) + (data if method == _IN_DATA else 0)
        found = []
        for _ in range(_checked(fields.take(2))):
            fields.take(index_size)
            start, length = base + fields.take(offset_size), fields.take(length_size)
            found.append((start, start + length if length else len(content)))
        if method in (_IN_FILE, _IN_DATA):
            yield number, found


def _checked(count: int) -> int:
    if count > _MOST:
        raise ValueError("its list of parts is damaged")
    return count


class _Fields:
    """Reads consecutive integers of given sizes."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content, self._at = content, at

    def take(self, size: int) -> int:
        field = self._content[self._at : self._at + size]
        if len(field) < size:
            raise ValueError("its list of parts is truncated")
        self._at += size
        return int.from_bytes(field, "big")
