"""Which files are opened as scenes: formats whose pixels lie in the file itself, and virtual rasters of such files."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as Xml

from smalti.app.problems import ProblemError

DRIVERS = ("GTiff", "PNG", "JPEG", "JP2OpenJPEG", "WEBP", "BMP", "GIF", "HFA")
WHOLE = frozenset({"PNG", "JPEG", "WEBP", "GIF"})
"""Formats that are decoded from the top, or as a whole."""
_BEGINS = (
    b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff",
    b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"BM", b"GIF8", b"EHFA_HEADER_TAG",
)  # fmt: skip
_HEAD = 4096
_LONGEST_VRT = 4 * 2**20
_DEEPEST = 4
_NO_VRT = frozenset({"PixelFunctionCode", "PixelFunctionLanguage", "GDALWarpOptions", "ProcessingSteps", "OpenOptions"})
"""Elements of virtual rasters that hold code, or options of whatever opens their sources."""
_ALIEN = ("/vsi", "://", "<", "zarr:", "netcdf:", "hdf5:", "gtiff_dir:", "wms:", "subdataset")


def check_content(path: Path, name: str = "") -> None:
    """ProblemError for a file that does not begin as an image does; nothing is decoded. `name` is its name to say."""
    head = _head(path)
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    if not (webp or head.startswith(_BEGINS)) or b"<VRTDataset" in head:
        raise ProblemError(
            422, f"{name or path.name}: is no image; expected GeoTIFF, JPEG, PNG, JPEG 2000, WebP, BMP or GIF"
        )


def check_file(path: Path, allowed: Callable[[Path], bool]) -> list[Path]:
    """All files that a file of the server leads to; ProblemError for no image, or one that is not allowed."""
    sources: list[Path] = []

    def noted(source: Path) -> bool:
        sources.append(source)
        return allowed(source)

    if is_virtual(path):
        _check_virtual(path, noted, 0)
    else:
        check_content(path)
    return sources


def is_virtual(path: Path) -> bool:
    """Whether a file is a virtual raster, by its content."""
    return b"<VRTDataset" in _head(path)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        raise ProblemError(422, f"{path.name}: cannot be read; give a file that the server may read") from None


def _check_virtual(path: Path, allowed: Callable[[Path], bool], depth: int) -> None:
    text = path.read_bytes() if path.stat().st_size <= _LONGEST_VRT else b""
    if depth > _DEEPEST or not text or b"<!" in text:  # no document type: it may define entities
        raise ProblemError(422, f"{path.name}: is no simple virtual raster; give one whose sources are plain images")
    try:
        root = Xml.fromstring(text)
    except Xml.ParseError:
        raise ProblemError(422, f"{path.name}: is a damaged virtual raster; build it again") from None
    for element in root.iter():
        if element.tag in _NO_VRT:
            raise ProblemError(422, f"{path.name}: has {element.tag}; expected a virtual raster of plain sources")
        text_of = (element.text or "").strip()
        if element.tag.startswith("Source") and element.tag not in ("SourceBand", "SourceProperties") and text_of:
            _check_source(path, text_of, element.get("relativeToVRT") == "1", allowed, depth)
        elif any(word in value.lower() for value in (text_of, *element.attrib.values()) for word in _ALIEN):
            raise ProblemError(422, f"{path.name}: refers to something else than a plain image; list files only")


def _check_source(path: Path, name: str, relative: bool, allowed: Callable[[Path], bool], depth: int) -> None:
    refused = ProblemError(
        422, f"{path.name}: one of its sources is not a file below the allowed folders; move it there"
    )
    if any(word in name.lower() for word in _ALIEN):
        raise refused
    try:
        source = (path.parent / name if relative or not Path(name).is_absolute() else Path(name)).resolve(strict=True)
    except (OSError, ValueError):
        raise refused from None
    if not allowed(source) or not source.is_file():
        raise refused
    if is_virtual(source):
        _check_virtual(source, allowed, depth + 1)
    else:
        check_content(source)
