"""Colours of classes: painted for maps, read back from label images."""

import colorsys
from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from smalti.card import RGB, Task
from smalti.label_sets import set_ids

NO_DATA: RGB = (0, 0, 0)
RAMP: tuple[RGB, ...] = (
    (240, 240, 233), (197, 215, 180), (228, 209, 136), (214, 146, 88), (160, 70, 66), (92, 44, 78)
)  # fmt: skip
"""Colours of values, from the lowest to the highest."""
CONFIDENT: tuple[RGB, ...] = ((215, 48, 39), (254, 224, 139), (26, 152, 80))
"""Colours of confidence, from 0 to 1."""
_GOLDEN = 0.618034  # steps of the golden ratio around the colour circle keep any number of hues apart


def parse_color(text: str) -> RGB:
    """Red, green, blue (0 to 255) of `#RRGGBB` or `RRGGBB`; ValueError for anything else."""
    digits = text.strip().removeprefix("#")
    if len(digits) != 6:
        raise ValueError(f"{text!r} is not a colour; write it as #RRGGBB")
    try:
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        raise ValueError(f"{text!r} is not a colour; write it as #RRGGBB") from None
    return red, green, blue


def to_hex(color: RGB) -> str:
    """The colour as `#RRGGBB`."""
    return "#{:02X}{:02X}{:02X}".format(*color)


def task_colors(task: Task) -> tuple[RGB, ...]:
    """One colour per class: the task's own, or hues that are far apart."""
    if task.colors:
        return task.colors
    hues = [colorsys.hsv_to_rgb(i * _GOLDEN % 1, 0.65, 0.9) for i in range(len(task.labels))]
    return tuple((round(r * 255), round(g * 255), round(b * 255)) for r, g, b in hues)


def legend(classes: NDArray[np.uint8], task: Task) -> list[tuple[str, str]]:
    """The classes that a class map (H, W) has: label, and colour as `#RRGGBB`."""
    seen = np.bincount(classes.reshape(-1), minlength=256) > 0
    pairs = zip(task.labels, task_colors(task), strict=True)
    return [(label, to_hex(color)) for k, (label, color) in enumerate(pairs) if seen[k]]


def color_table(colors: Iterable[RGB]) -> str:
    """The colour table of a band in GDAL's side-car, of these colours only: that of a GeoTIFF of bytes has 256."""
    entries = "".join(f'<Entry c1="{red}" c2="{green}" c3="{blue}" c4="255"/>' for red, green, blue in colors)
    return f"<ColorInterp>Palette</ColorInterp><ColorTable>{entries}</ColorTable>"


def colorize(classes: NDArray[np.uint8], task: Task) -> NDArray[np.uint8]:
    """Paints a class map.

    Args:
        classes: (H, W) class ids.
        task: its colours.

    Returns:
        (H, W, 3) red, green, blue; the mean of the colours of a set's classes; values that are neither class nor set,
        such as no data, are black.
    """
    table = np.full((256, 3), NO_DATA, np.uint8)
    table[: len(task.labels)] = task_colors(task)
    for number, allowed in set_ids(task).items():
        table[number] = table[list(allowed)].mean(0).round()
    return table[classes]


class Colors:
    """Colours and the class id that each stands for.

    Decoding looks every pixel up in a table of all 2**24 colours: far quicker than searching.
    """

    def __init__(self, ids: Mapping[RGB, int]) -> None:
        self.ids = dict(ids)
        self._known = tuple(sorted((_pack(color), value) for color, value in self.ids.items()))

    def decode(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Class ids (H, W) of colours (3, H, W), and where the colour is unknown (the id there is meaningless)."""
        classes, missing = _table(self._known)
        packed = pixels[0].astype(np.uint32)
        packed <<= 8
        packed |= pixels[1]
        packed <<= 8
        packed |= pixels[2]
        found = classes[packed]
        return found, found == missing


def _pack(color: RGB) -> int:
    return color[0] << 16 | color[1] << 8 | color[2]


@lru_cache(maxsize=4)
def _table(known: tuple[tuple[int, int], ...]) -> tuple[NDArray[np.uint8], int]:
    """The id of each of the 2**24 colours (16 MB), and the id that stands for an unknown one."""
    missing = min(set(range(256)) - {value for _, value in known})
    table = np.full(1 << 24, missing, np.uint8)
    for color, value in known:
        table[color] = value
    return table, missing
