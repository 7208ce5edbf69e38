"""Copies of an image among a user's images: the same pixels under several names, in whatever format."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.tiling import Window, strips

FIRST = 16
"""Rows that distinguish most images."""


def copies(images: Sequence[Path]) -> list[list[Path]]:
    """Groups of images with equal pixels, except images of one colour: empty tiles are all alike.

    Raises what the readers raise.
    """
    groups = [list(dict.fromkeys(images))]
    for key in (_first_rows, _pixels):
        groups = [part for group in groups for part in _alike(group, key)]
    return groups


def _alike(images: Sequence[Path], key: Callable[[Reader], Hashable]) -> list[list[Path]]:
    """The groups of several images with one key; None is the key of images that are left out."""
    found: dict[Hashable, list[Path]] = defaultdict(list)
    for image in images:
        with closing(open_raster(image)) as reader:
            found[key(reader)].append(image)
    return [group for value, group in found.items() if value is not None and len(group) > 1]


def _first_rows(reader: Reader) -> Hashable:
    grid = reader.grid
    rows, _ = reader.read(Window(0, 0, min(FIRST, grid.height), grid.width))
    return grid.height, rows.shape, str(rows.dtype), hashlib.sha256(rows.tobytes()).digest()


def _pixels(reader: Reader) -> Hashable:
    whole, first, even = hashlib.sha256(), None, True
    for pixels in _strips(reader):
        first = pixels[:, :1, :1] if first is None else first
        even = even and bool((pixels == first).all())
        whole.update(pixels.tobytes())
    return None if even else whole.digest()


def _strips(reader: Reader) -> Iterator[Any]:
    return (reader.read(strip)[0] for strip in strips(reader.grid.height, reader.grid.width))
