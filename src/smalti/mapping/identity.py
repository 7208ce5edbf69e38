"""The state of all files that a map is made of, by which a later run sees whether one has changed."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from rasterio.windows import Window

from smalti.errors import MissingExtraError, UnreachableError
from smalti.raster.check import REFUSALS
from smalti.raster.far import PAUSES_S, forget
from smalti.raster.files import files_behind, is_url, quiet_open
from smalti.remote.address import parse_address
from smalti.remote.store import Store, StoreError

_TIMEOUT_S = 20
_BUSY = (429, 500, 502, 503, 504)
_SAMPLES = 16
"""Blocks sampled from a raster whose server sends neither a version nor a time."""

_PARTS, _PART = 4, 1 << 14
"""Number of parts of a file that are hashed, and their size in bytes."""
_EMPTY = ("PAMDataset", "PAMRasterBand", "Metadata")
"""Elements of a side-car that carry no information by themselves."""

FileStates = list[list[Any]]
_seen: dict[str, list[str]] = {}
"""What servers said of files when GDAL was last told to read them anew."""


def identity(names: Sequence[str], places: Sequence[str] | None = None) -> FileStates:
    """The path, size, modification time in ns and a digest of some parts of all files behind datasets of these names
    (`places`, if known).

    For a URL what its server sends: ETag, Last-Modified and size; without the first two, a digest of the header and of
    some blocks of each dataset. A side-car with only statistics and band names is ignored: programs write one when
    they only read a raster. The band names are included separately.
    """
    found: FileStates = []
    for place in files_behind(names) if places is None else places:
        if is_url(place):
            headers = _server_headers(place)
            if _seen.get(place) != headers:
                forget(place if not place.startswith("http") else f"/vsicurl/{place}")
                _seen[place] = headers
            found.append([place, *(headers or [_sampled(name) for name in names])])
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
        return [str(path), stat.st_size, stat.st_mtime_ns, _sample_digest(path, stat.st_size)]
    return [str(path)]


def _sample_digest(path: Path, size: int) -> str:
    """A digest of some parts of a file: unpacking or copying another one there may keep size and time."""
    digest = hashlib.sha256()
    if path.is_file():
        with path.open("rb") as file:
            for k in range(_PARTS):
                file.seek(max(0, size - _PART) * k // (_PARTS - 1))
                digest.update(file.read(_PART))
    return digest.hexdigest()


def _server_headers(url: str) -> list[str]:
    """ETag, Last-Modified and size of a URL or object; empty if its server sends neither of the first two."""
    if not url.lower().startswith(("http://", "https://")):
        return _of_object(url)
    for pause in (*PAUSES_S, None):
        try:
            return _of_web(url)
        except _BusyServerError:
            if pause is None:
                break
            time.sleep(pause)
    raise UnreachableError(f"{url}: its server is too busy to answer; run again to resume")


class _BusyServerError(Exception):
    """A server that asks to come back later."""


def _of_web(url: str) -> list[str]:
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen  # here: few scenes are URLs

    for method, asked in (("HEAD", {}), ("GET", {"Range": "bytes=0-0"})):  # a signed URL may allow only GET
        question = Request(url, method=method, headers=asked)
        try:
            with urlopen(question, timeout=_TIMEOUT_S) as response:
                headers = [response.headers.get(key) or "" for key in ("ETag", "Last-Modified", "Content-Length")]
                headers[2] = (response.headers.get("Content-Range") or "").rpartition("/")[2] or headers[2]
                return headers if any(headers[:2]) else []
        except HTTPError as error:
            if error.code in _BUSY:
                raise _BusyServerError from None
        except (URLError, HTTPException, OSError, ValueError):
            continue
    return []


def _of_object(place: str) -> list[str]:
    """The same of an object; empty without the libraries for stores, or if only GDAL can reach it."""
    if not place.startswith(("/vsis3/", "/vsigs/", "/vsiaz/")):
        return []
    address = parse_address(place)
    try:
        blob = Store(address).head(address)
    except MissingExtraError:
        return []
    except StoreError as error:
        raise UnreachableError(str(error)) from None
    return [] if blob is None else [blob.etag, blob.modified.isoformat(), str(blob.size)]


def _sampled(name: str) -> str:
    """A digest of a raster's header and of some of its blocks; empty if it cannot be read."""
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
    """A digest of GDAL's side-car without statistics and band names; empty if nothing is left."""
    try:
        content = sidecar.read_bytes()
        said = sorted(_leaves(Xml.fromstring(content), ""))
    except OSError:
        return "unreadable"
    except Xml.ParseError:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256("\n".join(said).encode()).hexdigest() if said else ""


def _leaves(element: Xml.Element, path: str) -> Iterator[str]:
    """The leaves below an element, each as one text with all its ancestors."""
    key = element.get("key", "")
    if element.tag in ("Histograms", "Description") or key.startswith("STATISTICS_"):
        return
    path = f"{path}/{element.tag} {sorted(element.items())}"
    text = (element.text or "").strip()
    if text or not (len(element) or element.tag in _EMPTY):
        yield f"{path} {text}"
    for child in element:
        yield from _leaves(child, path)
