"""Where a TIFF stores its first picture: strips or tiles (TIFF 6.0)."""

import struct

from smalti.photos.formats.exif import Exif

_PLACES = ((0x0111, 0x0117), (0x0144, 0x0145))  # offsets and lengths of strips, of tiles
_BIG = 43  # in place of 42


def is_big(content: bytes) -> bool:
    """Whether it is a BigTIFF, whose directories have another layout."""
    return content[:4] in (b"II" + struct.pack("<H", _BIG), b"MM" + struct.pack(">H", _BIG))


def picture(exif: Exif) -> list[tuple[int, int]]:
    """Begin and end of each strip or tile in the file; an end may lie beyond the file's."""
    for offsets, lengths in _PLACES:
        begins, sizes = exif.numbers(offsets), exif.numbers(lengths)
        if begins:
            return [(begin, begin + size) for begin, size in zip(begins, sizes, strict=False)]
    return []
