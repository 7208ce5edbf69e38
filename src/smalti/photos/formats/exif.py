"""EXIF metadata: a TIFF structure, the same in JPEG, PNG, TIFF, HEIC and most RAW files.

EXIF 2.32 (CIPA DC-008, 2019). Damaged entries are ignored: no photo is refused for its EXIF.
"""

import calendar
import re
import struct
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from smalti.photos.photo import Exposure

MAGIC = {42, 0x4F52, 0x5352, 0x0055}
"""The magic numbers of TIFF itself, and of the RAW files of Olympus (two kinds) and Panasonic."""
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # bytes of a value by type
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I"}
_FRACTIONS = {5: "II", 10: "ii", 11: "f", 12: "d"}
_WIDTH, _HEIGHT, _MAKE, _MODEL, _ORIENTATION, _EXIF = 0x0100, 0x0101, 0x010F, 0x0110, 0x0112, 0x8769
_EXPOSURE_TIME, _APERTURE, _ISO, _BIAS, _MODE = 0x829A, 0x829D, 0x8827, 0x9204, 0xA402
_MAKER_NOTE, _SERIALS = 0x927C, (0xA431, 0xC62F)  # the latter is DNG's
_TIMES = ((0x9003, 0x9291, 0x9011), (0x9004, 0x9292, 0x9012))  # taken, else digitized: time, sub-seconds, offset
_APPLE, _APPLE_START, _APPLE_BURST = b"Apple iOS\0", 14, 0x000B
_TIME = re.compile(
    r"\s*(\d{4})[:/.-]\s?(\d\d?)[:/.-]\s?(\d\d?)[ T]\s*(\d\d?)[:.]\s?(\d\d?)(?:[:.]\s?(\d\d?))?"  # perhaps padded
    r"(?:\.(\d{1,9}))?\s*([AaPp]?)"  # a fraction; morning or afternoon of a clock of twelve hours
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_DIGITS = re.compile(r"[0-9]{1,9}")
_MOST = 4096  # entries of a directory; more is a damaged count


@dataclass(frozen=True, slots=True)
class Exif:
    """The entries of the first and of the EXIF directory: tag -> type, bytes."""

    order: str
    """Byte order, as in `struct`: "<" or ">"."""
    entries: dict[int, tuple[int, bytes]]

    def text(self, tag: int) -> str:
        """An entry's text without padding; "" if there is none."""
        kind, value = self.entries.get(tag, (2, b""))
        return value.partition(b"\0")[0].decode("utf-8", "replace").strip() if kind == 2 else ""

    def number(self, tag: int) -> int:
        """The first of an entry's integers; 0 if there is none."""
        return next(iter(self.numbers(tag)), 0)

    def numbers(self, tag: int) -> tuple[int, ...]:
        """An entry's integers."""
        kind, value = self.entries.get(tag, (4, b""))
        code = _INTEGERS.get(kind)
        return struct.unpack(f"{self.order}{len(value) // _SIZES[kind]}{code}", value) if code else ()

    def ratio(self, tag: int) -> float | None:
        """An entry's fraction; None if there is none."""
        kind, value = self.entries.get(tag, (5, b""))
        code = _FRACTIONS.get(kind)
        if not code or len(value) < struct.calcsize(code):
            return None
        above, below = (*struct.unpack_from(self.order + code, value), 1)[:2]
        return above / below if below else None

    @property
    def orientation(self) -> int:
        """1 to 8, or 0 if missing."""
        found = self.number(_ORIENTATION)
        return found if 1 <= found <= 8 else 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a TIFF's own image."""
        return self.number(_WIDTH), self.number(_HEIGHT)

    @property
    def camera(self) -> str:
        """Make, model and serial number, as far as known."""
        make, model = self.text(_MAKE), self.text(_MODEL)
        named = model if model.lower().startswith(make.lower()) else f"{make} {model}"
        serial = next(filter(None, map(self.text, _SERIALS)), "")
        return f"{named} {serial}".strip()

    @property
    def clock(self) -> float | None:
        """The time on the camera's clock, with sub-seconds, in seconds since 1970 of that clock."""
        return self._time[0]

    @property
    def taken(self) -> float | None:
        """Seconds since 1970 with sub-seconds, as UTC if the offset is known, else by the camera's clock."""
        clock, ahead = self._time
        return clock if clock is None else clock - (ahead or 0)

    @property
    def ahead(self) -> int | None:
        """Seconds that the camera's clock was ahead of UTC; None if unknown."""
        return self._time[1]

    @property
    def _time(self) -> tuple[float | None, int | None]:
        """The clock, and the seconds that it is ahead of UTC."""
        for time, sub, offset in _TIMES:
            clock = _seconds(self.text(time), self.text(sub))
            if clock is not None:
                return clock, _ahead(self.text(offset))
        return None, None

    @property
    def exposure(self) -> Exposure:
        """The exposure settings."""
        mode, iso = (next(iter(self.numbers(tag)), None) for tag in (_MODE, _ISO))
        return Exposure(mode, self.ratio(_BIAS), self.ratio(_EXPOSURE_TIME), self.ratio(_APERTURE), iso)

    @property
    def burst(self) -> str:
        """The name of the burst as Apple's cameras write it; other makers write none that is reliable."""
        _, note = self.entries.get(_MAKER_NOTE, (7, b""))
        if not note.startswith(_APPLE):
            return ""
        with suppress(struct.error):
            return Exif(">", _directory(note, _APPLE_START, ">")).text(_APPLE_BURST)
        return ""


NONE = Exif("<", {})


def parse(block: bytes) -> Exif:
    """The EXIF of a TIFF structure; empty if it is damaged."""
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
    """The entries of the directory at `at`, except those that reach beyond the block; struct.error if truncated."""
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


def _seconds(text: str, sub: str) -> float | None:
    """Parses a time as cameras and phones write it, also with other separators, padding, a leap second, and 24 for
    hour 0."""
    found = _TIME.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        midnight = calendar.timegm(datetime(year, month, day).timetuple())
    except ValueError:
        return None
    if hour > 24 or minute > 59 or second > 60:
        return None
    if found[8] and hour <= 12:
        hour = hour % 12 + (12 if found[8] in "Pp" else 0)
    part = sub if _DIGITS.fullmatch(sub) else found[7] or "0"
    # an hour of 24 is the first one of the same day: Android's phones counted hours from 1 to 24
    return midnight + hour % 24 * 3600.0 + minute * 60 + second + float(f"0.{part}")


def _ahead(offset: str) -> int | None:
    """Seconds that a clock is ahead of UTC; None if unknown."""
    if offset == "Z":
        return 0
    found = _OFFSET.fullmatch(offset)
    return int(found[1] + "1") * (int(found[2]) * 3600 + int(found[3]) * 60) if found else None
