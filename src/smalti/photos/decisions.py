"""Ratings and labels that a photo already has: in a sidecar, or in the file itself (XMP, or the EXIF rating)."""

import mmap
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from smalti.errors import DataError
from smalti.photos.formats import exif, jpeg
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
_READ = (*FIELDS, "acdsee:rating")
_NONE = {"", "0", "None"}  # values that mean: not rated
_PACKET = re.compile(rb"<x:xmpmeta\b.*?</x:xmpmeta>|<rdf:RDF\b.*?</rdf:RDF>", re.DOTALL)
_HEAD = 1 << 20  # bytes in which EXIF lies
_JPEG_HEAD = 1 << 22  # bytes in which the XMP of a JPEG lies; in others it may lie anywhere
_EXIF_RATING = 0x4746


def is_decided(path: Path) -> bool:
    """Whether a sidecar or a photo's file holds a rating or label that Smalti did not write."""
    return any(_is_rated(values) and not _wrote(values) for values in _values(path))


def is_ours(path: Path) -> bool:
    """Whether a sidecar holds what Smalti wrote, unchanged since."""
    return any(map(_wrote, _values(path)))


def _is_rated(values: dict[str, str]) -> bool:
    return any(value.strip() not in _NONE for name, value in values.items() if name != VERDICT)


def _wrote(values: dict[str, str]) -> bool:
    fields = {name: value for name, value in values.items() if name != VERDICT}
    return VERDICT in values and fields in MARKS.values()


def _values(path: Path) -> Iterator[dict[str, str]]:
    """The fields of each packet in a file; none if it is missing or invalid."""
    is_sidecar = path.suffix.lower() == ".xmp"
    try:
        packets, head = ([path.read_bytes()], b"") if is_sidecar else _packets(path)
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
        return
    for packet in packets:
        with suppress(DataError):
            yield values_in(packet, (*_READ, VERDICT))
    yield {"exif:Rating": str(_header(head).number(_EXIF_RATING))}


def _packets(path: Path) -> tuple[list[bytes], bytes]:
    """The XMP packets in a photo's file, and its first bytes."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        end = _JPEG_HEAD if content[:3] == jpeg.START else len(content)
        return [match[0] for match in _PACKET.finditer(content, 0, end)], content[:_HEAD]


def _header(head: bytes) -> exif.Exif:
    if head.startswith(jpeg.START):
        found = jpeg.look(head + bytes(4))
        return found.exif if found else exif.NONE
    return exif.parse(head)
