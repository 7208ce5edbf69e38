"""The orientation tag of photos, also where GDAL does not show it: TIFF, PNG and WebP."""

import io
import struct
from pathlib import Path
from typing import Any, BinaryIO

_ORIENTATION = 274


def orientation(path: str, dataset: Any) -> int:
    """The EXIF orientation, 1 to 8, of the image; 1 where there is none."""
    tag = dataset.tags().get("EXIF_Orientation", "")
    if tag.strip().isdigit():
        found = int(tag)
    elif Path(path).is_file() and dataset.driver in _READ:
        try:
            found = _READ[dataset.driver](path)
        except (struct.error, OSError):
            found = 1
    else:
        found = 1
    return found if 1 <= found <= 8 else 1


def png_chunks(path: str) -> dict[bytes, bytes]:
    """The kinds of chunks of a PNG file that are complete, with the content of the eXIf chunk."""
    found: dict[bytes, bytes] = {}
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        at = 8
        while at + 12 <= size and b"IEND" not in found:
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            at += 12 + length
            if at <= size:
                found[kind] = file.read(length) if kind == b"eXIf" else b""
    return found


def _png(path: str) -> int:
    return _tag(io.BytesIO(png_chunks(path).get(b"eXIf", b"")))


def _webp(path: str) -> int:
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        at = 12
        while at + 8 <= size:
            file.seek(at)
            kind, length = struct.unpack("<4sI", file.read(8))
            if kind == b"EXIF":
                return _tag(io.BytesIO(file.read(length).removeprefix(b"Exif\0\0")))
            at += 8 + length + length % 2
    return 1


def _tiff(path: str) -> int:
    with Path(path).open("rb") as file:
        return _tag(file)


def _tag(file: BinaryIO) -> int:
    """The orientation in the first directory of a TIFF structure (an EXIF block is one, too); struct.error if cut."""
    order = {b"II": "<", b"MM": ">"}.get(file.read(2))
    if order is None:
        return 1
    big = struct.unpack(order + "H", file.read(2)) == (43,)
    file.seek(8 if big else 4)
    (start,) = struct.unpack(order + ("Q" if big else "I"), file.read(8 if big else 4))
    file.seek(start)
    (count,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    for _ in range(min(count, 4096)):
        entry = file.read(20 if big else 12)
        if struct.unpack(order + "H", entry[:2]) == (_ORIENTATION,):
            value = entry[12:14] if big else entry[8:10]
            return int(struct.unpack(order + "H", value)[0])
    return 1


_READ = {"PNG": _png, "WEBP": _webp, "GTiff": _tiff}
