"""The parts of a JPEG stream, without decoding it; also of a stream inside another file."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from smalti.photos.formats.exif import NONE, Exif, parse

START, END = b"\xff\xd8\xff", b"\xff\xd9"
_SCAN, _APP1 = 0xDA, 0xE1
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # baseline, extended, progressive, the latter two with arithmetic coding
_PROGRESSIVE = {0xC2, 0xCA}
_LOSSLESS = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}  # and hierarchical: RAW data in DNG, medical scans
_BESIDE = {*range(0xE0, 0xF0), 0xFE}  # application segments and comments
_BARE = {0x01, 0xD8, *range(0xD0, 0xD8)}  # markers without a length
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_BURST = re.compile(rb"GCamera:BurstI[dD]\s*(?:=\s*[\"']|>)\s*([^\"'<\s]{1,200})")


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A stream's position in its file, and its headers."""

    start: int
    end: int
    """After the end marker; 0 if the file ends before the stream does."""
    width: int
    height: int
    exif: Exif
    burst: str
    """The name of the burst as Google's cameras write it; "" if there is none."""
    scan: int
    """Where the first scan begins."""
    progressive: bool


def look(content: bytes, start: int = 0) -> Jpeg | None:
    """The stream that begins at `start`; None if it is not an image that can be decoded."""
    width = height = frame = 0
    exif, burst = NONE, ""
    for marker, begin, end in _segments(content, start):
        if marker in _FRAMES:
            frame = marker
            height, width = struct.unpack_from(">HH", content, begin + 1)
        elif marker == _APP1 and content.startswith(_EXIF, begin):
            exif = parse(content[begin:end])
        elif marker == _APP1 and content.startswith(_XMP, begin):
            found = _BURST.search(content, begin, end)
            burst = found[1].decode("ascii", "replace") if found else burst
        elif marker == _SCAN and width and height:
            close = content.find(END, end) + len(END) if content.find(END, end) >= 0 else 0
            return Jpeg(start, close, width, height, exif, burst, end, frame in _PROGRESSIVE)
    return None


def is_lossless(content: bytes) -> bool:
    """Whether the stream has a coding that decoders of photos do not support."""
    return any(marker in _LOSSLESS for marker, _, _ in _segments(content, 0))


def largest(content: bytes) -> Jpeg | None:
    """The largest of all streams inside a file, such as the preview of a RAW; None if there is none."""
    places = (match.start() for match in re.finditer(re.escape(START), content))
    found = [stream for stream in (look(content, place) for place in places) if stream is not None]
    return max(found, key=lambda stream: (stream.width * stream.height, -stream.start), default=None)


def coded(content: bytes) -> Iterator[bytes]:
    """The parts that determine the pixels: tables, frame and scans, without comments and application segments."""
    last = 0
    for marker, begin, end in _segments(content, 0):
        if marker == _SCAN:
            yield content[begin:]
            return
        if marker not in _BESIDE:
            yield content[begin:end]
        last = end
    yield content[last:]


def _segments(content: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Marker, begin and end of each segment's content up to the first scan; stops at anything else."""
    at = start + 2
    while content[at : at + 1] == b"\xff" and at + 4 <= len(content):
        marker = content[at + 1]
        if marker == 0xFF:  # a filler
            at += 1
        elif marker in _BARE:
            at += 2
        else:
            (length,) = struct.unpack_from(">H", content, at + 2)
            at += 2 + length
            if length < 2 or at > len(content):
                return
            yield marker, at - length + 2, at
