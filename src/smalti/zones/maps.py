"""The maps that statistics are made of, class maps or values, found by name."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from smalti.errors import DataError, RasterError
from smalti.raster.grid import Grid
from smalti.raster.read import FileReader, open_file
from smalti.zones.place import Extent

Kind = Literal["classes", "values"]
_RASTERS = frozenset({".tif", ".tiff", ".vrt", ".img", ".png", ".jp2"})
"""Endings of maps in a folder."""


@dataclass(frozen=True, slots=True, eq=False)
class MapFile:
    """A map, as far as it is known before its pixels are read."""

    path: str
    grid: Grid
    kind: Kind
    names: dict[int, str]
    """Names of class ids."""
    extent: Extent | None
    """Where it lies in the CRS of the zones; None for anywhere."""


def find_maps(names: Sequence[str]) -> list[str]:
    """The files and URLs of these names; of a folder its class maps, or, if it has none, its maps of values.

    Raises RasterError for a name without maps.
    """
    found: list[str] = []
    for name in names:
        found += [each for each in _found(name) if each not in found]
    return found


def _found(name: str) -> list[str]:
    path = Path(name)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in _RASTERS and file.is_file())
        made = {str(file): _product(str(file)) for file in files if not file.name.startswith(".")}
        for wanted in ("classes", "values"):
            if chosen := [file for file, product in made.items() if product == wanted]:
                return chosen
        raise RasterError(f"{name}: no map in this folder has tags that say what it holds; name the files", value=name)
    if glob.has_magic(name) and not path.exists():
        matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  Path.glob takes no absolute pattern
        if not matches:
            raise RasterError(f"{name}: no file matches", value=name)
        return matches
    return [name]


def _product(path: str) -> str:
    """What a raster of a folder holds, as its tags say; empty if they do not, or it cannot be opened."""
    try:
        with open_file(path, expand=False) as raster:
            return raster.product or ("classes" if raster.class_names() else "")
    except RasterError:
        return ""


def open_map(path: str) -> FileReader:
    """Opens a map, a palette as its indices; RasterError unless it has one band."""
    raster = open_file(path, expand=False)
    if len(raster.bands) == 1:
        return raster
    raster.close()
    raise RasterError(f"{path}: has {len(raster.bands)} bands; expected a map of one band, of class ids or values")


def kind_of(raster: FileReader) -> Kind:
    """Classes for whole numbers that tags or a palette say to be such, and for plain bytes; else values."""
    if raster.dtype.kind not in "iu":
        return "values"
    if raster.product or raster.class_names() or raster.palette is not None:
        return "values" if raster.product not in ("", "classes") else "classes"
    plain = (raster.scales[0], raster.offsets[0]) == (1, 0)
    return "classes" if raster.dtype == np.uint8 and plain else "values"


def check_alike(maps: Sequence[MapFile]) -> Kind:
    """What all maps hold; DataError if they hold different things."""
    first = maps[0]
    for other in maps[1:]:
        if other.kind != first.kind:
            raise DataError(f"{first.path} holds {first.kind}, {other.path} {other.kind}; give maps of one kind")
    return first.kind
