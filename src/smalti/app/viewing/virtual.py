"""The text of a virtual raster of one file, beside which overviews of it are built."""

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "float32": "Float32", "float64": "Float64", "uint64": "UInt64", "int64": "Int64",
}  # fmt: skip


def virtual(source: str, data: Any) -> str:
    """The text of a virtual raster of all pixels of an open file, with its nodata, colours and masks.

    `source` is the path of the file, absolute or from the folder of the virtual raster.
    """
    name = f'<SourceFilename relativeToVRT="{0 if Path(source).is_absolute() else 1}">{escape(source)}</SourceFilename>'
    size = f'RasterXSize="{data.width}" RasterYSize="{data.height}"'
    place = f'<SrcRect xOff="0" yOff="0" xSize="{data.width}" ySize="{data.height}"/>'
    place += place.replace("SrcRect", "DstRect")
    alike = any(
        "per_dataset" in {f.name for f in band} and "alpha" not in {f.name for f in band}
        for band in data.mask_flag_enums
    )
    text = f"<VRTDataset {size}>{_georeference(data)}"
    for number in range(1, data.count + 1):
        text += _band(data, number, name, place)
    if alike:
        source_of = f"{name}<SourceBand>mask,1</SourceBand>{place}"
        text += f'<MaskBand><VRTRasterBand dataType="Byte"><SimpleSource>{source_of}</SimpleSource>'
        text += "</VRTRasterBand></MaskBand>"
    return f"{text}</VRTDataset>\n"


def _georeference(data: Any) -> str:
    if data.crs is None:
        return "" if data.transform.is_identity else _transform(data)
    return f"<SRS>{escape(data.crs.to_wkt())}</SRS>{_transform(data)}"


def _transform(data: Any) -> str:
    return f"<GeoTransform>{', '.join(repr(number) for number in data.transform.to_gdal())}</GeoTransform>"


def _band(data: Any, number: int, source: str, place: str) -> str:
    nodata = data.nodatavals[number - 1]
    color = data.colorinterp[number - 1].name
    text = f'<VRTRasterBand dataType="{_TYPES[data.dtypes[number - 1]]}" band="{number}">'
    text += f"<Description>{escape(data.descriptions[number - 1] or '')}</Description>"
    text += "" if nodata is None else f"<NoDataValue>{nodata!r}</NoDataValue>"
    text += f"<ColorInterp>{color.capitalize()}</ColorInterp>"
    if color == "palette":
        entries = data.colormap(number).values()
        text += "<ColorTable>" + "".join(
            f'<Entry c1="{c[0]}" c2="{c[1]}" c3="{c[2]}" c4="{c[3]}"/>' for c in entries
        ) + "</ColorTable>"  # fmt: skip
    return f"{text}<SimpleSource>{source}<SourceBand>{number}</SourceBand>{place}</SimpleSource></VRTRasterBand>"
