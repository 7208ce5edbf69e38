"""File names: bursts, pairs, and natural order."""

import re
from pathlib import Path

_BURSTS = (
    # Google Camera: 00001IMG_00001_BURST20190512101520123_COVER.jpg, Sony: DSCPDC_0003_BURST20180715102330150.JPG
    re.compile(r"(?<![A-Za-z])(BURST\d{14,17})(?!\d)"),
    # Motorola, HTC, Huawei: IMG_20170512_101520_BURST002.jpg, IMAG0001_BURST001_COVER.jpg
    re.compile(r"^(.*?\d)[_.~-]BURST[_-]?\d{1,3}(?!\d)"),
    # Samsung: 20180512_101520_003.jpg; the time to the second is part of it, so it is not a mere counter
    re.compile(r"^((?:19|20)\d{6}_[0-2]\d[0-5]\d[0-5]\d)_\d{3}$"),
)
"""Only names that are certainly of a burst: IMG_1234_1 may also be a copy or an edited version."""
_PAIR = re.compile(r"[._]RAW-\d\d(\.MP)?\.(COVER|ORIGINAL)$")
"""Google's Pixel: PXL_20230101_120000000.RAW-01.COVER.jpg and PXL_20230101_120000000.RAW-02.ORIGINAL.dng."""
_NUMBERS = re.compile(r"([0-9]+)")

Natural = tuple[str | int, ...]


def burst(stem: str) -> str:
    """The part of a name (without ending) that photos of one burst share; "" if the name is not of a burst."""
    found = (pattern.search(stem) for pattern in _BURSTS)
    return next((match[1] for match in found if match), "")


def pair(stem: str) -> str:
    """The part of a name (without ending) that a RAW and the JPEG of one shutter release share."""
    return _PAIR.sub("", stem)


def order(path: Path) -> tuple[tuple[Natural, str], ...]:
    """Sort key of a path: part by part, names without their endings first, numbers in them by value."""
    return (*((_natural(part), part) for part in path.parts[:-1]), (_natural(path.stem), path.name))


def _natural(text: str) -> Natural:
    return tuple(int(part) if k % 2 else part for k, part in enumerate(_NUMBERS.split(text)))
