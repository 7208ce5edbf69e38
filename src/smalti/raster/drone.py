"""The pixel size of a drone's photo: how high it flew, and the angle that a pixel of its camera sees.

Drones write their height above the place of take-off into XMP; cameras write the focal length into EXIF. On flat ground
below a camera that looks straight down a pixel is as large as height / focal length, the latter in pixels. Hills, and a
take-off from a roof, make an error of as many per cent as they change the height.
"""

import math
import re
from typing import Any

_HEIGHTS = ("AboveGroundAltitude", "RelativeAltitude")
"""Above the ground as some drones measure it; above the place of take-off. Metres."""
_PITCH = "GimbalPitchDegree"
_DOWN, _OBLIQUE = -90.0, 15.0
"""The pitch of a camera that looks straight down, and degrees away from it that still count as down (3 % off)."""
_CALIBRATED = "CalibratedFocalLength"
"""In pixels of the photo as it was taken."""
_DIAGONAL_35MM = math.hypot(36, 24)
_MM = {"2": 25.4, "3": 10.0, "4": 1.0}
"""Millimetres in EXIF's units of resolution."""
_HIGHEST_M = 10_000.0
_SIDES = 1.01
"""How far the aspect ratio may be off until a photo counts as cropped."""
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:/\d+)?")


def drone_pixel_m(dataset: Any) -> float | None:
    """Metres per pixel of a photo that looks straight down, or None where its metadata do not tell.

    `dataset` is an open dataset of rasterio; GDAL shows the metadata of JPEG files.
    """
    if "xml:XMP" not in dataset.tag_namespaces():
        return None
    xmp = " ".join(dataset.tags(ns="xml:XMP").values())
    height = next((found for name in _HEIGHTS if (found := _property(xmp, name)) is not None), None)
    if height is None or not 0 < height < _HIGHEST_M:
        return None
    pitch = _property(xmp, _PITCH)
    if pitch is not None and abs(pitch - _DOWN) > _OBLIQUE:
        return None
    focal = _focal_pixels(dataset.tags(), _property(xmp, _CALIBRATED), dataset.width, dataset.height)
    return height / focal if focal else None


def _focal_pixels(exif: dict[str, str], calibrated: float | None, width: int, height: int) -> float | None:
    """The focal length in pixels of a photo that may have been made smaller, but not cropped."""
    taken = [_exif(exif, f"Pixel{axis}Dimension") for axis in "XY"]
    smaller = 1.0
    if all(taken):
        across, down = (side / own for side, own in zip((width, height), taken, strict=True) if own)
        if not 1 / _SIDES < across / down < _SIDES:
            return None
        smaller = across
    equivalent = _exif(exif, "FocalLengthIn35mmFilm")
    length, per_unit = _exif(exif, "FocalLength"), _exif(exif, "FocalPlaneXResolution")
    unit = _MM.get(exif.get("EXIF_FocalPlaneResolutionUnit", "2").strip("() "))
    if calibrated:
        return calibrated * smaller
    if equivalent:
        return equivalent / _DIAGONAL_35MM * math.hypot(width, height)
    return length * per_unit / unit * smaller if length and per_unit and unit else None


def _property(xmp: str, name: str) -> float | None:
    """A number of an XMP packet, as an attribute or an element of any prefix; None if there is none."""
    found = re.search(rf"[\w-]:{name}\s*(?:=\s*[\"']|>)\s*({_NUMBER.pattern})", xmp)
    return _value(found[1]) if found else None


def _exif(exif: dict[str, str], name: str) -> float | None:
    """A positive number of the EXIF tags; None if there is none."""
    found = _NUMBER.search(exif.get(f"EXIF_{name}", ""))
    value = _value(found[0]) if found else None
    return value if value is not None and value > 0 else None


def _value(text: str) -> float | None:
    above, _, below = text.partition("/")
    return float(above) / float(below or 1) if float(below or 1) else None
