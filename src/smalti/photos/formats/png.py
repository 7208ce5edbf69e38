"""The chunks of a PNG, each with its checksum (ISO/IEC 15948)."""

import struct
import zlib
from collections.abc import Iterator

START = b"\x89PNG\r\n\x1a\n"
EXIF = b"eXIf"
TEXT = b"iTXt"
_END = b"IEND"
_LONGEST = 1 << 24  # bytes of a text


def chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of each chunk's data up to the end mark; ValueError if truncated or a checksum differs."""
    at = len(START)
    while True:
        if at + 12 > len(content):
            raise ValueError("is truncated (its PNG has no end)")
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 8 + length
        if end + 4 > len(content):
            raise ValueError("is truncated (its PNG has no end)")
        if zlib.crc32(memoryview(content)[at + 4 : end]) != struct.unpack_from(">I", content, end)[0]:
            raise ValueError("is damaged (a checksum of its PNG is wrong)")
        yield kind, at + 8, end
        if kind == _END:
            return
        at = end + 4


def text(data: bytes) -> bytes:
    """The text of a chunk `iTXt`, UTF-8; ValueError if it is damaged."""
    _, _, rest = data.partition(b"\0")  # the keyword
    compressed, rest = rest[:1] == b"\1", rest[2:]
    _, _, rest = rest.partition(b"\0")  # the language
    _, _, found = rest.partition(b"\0")  # the keyword in that language
    if not compressed:
        return found
    unpack = zlib.decompressobj()
    try:
        return unpack.decompress(found, _LONGEST)
    except zlib.error as error:
        raise ValueError(str(error)) from None
