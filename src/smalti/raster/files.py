"""All files that datasets are read from: their own, those they refer to, archives around them, and side-cars.

GDAL lists the files of a dataset that it has opened, but not those of a virtual raster's mask, nor those of the
virtual rasters that it is made of. Side-cars are found by their names, also those that GDAL did not look for.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree as Xml

import rasterio
from rasterio.errors import NotGeoreferencedWarning

from smalti.raster.check import REFUSALS, is_local, refuse_special
from smalti.raster.far import gdal_name, opening
from smalti.raster.other_vectors import need_pyogrio
from smalti.raster.plain_name import plain_name
from smalti.raster.quiet import quiet

_URL = re.compile(r"https?://", re.IGNORECASE)
_STORE = re.compile(r"/vsi(?:s3|gs|az|adls|oss|swift|hdfs|webhdfs)(?:_streaming)?/")
_HANDLER = re.compile(r"/vsi([a-z0-9_]+)(?:/|(?=\?))")
_ARCHIVE = re.compile(r"\.(?:zip|kmz|ods|xlsx|tar|tgz|tar\.gz|7z|rar|gz)(?=/)", re.IGNORECASE)
_SOURCES = ("SourceFilename", "SourceDataset", "IndexDataset")
"""Elements of a virtual raster or tile index that name what it is made of."""
_BEHIND_NAME = (".ovr", ".msk", ".msk.ovr", ".ovr.msk", ".aux.xml", ".aux", ".ovr.aux.xml", ".vat.dbf", ".vat.cpg")
_BEHIND_STEM = (".aux", ".wld", ".prj", ".tab", ".rpb", ".imd", ".hdr", "_rpc.txt")


def files_behind(names: Iterable[str]) -> list[str]:
    """Local files by their absolute path without links, and URLs: all that datasets of these names are read from.

    For datasets that cannot be opened, the files that their names mention. Raises nothing.
    """
    search = _Search()
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += search.look(name)
    return sorted(search.found)


def is_url(place: str) -> bool:
    """Whether a place that `files_behind` found is not on this machine."""
    return bool(_URL.match(place) or _STORE.match(place))


def sidecars(raster: Path, entries: Iterable[str] | None = None) -> list[Path]:
    """The side-cars that a raster has: overviews, masks, world files and the like.

    `entries` are the names in its folder, if they are known.
    """
    stem, ending = raster.stem.lower(), raster.suffix.lower()
    names = {raster.name.lower() + end for end in _BEHIND_NAME}
    names |= {stem + end for end in (*_BEHIND_STEM, *world_endings(ending))} - {raster.name.lower()}
    found = _entries(raster.parent) if entries is None else entries
    return [raster.with_name(entry) for entry in found if entry.lower() in names]


def world_endings(ending: str) -> tuple[str, ...]:
    """The endings of the world files of rasters with an ending, except `.wld`: .tfw, .tifw, .tfwx, .tifwx of .tif."""
    letters = ending.removeprefix(".")
    if not letters:
        return ()
    short, whole = f".{letters[0]}{letters[-1]}w", f".{letters}w"
    return short, whole, f"{short}x", f"{whole}x"


class _Search:
    """The files found so far, and the folders listed for them."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._folders: dict[Path, list[str]] = {}

    def look(self, name: str) -> list[str]:
        """Adds the files of a dataset itself; returns the names of those that it is made of."""
        listed, driver = _opened(name)
        places = [place_of(file) for file in (*listed, *_mentioned(name))]
        for place in places:
            self._add(place)
        sources = _sources(name)
        if driver == "GTI":
            sources += [tile for index in {*places, *map(place_of, sources)} for tile in _tiles(index)]
        if driver == "VRT":
            sources += [file for file in listed if not is_url(place_of(file)) or file.lower().endswith(".vrt")]
        return sources

    def _add(self, place: str) -> None:
        if not place or place in self.found:
            return
        self.found.add(place)
        if not is_url(place):
            path = Path(place)
            if path.parent not in self._folders:
                self._folders[path.parent] = _entries(path.parent)
            self.found |= {str(car.resolve()) for car in sidecars(path, self._folders[path.parent])}


def _entries(folder: Path) -> list[str]:
    with suppress(OSError):
        return [entry.name for entry in folder.iterdir()]
    return []


def _opened(name: str) -> tuple[list[str], str]:
    """The files of a dataset as GDAL lists them, and its driver; empty if it cannot be opened."""
    try:
        with quiet_open(name) as dataset:
            return list(dataset.files), str(dataset.driver)
    except REFUSALS:
        return [], ""


@contextmanager
def quiet_open(name: str) -> Iterator[Any]:
    """A dataset as rasterio opens it; raises one of `REFUSALS`."""
    refuse_special(name)
    with quiet(NotGeoreferencedWarning, RuntimeWarning), opening(name):
        dataset = rasterio.open(gdal_name(name))
    with dataset:
        yield dataset


def _mentioned(name: str) -> Iterator[str]:
    """The name of a dataset if it is a file, else the files in it: of GTIFF_DIR:1:a.tif and NETCDF:"a.nc":band."""
    if name.lstrip().startswith("<"):
        return
    yield name
    if not place_of(name):
        yield from (part for part in re.split(r'[:"?&=,!]', name) if place_of(part))


def _sources(name: str) -> list[str]:
    """The sources that the text of a virtual raster names."""
    inline = name.lstrip().startswith("<")
    file = Path("" if inline else place_of(name))
    try:
        if not inline and (not file.is_file() or file.stat().st_size == 0 or not _is_xml(file)):
            return []
        root = Xml.fromstring(name if inline else file.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, Xml.ParseError):
        return []
    named = [(element.text or "", element.get("relativeToVRT")) for tag in _SOURCES for element in root.iter(tag)]
    return [str(file.parent / text) if relative == "1" else text for text, relative in named if text]


def _tiles(index: str) -> list[str]:
    """The files that a vector file lists as tiles of one raster; empty if it is not a tile index."""
    if not index or is_url(index):
        return []
    need_pyogrio("reads tile indexes")
    import pyogrio.raw  # here: few scenes are tile indexes

    try:
        with plain_name(Path(index)) as name:
            _, _, _, (names,) = pyogrio.raw.read(name, columns=["location"], read_geometry=False)
    except Exception:  # whatever the drivers of vector files raise
        return []
    return [name if not is_local(name) else str(Path(index).parent / name) for name in map(str, names)]


def _is_xml(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def place_of(name: str) -> str:
    """Where the bytes of a GDAL file name lie: an absolute path, a URL, or empty if unknown."""
    name = gdal_name(name)
    if _URL.match(name):
        return name
    if not name.startswith("/vsi"):
        return "" if "://" in name else _on_disk(name, inside=False)
    inside = False
    while not _STORE.match(name) and (handler := _HANDLER.match(name)):
        inside |= handler[1] not in ("curl", "curl_streaming", "cached")
        name = name[handler.end() :].lstrip("{")
        if name.startswith("?"):  # /vsicurl?url=..., /vsicached?file=...
            values = parse_qs(name[1:])
            name = next((values[key][0] for key in ("url", "file") if key in values), "")
        if handler[1] == "subfile":  # OFFSET_SIZE,FILE
            name = name.partition(",")[2]
    name = name.replace("}", "")
    if not is_url(name):
        return _on_disk(name, inside)
    archive = _ARCHIVE.search(name) if inside else None
    return name[: archive.end()] if archive else name


def _on_disk(name: str, inside: bool) -> str:
    """The file or folder of that name, or the archive that it lies in."""
    with suppress(OSError, ValueError):  # too long for a path, or with invalid characters
        path = Path(name)
        if name and path.exists():
            return str(path.resolve())
        if inside:
            return next((str(parent.resolve()) for parent in path.parents if parent.is_file()), "")
    return ""
