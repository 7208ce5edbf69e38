"""What a camera writes beside the pixels: a TIFF structure, the same in JPEG, PNG, TIFF, HEIC and most RAW files.

EXIF 2.32 (CIPA DC-008, 2019). Whatever is damaged counts as not written: no photo is refused for its EXIF.
"""

import calendar
import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

MAGIC = {42, 0x4F52, 0x5352, 0x0055}
"""TIFF itself, and what Olympus (two kinds) and Panasonic write in its place in their RAW files."""
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # bytes of a value by type
_WIDTH, _HEIGHT, _MAKE, _MODEL, _ORIENTATION, _EXIF = 0x0100, 0x0101, 0x010F, 0x0110, 0x0112, 0x8769
_MAKER_NOTE, _SERIALS = 0x927C, (0xA431, 0xC62F)  # the latter is DNG's
_TIMES = ((0x9003, 0x9291, 0x9011), (0x9004, 0x9292, 0x9012))  # taken, else digitized: time, sub-seconds, offset
_APPLE, _APPLE_START, _APPLE_BURST = b"Apple iOS\0", 14, 0x000B
_MOST = 4096  # entries of a directory; more is a damaged count


@dataclass(frozen=True, slots=True)
class Exif:
    """The entries of the first and of the EXIF directory: tag -> type, bytes."""

    order: str
    """Of bytes, as struct writes it."""
    entries: dict[int, tuple[int, bytes]]

    def text(self, tag: int) -> str:
        """A text without the padding around it; "" if there is none."""
        kind, value = self.entries.get(tag, (2, b""))
        return value.partition(b"\0")[0].decode("utf-8", "replace").strip() if kind == 2 else ""

    def number(self, tag: int) -> int:
        """The first of an entry's integers; 0 if there is none."""
        return next(iter(self.numbers(tag)), 0)

    def numbers(self, tag: int) -> tuple[int, ...]:
        """An entry's integers."""
        kind, value = self.entries.get(tag, (4, b""))
        code = {1: "B", 3: "H", 4: "I", 13: "I"}.get(kind)
        return struct.unpack(f"{self.order}{len(value) // _SIZES[kind]}{code}", value) if code else ()

    @property
    def orientation(self) -> int:
        """1 to 8, or 0 where nothing is said."""
        found = self.number(_ORIENTATION)
        return found if 1 <= found <= 8 else 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a TIFF's own image."""
        return self.number(_WIDTH), self.number(_HEIGHT)

    @property
    def camera(self) -> str:
        """Make, model and serial number, as far as they are known."""
        make, model = self.text(_MAKE), self.text(_MODEL)
        named = model if model.lower().startswith(make.lower()) else f"{make} {model}"
        serial = next(filter(None, map(self.text, _SERIALS)), "")
        return f"{named} {serial}".strip()

    @property
    def taken(self) -> float | None:
        """Seconds since 1970 with sub-seconds, as UTC if the offset is known, else by the camera's clock."""
        found = (_seconds(self.text(t), self.text(sub), self.text(offset)) for t, sub, offset in _TIMES)
        return next((seconds for seconds in found if seconds is not None), None)

    @property
    def burst(self) -> str:
        """What Apple's cameras call their burst; other makers write none that can be relied on."""
        _, note = self.entries.get(_MAKER_NOTE, (7, b""))
        if not note.startswith(_APPLE):
            return ""
        with suppress(struct.error):
            return Exif(">", _directory(note, _APPLE_START, ">")).text(_APPLE_BURST)
        return ""


NONE = Exif("<", {})


def parse(block: bytes) -> Exif:
    """The EXIF of a TIFF structure; nothing where it is damaged."""
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2], "")
    try:
        if not order or struct.unpack_from(order + "H", block, 2)[0] not in MAGIC:
            return NONE
        first = Exif(order, _directory(block, struct.unpack_from(order + "I", block, 4)[0], order))
    except struct.error:
        return NONE
    with suppress(struct.error):
        return Exif(order, first.entries | _directory(block, first.number(_EXIF), order))
    return first


def _directory(block: bytes, at: int, order: str) -> dict[int, tuple[int, bytes]]:
    """The entries of the directory at that place, without those that reach beyond the block; struct.error if cut."""
    if at < 8:
        return {}
    found: dict[int, tuple[int, bytes]] = {}
    (count,) = struct.unpack_from(order + "H", block, at)
    for place in range(at + 2, at + 2 + 12 * min(count, _MOST), 12):
        tag, kind, number, start = struct.unpack_from(order + "HHII", block, place)
        length = _SIZES.get(kind, 0) * number
        if length <= 4:
            start = place + 8
        if 0 < length <= len(block) - start:
            found[tag] = kind, block[start : start + length]
    return found


def _seconds(text: str, sub: str, offset: str) -> float | None:
    try:
        moment = datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    ahead = re.fullmatch(r"([+-])(\d\d):?(\d\d)", offset)
    seconds = float(calendar.timegm(moment.timetuple()))
    if ahead:
        sign, hours, minutes = ahead.groups()
        seconds -= int(sign + "1") * (int(hours) * 3600 + int(minutes) * 60)
    return seconds + (float(f"0.{sub}") if re.fullmatch(r"[0-9]{1,9}", sub) else 0.0)
