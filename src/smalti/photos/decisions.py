"""Ratings and labels that a photo already has: in a sidecar, or in the file itself (XMP, or the EXIF rating)."""

import mmap
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from smalti.errors import DataError
from smalti.photos.formats import exif, heif, jpeg, png, webp
from smalti.photos.formats.xmp import values_in
from smalti.photos.photo import Verdict

FIELDS = ("xmp:Rating", "xmp:Label", "MicrosoftPhoto:Rating", "digiKam:PickLabel", "digiKam:ColorLabel")
"""The fields written for a verdict, in this order."""
VERDICT = "smalti:Verdict"
"""The field that marks a sidecar as written by Smalti, as long as the other fields are unchanged."""
MARKS: dict[Verdict, dict[str, str]] = {
    "pick": dict(zip(FIELDS, ("5", "Green", "99", "3", "4"), strict=True)),
    "alternate": dict(zip(FIELDS, ("3", "Yellow", "50", "0", "3"), strict=True)),
    "reject": dict(zip(FIELDS, ("-1", "Red", "0", "1", "1"), strict=True)),
    "unrated": dict(zip(FIELDS, ("0", "", "0", "0", "0"), strict=True)),
}
_READ = (*FIELDS, "acdsee:rating", "xmpDM:pick", "photomechanic:ColorClass", "photomechanic:Tagged")
_NONE = {"", "0", "None", "False"}  # values that mean: not rated
_MENTIONED = re.compile(rb":(?:[Rr]ating|Label|PickLabel|ColorLabel|pick|ColorClass|Tagged)\b")
_PACKET = re.compile(rb"<x:xmpmeta\b.*?</x:xmpmeta>|<rdf:RDF\b.*?</rdf:RDF>", re.DOTALL)
_HEAD = 1 << 20  # bytes in which EXIF lies
_JPEG_HEAD = 1 << 22  # bytes in which the XMP of a JPEG lies; in others it may lie anywhere
_EXIF_RATINGS = (0x4746, 0x4749)  # in stars, in percent
_XMP_TEXT = b"XML:com.adobe.xmp\0"  # how a chunk `iTXt` of a PNG with XMP begins
_EXTENSION = "photoshop:SidecarForExtension"


def is_decided(path: Path) -> bool:
    """Whether a sidecar or a photo's file holds a rating or label that Smalti did not write."""
    return any(_is_rated(values) and not _wrote(values) for values in _values(path))


def is_ours(path: Path) -> bool:
    """Whether a sidecar holds what Smalti wrote, unchanged since."""
    return any(map(_wrote, _values(path)))


def is_for(sidecar: Path, file: Path) -> bool:
    """Whether a sidecar NAME.xmp exists and does not belong to another file, such as Camera Raw's for a RAW."""
    try:
        named = values_in(sidecar.read_bytes(), [_EXTENSION]).get(_EXTENSION, "")
    except OSError:
        return False
    except DataError:
        named = ""
    return named.strip().lower() in ("", file.suffix[1:].lower())


def _is_rated(values: dict[str, str]) -> bool:
    return any(value.strip() not in _NONE for name, value in values.items() if name != VERDICT)


def _wrote(values: dict[str, str]) -> bool:
    fields = {name: value for name, value in values.items() if name in FIELDS}
    others = {name: value for name, value in values.items() if name not in FIELDS}
    return VERDICT in values and fields in MARKS.values() and not _is_rated(others)


def _values(path: Path) -> Iterator[dict[str, str]]:
    """The fields of each packet in a file; none if it is missing or invalid."""
    is_sidecar = path.suffix.lower() == ".xmp"
    try:
        packets, head = ([path.read_bytes()], b"") if is_sidecar else _packets(path)
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped, a PNG is damaged
        return
    for packet in packets:
        try:
            yield values_in(packet, (*_READ, VERDICT))
        except DataError:  # of another encoding or form: what it mentions may be a rating
            if mentioned := _MENTIONED.search(packet.replace(b"\0", b"")):
                yield {"unread": mentioned[0].decode()}
    header = _header(head)
    yield {f"exif:{tag:x}": str(header.number(tag)) for tag in _EXIF_RATINGS}


def _packets(path: Path) -> tuple[list[bytes], bytes]:
    """The XMP packets in a photo's file, and the bytes that hold its EXIF."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[: len(png.START)] == png.START:
            return _in_png(content[:])
        end = _JPEG_HEAD if content[:3] == jpeg.START else len(content)
        return [match[0] for match in _PACKET.finditer(content, 0, end)], _exif_of(content)


def _exif_of(content: mmap.mmap) -> bytes:
    """The bytes that hold the EXIF of a file: its beginning, or a part of a WebP, HEIC or AVIF."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return webp.exif(content[:])
    if content[4:8] == b"ftyp":
        with suppress(ValueError, IndexError, struct.error):
            return heif.exif(content[:])
        return b""
    return content[:_HEAD]


def _in_png(content: bytes) -> tuple[list[bytes], bytes]:
    """XMP in a PNG may be compressed, and EXIF lies in a chunk of its own; ValueError where it is damaged."""
    texts, head = [], b""
    for kind, begin, end in png.chunks(content):
        if kind == png.EXIF:
            head = content[begin:end]
        elif kind == png.TEXT and content.startswith(_XMP_TEXT, begin):
            texts.append(png.text(content[begin:end]))
    return [match[0] for text in texts for match in _PACKET.finditer(text)], head


def _header(head: bytes) -> exif.Exif:
    if head.startswith(jpeg.START):
        found = jpeg.look(head + bytes(4))
        return found.exif if found else exif.NONE
    return exif.parse(head)
