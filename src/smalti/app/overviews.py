"""Overviews of scenes and maps that have none: built beside a virtual raster in the cache, never in the user's file."""

import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from smalti.app.database import Database
from smalti.app.folders import Folders
from smalti.app.scenes import SMALL
from smalti.raster.check import REFUSALS
from smalti.raster.files import quiet_open
from smalti.raster.quiet import quiet

_IDLE_S = 0.5
_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "float32": "Float32", "float64": "Float64", "uint64": "UInt64", "int64": "Int64",
}  # fmt: skip


def build_all(folders: Folders, stop: threading.Event) -> None:
    """Builds overviews for one raster after the other, until the event is set."""
    database = Database(folders.database)
    while not stop.is_set():
        if not (_build_scene(database, folders) or _build_job(database, folders)):
            stop.wait(_IDLE_S)


def _build_scene(database: Database, folders: Folders) -> bool:
    """Builds those of the newest scene that has none; whether there was one. A kill's rest begins again."""
    with database.connect() as rows:
        row = rows.execute(
            "SELECT id, path FROM scenes WHERE overviews IN ('none', 'building') ORDER BY created DESC LIMIT 1"
        ).fetchone()
    if row is None:
        return False
    _set(database, row["id"], "building")
    with suppress(OSError, *REFUSALS):  # the file is gone or damaged, or the disk is full: tiles say so
        build(Path(row["path"]), folders.overviews(row["id"]), "average")
    _set(database, row["id"], "ready")
    return True


def _set(database: Database, scene: str, built: str) -> None:
    with database.change() as change:
        change.execute("UPDATE scenes SET overviews = ? WHERE id = ?", (built, scene))


def _build_job(database: Database, folders: Folders) -> bool:
    """The same for the newest large map."""
    with database.connect() as rows:
        found = rows.execute(
            "SELECT id, spec FROM jobs WHERE state = 'done' AND pixels > ? ORDER BY ended DESC LIMIT 20", (SMALL,)
        ).fetchall()
    for row in found:
        for layer in json.loads(row["spec"]).get("layers", []):
            over = layer_overviews(folders, row["id"], layer["name"])
            source = folders.job(row["id"]) / layer["file"]
            if source.exists() and not over.exists() and not _failed(over).exists():
                try:
                    build(source, over, "nearest")
                except (OSError, *REFUSALS):
                    _failed(over).touch()
                return True
    return False


def _failed(over: Path) -> Path:
    return over.with_suffix(".failed")


def layer_overviews(folders: Folders, job: str, layer: str) -> Path:
    """The virtual raster of a job's layer."""
    return folders.overviews(f"{job}.{layer}")


def build(source: Path, target: Path, resampling: str) -> None:
    """Writes the virtual raster `target` of a file, with overviews beside it; it appears when these are complete.

    Raises one of `REFUSALS` where the source cannot be read, or the overviews cannot be written.
    """
    import rasterio
    from rasterio.enums import Resampling

    unfinished = target.with_name(f"{target.stem}.new.vrt")
    over = unfinished.with_name(f"{unfinished.name}.ovr")
    over.unlink(missing_ok=True)
    with quiet_open(str(source)) as data:
        unfinished.write_text(virtual(source, data), encoding="utf-8")
        factors = _factors(data.height, data.width)
    options = {"COMPRESS_OVERVIEW": "ZSTD", "BIGTIFF_OVERVIEW": "IF_SAFER", "GDAL_TIFF_OVR_BLOCKSIZE": "256"}
    with quiet(), rasterio.Env(**options, GDAL_CACHEMAX=128), rasterio.open(unfinished, "r+") as data:
        data.build_overviews(factors, Resampling[resampling])
    over.replace(target.with_name(f"{target.name}.ovr"))
    unfinished.replace(target)


def _factors(height: int, width: int) -> list[int]:
    factors, factor = [], 2
    while max(height, width) / factor > 128:
        factors.append(factor)
        factor *= 2
    return factors


def virtual(source: Path, data: Any) -> str:
    """The text of a virtual raster of all pixels of an open file, with its nodata, colours and masks."""
    name = escape(str(source.resolve()))
    size = f'RasterXSize="{data.width}" RasterYSize="{data.height}"'
    place = f'<SrcRect xOff="0" yOff="0" xSize="{data.width}" ySize="{data.height}"/>'
    place += place.replace("SrcRect", "DstRect")
    alike = any(
        "per_dataset" in {f.name for f in band} and "alpha" not in {f.name for f in band}
        for band in data.mask_flag_enums
    )
    text = f"<VRTDataset {size}>{_georeference(data)}"
    for number in range(1, data.count + 1):
        text += _band(data, number, f'<SourceFilename relativeToVRT="0">{name}</SourceFilename>', place)
    if alike:
        source_of = f'<SourceFilename relativeToVRT="0">{name}</SourceFilename><SourceBand>mask,1</SourceBand>{place}'
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
