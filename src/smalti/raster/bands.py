"""Names of bands, and the choice of some of them."""

from collections.abc import Sequence
from typing import Any

from smalti.errors import RasterError

COLORS = ("red", "green", "blue", "nir", "rededge", "pan", "coastal", "swir", "mwir", "lwir", "tir")
ALIASES = {
    "r": "red",
    "g": "green",
    "b": "blue",
    "n": "nir",
    "near infrared": "nir",
    "near-infrared": "nir",
    "near_infrared": "nir",
    "nearinfrared": "nir",
    "nir1": "nir",
}


def image_bands(dataset: Any) -> list[int]:
    """The 1-based numbers of all bands that are not alpha."""
    alpha = alpha_bands(dataset)
    return [number for number in range(1, dataset.count + 1) if number not in alpha]


def alpha_bands(dataset: Any) -> list[int]:
    """The 1-based numbers of the bands that say where the image is.

    GDAL takes any fourth byte for alpha, so a band that is described as something else is none.
    """
    told = zip(dataset.colorinterp, dataset.descriptions, strict=True)
    return [
        i for i, (color, text) in enumerate(told, 1) if color.name == "alpha" and "alpha" in (text or "alpha").lower()
    ]


def band_names(dataset: Any) -> tuple[tuple[str, ...], bool]:
    """A lower-case name for each image band, and whether all of them stand in the file.

    The description comes before the colour; a band with neither is called by its number, `band4`. Three bytes
    without any name are taken for red, green and blue, but not as known.
    """
    numbers = image_bands(dataset)
    names: list[str] = []
    for number in numbers:
        name = _declared(dataset, number)
        names.append(name if name and name not in names else f"band{number}")
    known = not any(name.startswith("band") for name in names)
    unnamed = all(name == f"band{number}" for name, number in zip(names, numbers, strict=True))
    if unnamed and len(names) == 3 and dataset.dtypes[0] == "uint8":
        names = ["red", "green", "blue"]
    return tuple(names), known


def _declared(dataset: Any, number: int) -> str:
    text = " ".join((dataset.descriptions[number - 1] or "").lower().split())
    if text:
        return ALIASES.get(text, text)
    color: str = dataset.colorinterp[number - 1].name
    return color if color in COLORS else ""


def choose(path: str, names: Sequence[str], wanted: Sequence[str | int]) -> list[int]:
    """0-based places of the wanted bands (a name, or a number from 1) among `names`; RasterError if one is missing."""
    return [_place(path, names, want) for want in wanted]


def _place(path: str, names: Sequence[str], want: str | int) -> int:
    text = str(want).strip().lower()
    text = ALIASES.get(text, text)
    if text in names:
        return list(names).index(text)
    if text.isdigit() and 1 <= int(text) <= len(names):
        return int(text) - 1
    has = ", ".join(f"{i} {name}" for i, name in enumerate(names, 1))
    raise RasterError(f"{path}: there is no band {want!r}; it has {has}")
