"""The chunks of WebP (RFC 9649): where its EXIF lies."""

import struct

_HEAD = 12  # bytes before the first chunk: RIFF, length, WEBP


def exif(content: bytes) -> bytes:
    """The TIFF structure of a file's EXIF; empty if there is none, or the file is truncated."""
    at = _HEAD
    while at + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, at)
        if kind == b"EXIF":
            return content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return b""
