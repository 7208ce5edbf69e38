"""The digest of a picture's coded pixels, without its metadata.

Programs that set a rating, a caption or a place rewrite a file but not its coded pixels, so that a photo whose metadata
were edited has the same digest as before. Nothing is decoded, so the decoder's version does not matter. For damaged
files and other formats the digest is that of the whole file.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator

from smalti.photos.formats import exif, heif, jpeg, png, tiff

LENGTH = 32
"""Hexadecimal digits of a digest."""

_PNG_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}
_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}
_JP2, _JP2_PIXELS = b"jP  ", b"jp2c"


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
    if content.startswith(png.START):
        return _png(content)
    if content[:4] in (b"II*\0", b"MM\0*"):
        return _tiff(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    if content[4:8] == b"ftyp":
        return _heif(content)
    if content[4:8] == _JP2:
        return (content[a:b] for kind, a, b in heif.boxes(content, 0, len(content)) if kind == _JP2_PIXELS)
    return ()


def _png(content: bytes) -> Iterator[bytes]:
    return (content[begin:end] for kind, begin, end in png.chunks(content) if kind in _PNG_PIXELS)


def _tiff(content: bytes) -> Iterator[bytes]:
    return (content[begin:end] for begin, end in tiff.picture(exif.parse(content)))


def _webp(content: bytes) -> Iterator[bytes]:
    at = 12
    while at + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, at)
        if kind in _WEBP_PIXELS:
            yield content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _heif(content: bytes) -> Iterator[bytes]:
    """The content of all items that are pictures."""
    for item in heif.items(content):
        for begin, end in item.places if not item.describes else ():
            yield content[begin:end]
