"""Bursts by the file names that cameras give them."""

import re

_BURSTS = (
    # Google Camera: 00001IMG_00001_BURST20190512101520123_COVER.jpg, Sony: DSCPDC_0003_BURST20180715102330150.JPG
    re.compile(r"(BURST\d{14,17})(?!\d)", re.IGNORECASE),
    # Motorola, HTC, Huawei: IMG_20170512_101520_BURST002.jpg, IMAG0001_BURST001_COVER.jpg
    re.compile(r"^(.+?)[_.~-]?BURST[_-]?\d{1,3}(?!\d)", re.IGNORECASE),
    # Samsung: 20180512_101520_003.jpg; the second of the clock stands in it, so that it is no plain counter
    re.compile(r"^((?:19|20)\d{6}_[0-2]\d[0-5]\d[0-5]\d)_\d{3}$"),
)
"""Only what is surely a burst: IMG_1234_1 may as well be a copy or an edited version, and is left to likeness."""


def burst(stem: str) -> str:
    """What photos of one burst have in common in their names (without ending); "" if the name tells of none."""
    found = (pattern.search(stem) for pattern in _BURSTS)
    return next((match[1] for match in found if match), "")
