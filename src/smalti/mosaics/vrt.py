"""A virtual raster of all finished tiles of a mosaic: one file that a GIS, or `smalti stats`, opens as one map."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from smalti.files import write_whole
from smalti.mosaics.grid import Cell, MosaicGrid
from smalti.products import PROBABILITY_STEPS, Product
from smalti.raster.mark import PRODUCT_TAG
from smalti.raster.palette import color_table, task_colors
from smalti.tiling import Window

_TYPES = {"uint8": "Byte", "float32": "Float32"}
_BLOCK = 512


def write_vrt(path: Path, mosaic: MosaicGrid, tiles: Mapping[Cell, str], product: Product) -> None:
    """Writes the virtual raster of tiles, given by their paths relative to it; it appears whole. Raises OutputError."""
    windows = {cell: mosaic.window(cell) for cell in tiles}
    row, col = min(w.row for w in windows.values()), min(w.col for w in windows.values())
    bottom, right = max(w.bottom for w in windows.values()), max(w.right for w in windows.values())
    whole = Window(row, col, bottom - row, right - col)
    sources = [(tiles[cell], window.shift(-row, -col)) for cell, window in sorted(windows.items())]
    place = mosaic.place(whole)
    transform = ", ".join(f"{value!r}" for value in place.transform.to_gdal())
    bands = "".join(_band(k, product, sources) for k in range(1, len(product.bands) + 1))
    write_whole(
        path,
        f'<VRTDataset rasterXSize="{whole.width}" rasterYSize="{whole.height}">\n'
        f"<SRS>{escape(mosaic.crs.to_wkt())}</SRS>\n<GeoTransform>{transform}</GeoTransform>\n"
        f'<Metadata><MDI key="{PRODUCT_TAG}">{product.form}</MDI></Metadata>\n{bands}</VRTDataset>\n'.encode(),
    )


def _band(number: int, product: Product, sources: Sequence[tuple[str, Window]]) -> str:
    kind = _TYPES[str(product.dtype)]
    scale = "" if product.form in ("classes", "values") else f"<Scale>{1 / PROBABILITY_STEPS!r}</Scale>"
    parts = "".join(_source(number, *source) for source in sources)
    return (
        f'<VRTRasterBand dataType="{kind}" band="{number}" blockXSize="{_BLOCK}" blockYSize="{_BLOCK}">\n'
        f"<Description>{escape(product.bands[number - 1])}</Description>\n<NoDataValue>{product.nodata}</NoDataValue>\n"
        f"{scale}{_classes(product)}{parts}</VRTRasterBand>\n"
    )


def _classes(product: Product) -> str:
    """Names and colours of the classes."""
    if product.form != "classes":
        return ""
    task = product.task
    names = "".join(f"<Category>{escape(label)}</Category>" for label in task.labels)
    tags = "".join(f'<MDI key="CLASS_{k}">{escape(label)}</MDI>' for k, label in enumerate(task.labels))
    return f"<Metadata>{tags}</Metadata>\n{color_table(task_colors(task))}\n<CategoryNames>{names}</CategoryNames>\n"


def _source(band: int, file: str, window: Window) -> str:
    size = f'xSize="{window.width}" ySize="{window.height}"'
    into = f'<DstRect xOff="{window.col}" yOff="{window.row}" {size}/>'
    return (
        f'<SimpleSource><SourceFilename relativeToVRT="1">{escape(file)}</SourceFilename>'
        f'<SourceBand>{band}</SourceBand><SrcRect xOff="0" yOff="0" {size}/>{into}</SimpleSource>\n'
    )
