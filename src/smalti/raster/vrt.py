"""GDAL's virtual raster as text: one scene made of files that lie side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from smalti.raster.grid import Grid

_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}


@dataclass(frozen=True, slots=True)
class Band:
    """What a band of the files is; all but nodata must be alike."""

    dtype: str
    color: str
    description: str
    nodata: float | None
    scale: float
    offset: float
    table: tuple[tuple[int, tuple[int, int, int, int]], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A file and where its first pixel lies on the common grid."""

    source: str
    col: int
    row: int
    width: int
    height: int
    block: tuple[int, int]
    bands: tuple[Band, ...]


def write_vrt(grid: Grid, bands: Sequence[Band], places: Sequence[Place]) -> str:
    """The text of a virtual raster; alpha bands and masks become its mask, and gaps are masked or nodata."""
    root = Xml.Element("VRTDataset", rasterXSize=str(grid.width), rasterYSize=str(grid.height))
    if grid.crs is not None:
        _add(root, "SRS", grid.crs.to_wkt())
    _add(root, "GeoTransform", ", ".join(map(repr, map(float, grid.transform.to_gdal()))))
    for number, band in enumerate(bands, 1):
        if band.color != "alpha":
            _band(root, number, band, places)
    if all(band.nodata is None for place in places for band in place.bands):
        mask = Xml.SubElement(Xml.SubElement(root, "MaskBand"), "VRTRasterBand", dataType="Byte")
        for place in places:
            _simple(mask, place, "mask,1", "Byte")
    return Xml.tostring(root, encoding="unicode")


def _band(root: Xml.Element, number: int, band: Band, places: Sequence[Place]) -> None:
    kind = _TYPES.get(band.dtype, "Float64")
    element = Xml.SubElement(root, "VRTRasterBand", dataType=kind, band=str(number))
    _add(element, "Description", band.description)
    _add(element, "ColorInterp", band.color.capitalize())
    _add(element, "Scale", repr(band.scale))
    _add(element, "Offset", repr(band.offset))
    nodata = next((p.bands[number - 1].nodata for p in places if p.bands[number - 1].nodata is not None), None)
    if nodata is not None:
        _add(element, "NoDataValue", repr(nodata))
    if band.table:
        table = Xml.SubElement(element, "ColorTable")
        for _, (c1, c2, c3, c4) in band.table:
            Xml.SubElement(table, "Entry", c1=str(c1), c2=str(c2), c3=str(c3), c4=str(c4))
    for place in places:
        own = place.bands[number - 1].nodata
        source = _simple(element, place, str(number), kind)
        if own is not None and own != nodata:
            source.tag = "ComplexSource"
            _add(source, "NODATA", repr(own))


def _simple(band: Xml.Element, place: Place, number: str, kind: str) -> Xml.Element:
    source = Xml.SubElement(band, "SimpleSource")
    _add(source, "SourceFilename", place.source).set("relativeToVRT", "0")
    _add(source, "SourceBand", number)
    height, width = place.block
    Xml.SubElement(
        source,
        "SourceProperties",
        RasterXSize=str(place.width),
        RasterYSize=str(place.height),
        DataType=kind,
        BlockXSize=str(width),
        BlockYSize=str(height),
    )
    for tag, col, row in (("SrcRect", 0, 0), ("DstRect", place.col, place.row)):
        size = {"xSize": str(place.width), "ySize": str(place.height)}
        Xml.SubElement(source, tag, {"xOff": str(col), "yOff": str(row), **size})
    return source


def _add(parent: Xml.Element, tag: str, text: str) -> Xml.Element:
    element = Xml.SubElement(parent, tag)
    element.text = text
    return element
