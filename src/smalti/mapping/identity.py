"""What tells whether the files that a map is made of are still the same ones."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from rasterio.windows import Window

from smalti.raster.check import REFUSALS
from smalti.raster.files import files_behind, is_url, quiet_open

_TIMEOUT_S = 20
_SAMPLES = 16
"""Blocks that stand for a whole raster whose server tells neither a version nor a time."""

_PARTS, _PART = 4, 1 << 14
"""Parts of a file that are looked at, and their bytes."""
_EMPTY = ("PAMDataset", "PAMRasterBand", "Metadata")
"""Elements of a side-car that say nothing by themselves."""

Identity = list[list[Any]]


def identity(names: Sequence[str], places: Sequence[str] | None = None) -> Identity:
    """Of all files that datasets of these names are read from (`places`, if known): path, size, time of change in ns,
    and a digest of some parts.

    Of a URL what its server tells: ETag, Last-Modified and size; where it tells neither of the first two, a digest of
    the header and of some blocks of each dataset. A side-car that holds nothing but statistics and names of bands does
    not count: programs write one when they only look at a raster. What the bands are called is told besides.
    """
    found: Identity = []
    for place in files_behind(names) if places is None else places:
        if is_url(place):
            told = _told_by_server(place)
            found.append([place, *(told or [_sampled(name) for name in names])])
        elif place.lower().endswith(".aux.xml"):
            digest = _without_statistics(Path(place))
            found += [[place, digest]] if digest else []
        else:
            found += [_on_disk(file) for file in _files(Path(place))]
    return found + [[name, *_band_names(name)] for name in names]


def _band_names(name: str) -> list[str]:
    try:
        with quiet_open(name) as file:
            return [
                f"{text or ''} {color.name}" for text, color in zip(file.descriptions, file.colorinterp, strict=True)
            ]
    except REFUSALS:
        return []


def _files(path: Path) -> list[Path]:
    """The file, or all files of a dataset that is a folder."""
    return [file for file in sorted(path.rglob("*")) if file.is_file()] if path.is_dir() else [path]


def _on_disk(path: Path) -> list[Any]:
    with suppress(OSError):
        stat = path.stat()
        return [str(path), stat.st_size, stat.st_mtime_ns, _glimpse(path, stat.st_size)]
    return [str(path)]


def _glimpse(path: Path, size: int) -> str:
    """A digest of some parts of a file: whoever unpacks or copies another one there may keep its size and its time."""
    digest = hashlib.sha256()
    if path.is_file():
        with path.open("rb") as file:
            for k in range(_PARTS):
                file.seek(max(0, size - _PART) * k // (_PARTS - 1))
                digest.update(file.read(_PART))
    return digest.hexdigest()


def _told_by_server(url: str) -> list[str]:
    """ETag, Last-Modified and size of what lies at a URL; nothing where the server tells neither of the first two."""
    if not url.lower().startswith(("http://", "https://")):
        return []  # a store that only GDAL has the keys of
    from urllib.error import URLError
    from urllib.request import Request, urlopen  # here: few scenes are URLs

    for method, asked in (("HEAD", {}), ("GET", {"Range": "bytes=0-0"})):  # a signed URL may allow only GET
        question = Request(url, method=method, headers=asked)
        with suppress(URLError, OSError, ValueError), urlopen(question, timeout=_TIMEOUT_S) as answer:
            told = [answer.headers.get(key) or "" for key in ("ETag", "Last-Modified", "Content-Length")]
            told[2] = (answer.headers.get("Content-Range") or "").rpartition("/")[2] or told[2]
            return told if any(told[:2]) else []
    return []


def _sampled(name: str) -> str:
    """A digest of a raster's header and of some of its blocks; nothing if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with quiet_open(name) as file:
            digest.update(repr((sorted(file.profile.items(), key=str), file.tags())).encode())
            height, width = file.block_shapes[0]
            blocks = [(row, col) for row in range(0, file.height, height) for col in range(0, file.width, width)]
            for row, col in blocks[:: -(-len(blocks) // _SAMPLES)]:
                window = Window(col, row, min(width, file.width - col), min(height, file.height - row))
                digest.update(file.read(window=window).tobytes())
    except REFUSALS:
        return ""
    return digest.hexdigest()


def _without_statistics(sidecar: Path) -> str:
    """A digest of what GDAL's side-car says beside statistics and names of bands; nothing if it says nothing else."""
    try:
        content = sidecar.read_bytes()
        said = sorted(_said(Xml.fromstring(content), ""))
    except OSError:
        return "unreadable"
    except Xml.ParseError:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256("\n".join(said).encode()).hexdigest() if said else ""


def _said(element: Xml.Element, path: str) -> Iterator[str]:
    """The leaves below an element, each as one text with all that lies above it."""
    key = element.get("key", "")
    if element.tag in ("Histograms", "Description") or key.startswith("STATISTICS_"):
        return
    path = f"{path}/{element.tag} {sorted(element.items())}"
    text = (element.text or "").strip()
    if text or not (len(element) or element.tag in _EMPTY):
        yield f"{path} {text}"
    for child in element:
        yield from _said(child, path)
