"""Names of bands, and the choice of some of them."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from smalti.errors import RasterError
from smalti.text import some

COLORS = ("red", "green", "blue", "nir", "rededge", "pan", "coastal", "swir", "mwir", "lwir", "tir")
ALIASES = {
    "r": "red",
    "g": "green",
    "b": "blue",
    "n": "nir",
    "near infrared": "nir",
    "nearinfrared": "nir",
    "nir1": "nir",
    "red edge": "rededge",
    "panchromatic": "pan",
}
_NAMED = 8
"""How many bands an error lists."""
_BETWEEN = re.compile(r"[\s_\-,;:()\[\]]+")
_COUNT = re.compile(r"(?:(?:band|layer|channel) ?)?\d+")
"""A name that is only a number: `Layer_1`, `Band 2`, `3`."""
_SAYS_NOTHING = re.compile(
    r"\b(?:(?:band|layer|channel)(?: \d+)?|b\d+a?|\d+(?:\.\d+)? ?[nu]m|colou?r|central wavelength|reflectance)\b"
)
"""Text around the colour in a description: `Red band`, `B4 (red)`, `Band 4: red, 665 nm`."""


def image_bands(dataset: Any) -> list[int]:
    """The 1-based numbers of all bands that are not alpha."""
    alpha = set(alpha_bands(dataset))
    return [number for number in range(1, dataset.count + 1) if number not in alpha]


def alpha_bands(dataset: Any) -> list[int]:
    """The 1-based numbers of the alpha bands.

    GDAL takes any fourth band of bytes for alpha, so a band with another description is not.
    """
    bands = zip(dataset.colorinterp, dataset.descriptions, strict=True)
    return [
        i for i, (color, text) in enumerate(bands, 1) if color.name == "alpha" and "alpha" in (text or "alpha").lower()
    ]


def band_names(dataset: Any) -> tuple[tuple[str, ...], bool]:
    """A lower-case name for each image band, and whether the file names all of them.

    A colour in the description comes first, then any other description. For one that is only a number (`Layer_1`) the
    colour interpretation is used. A band with neither is named by its number, `band4`. Three bands of bytes without
    names are assumed to be red, green and blue, but do not count as named.
    """
    numbers = image_bands(dataset)
    descriptions, colors = dataset.descriptions, dataset.colorinterp  # rasterio asks for those of all bands each time
    texts = [" ".join((descriptions[number - 1] or "").lower().split()) for number in numbers]
    declared = [_name(text, colors[number - 1].name) for text, number in zip(texts, numbers, strict=True)]
    often = Counter(declared)
    names: list[str] = []
    taken: set[str] = set()
    for number, text, name in zip(numbers, texts, declared, strict=True):
        own = name if often[name] == 1 else text  # two bands of one colour are distinguished by their descriptions
        names.append(own if own and own not in taken and not _COUNT.fullmatch(_plain(own)) else f"band{number}")
        taken.add(names[-1])
    known = not any(name == f"band{number}" for name, number in zip(names, numbers, strict=True))
    unnamed = all(name == f"band{number}" for name, number in zip(names, numbers, strict=True))
    if unnamed and len(names) == 3 and dataset.dtypes[0] == "uint8":
        names = ["red", "green", "blue"]
    return tuple(names), known


def _plain(text: str) -> str:
    return _BETWEEN.sub(" ", text.lower()).strip()


def _name(text: str, interpretation: str) -> str:
    """The name of a band by its description and GDAL's colour interpretation; empty if there is none."""
    plain = _plain(text)
    word = " ".join(_SAYS_NOTHING.sub(" ", plain).split())
    word = ALIASES.get(word, word)
    if word in COLORS:
        return word
    if interpretation in COLORS and (not word or _COUNT.fullmatch(plain)):
        return interpretation
    return text


def choose(path: str, names: Sequence[str], wanted: Sequence[str | int]) -> list[int]:
    """0-based places of the wanted bands (a name, or a number from 1) among `names`; RasterError if one is missing."""
    return [_place(path, names, want) for want in wanted]


def _place(path: str, names: Sequence[str], want: str | int) -> int:
    text = " ".join(str(want).lower().split())
    for name in (text, _name(text, "")):
        if name in names:
            return list(names).index(name)
    plain = _plain(text)
    number = plain.rpartition(" ")[2] if _COUNT.fullmatch(plain) and not text.startswith("-") else ""
    if number.isdecimal() and len(number) < 10 and 1 <= int(number) <= len(names):
        return int(number) - 1
    has = some([f"{i} {name}" for i, name in enumerate(names, 1)], _NAMED)
    raise RasterError(f"{path}: there is no band {want!r}; it has {has}")
