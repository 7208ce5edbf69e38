"""Maps as GeoTIFF or Cloud Optimized GeoTIFF that open in a GIS with their colours and class names.

Colour table, nodata, scale, band names and tags `CLASS_0=land` are in the file itself. GIS programs look for class
names in GDAL's side-car OUT.tif.aux.xml, which is written beside it: category names, an attribute table, and a colour
table of the classes only, where that of the file goes up to 255. For values it holds their statistics, so that they are
shown between their minimum and maximum without being read beforehand. QGIS finds classes and colours in OUT.qml.
"""

import logging
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterWindow

from smalti import __version__
from smalti.errors import OutputError
from smalti.files import beside, guarded, publish, through
from smalti.products import PROBABILITY_STEPS, Product
from smalti.raster.check import first_line
from smalti.raster.files import sidecars, world_endings
from smalti.raster.grid import Grid
from smalti.raster.mark import PRODUCT_TAG, Mark, mark_of
from smalti.raster.palette import color_table, task_colors
from smalti.raster.quiet import quiet
from smalti.raster.statistics import Statistics
from smalti.raster.style import write_style

BLOCK = 512
"""Side in pixels of the blocks inside the file."""
logging.getLogger("rasterio").addHandler(logging.NullHandler())  # else its lines appear beside our one-line error
_OURS = (".html", ".gpkg", ".geojson", ".fgb", ".parquet", ".qml", ".qmd", ".prj", ".aux", ".rrd")
"""Endings of other files that may lie beside a map."""
_COMPRESSION = {"compress": "deflate", "bigtiff": "if_safer"}
_LEVEL = 5
"""Of deflate: a class map takes less than half the time of level 6, GDAL's default, and is an eighth larger."""

_NO_NOTES: Mapping[str, str] = {}
Rows = Callable[[int, int], NDArray[Any]]
"""Returns the rows from the first up to, without, the second number: (bands, rows, width)."""


def write_raster(
    output: Path,
    grid: Grid,
    *,
    product: Product,
    rows: Rows,
    scratch: Path,
    cog: bool = False,
    job: str = "",
    notes: Mapping[str, str] = _NO_NOTES,
) -> bool:
    """Writes a product's raster, as GeoTIFF or Cloud Optimized GeoTIFF.

    Its name appears only when the file is complete and was read back; side-cars of a previous raster of that name
    are removed.

    Args:
        output: path of the file.
        grid: size and georeference.
        product: the task, and what is written of it; sets dtype, nodata, colours and descriptions.
        rows: returns the rows from the first up to, without, the second number: (bands, rows, width).
        scratch: a folder on the same disk for the unfinished file.
        cog: write a Cloud Optimized GeoTIFF.
        job: enters the mark by which the raster is recognised.
        notes: further tags of the file.

    Returns:
        Whether the raster has a valid pixel.

    Raises:
        OutputError: the disk is full or cannot be written.
    """
    unfinished = scratch / "unfinished.tif"
    with guarded(output):
        try:
            seen, any_valid = _fill(unfinished, grid, product, rows, notes)
            if cog:
                optimize(unfinished, product)
            _compare(unfinished, rows)
        except (RasterioError, CPLE_BaseError) as error:
            for leftover in scratch.glob("unfinished*"):
                leftover.unlink()
            why = first_line(error)
            raise OutputError(f"{output}: cannot be written, perhaps the disk is full: {why}") from None
        described = scratch / "unfinished.xml"
        described.write_text(_description(product, mark_of(unfinished, job), seen), encoding="utf-8")
        for stale in stale_files(output):
            stale.unlink(missing_ok=True)
        write_style(output, product, seen)
        publish(unfinished, output)  # side-car and mark come last: they show that all is complete
        publish(described, beside(output, "aux.xml"))
        if output.is_symlink():  # side-cars are looked for beside the name that was opened
            output.with_name(f"{output.name}.aux.xml").symlink_to(beside(output, "aux.xml").absolute())
    return any_valid


def stale_files(output: Path) -> list[Path]:
    """The side-cars of a previous raster of that name, which would be taken for the new one's.

    A world file is kept where another file of the same stem may be what it belongs to.
    """
    return [car for name in {output, through(output)} for car in sidecars(name) if _belongs(car, name)]


def _belongs(car: Path, raster: Path) -> bool:
    """Whether a side-car is that raster's for certain, and of the kind that changes how it is seen."""
    if car.name.lower().startswith(f"{raster.name.lower()}."):
        return True
    world = (".wld", *world_endings(raster.suffix.lower()))
    others = {entry for entry in raster.parent.iterdir() if entry.stem == raster.stem and entry.name != raster.name}
    return car.suffix.lower() in world and {entry.suffix.lower() for entry in others} <= {*world, *_OURS}


def _opened(path: Path, mode: str = "r", **profile: Any) -> Any:
    """Opens a raster with rasterio; a map of a photo, which has no place, needs no warning."""
    with quiet(NotGeoreferencedWarning):
        return rasterio.open(path, mode, **profile)


def _fill(path: Path, grid: Grid, product: Product, rows: Rows, notes: Mapping[str, str]) -> tuple[Statistics, bool]:
    """Writes all rows, from top to bottom in whole blocks.

    Returns the statistics of a product of values, and whether any pixel is valid.
    """
    seen, any_valid = Statistics(), False
    floating = product.dtype.kind == "f"
    with _opened(
        path,
        "w",
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=len(product.bands),
        dtype=product.dtype,
        crs=grid.crs,
        transform=None if grid.transform.is_identity else grid.transform,
        nodata=product.nodata,
        tiled=True,
        blockxsize=BLOCK,
        blockysize=BLOCK,
        predictor=3 if floating else 1,
        interleave="band",
        zlevel=_LEVEL,
        **_COMPRESSION,
    ) as file:
        _describe(file, product)
        file.update_tags(**notes)
        for row in range(0, grid.height, BLOCK):
            end = min(row + BLOCK, grid.height)
            strip = rows(row, end)
            file.write(strip, window=RasterWindow(0, row, grid.width, end - row))
            if floating:
                seen.add(strip)
            any_valid = any_valid or bool((np.isfinite(strip) if floating else strip != product.nodata).any())
    return seen, any_valid


def _describe(file: Any, product: Product) -> None:
    """Colours, names and scale; before the first pixel, as the colour table must be in the file's header."""
    file.update_tags(**{"TIFFTAG_SOFTWARE": f"smalti {__version__}", PRODUCT_TAG: product.form})
    file.descriptions = product.bands
    if product.form == "classes":
        colors = dict(enumerate(task_colors(product.task)))
        file.write_colormap(1, {k: (*color, 255) for k, color in colors.items()})
        file.update_tags(1, **{f"CLASS_{k}": label for k, label in enumerate(product.task.labels)})
        return
    file.colorinterp = [ColorInterp.gray] + [ColorInterp.undefined] * (len(product.bands) - 1)
    if product.form == "uncertainty":
        file.update_tags(SMALTI_TEMPERATURE=f"{product.task.temperature or 1:g}")
    if product.form == "values":
        file.units = (product.task.unit,)
    else:
        file.scales = (1 / PROBABILITY_STEPS,) * len(product.bands)


def optimize(path: Path, product: Product) -> None:
    """Makes a GeoTIFF a Cloud Optimized GeoTIFF with overviews; raises errors of rasterio."""
    optimized = path.with_name(f"{path.stem}.cog.tif")
    resampling = "mode" if product.form == "classes" else "average"
    options = {**_COMPRESSION, "blocksize": BLOCK, "overview_resampling": resampling}
    rasterio.shutil.copy(path, optimized, driver="COG", **options)
    optimized.replace(path)


def _compare(path: Path, rows: Rows) -> None:
    """Reads the file back: a disk that fills up while a file is closed is otherwise found by the next reader."""
    with _opened(path) as file:
        for row in range(0, file.height, BLOCK):
            end = min(row + BLOCK, file.height)
            written = file.read(window=RasterWindow(0, row, file.width, end - row))
            if not np.array_equal(written, rows(row, end), equal_nan=written.dtype.kind == "f"):
                raise RasterioError(f"rows {row} to {end} read back differently")


def _description(product: Product, mark: Mark, seen: Statistics) -> str:
    """GDAL's side-car: the mark; for classes their names and an attribute table, for values their statistics."""
    names = ""
    if product.form == "values":
        entries = "".join(f'<MDI key="{key}">{value!r}</MDI>' for key, value in seen.entries().items())
        names = f'<PAMRasterBand band="1"><Metadata>{entries}</Metadata></PAMRasterBand>'
    if product.form == "classes":
        labels = product.task.labels
        categories = "".join(f"<Category>{escape(label)}</Category>" for label in labels)
        fields = (("Value", 0, 5), ("Class", 2, 2), ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8))
        columns = "".join(
            f'<FieldDefn index="{k}"><Name>{name}</Name><Type>{kind}</Type><Usage>{usage}</Usage></FieldDefn>'
            for k, (name, kind, usage) in enumerate(fields)
        )
        entries = "".join(
            f'<Row index="{k}">{"".join(f"<F>{escape(str(cell))}</F>" for cell in (k, label, *color))}</Row>'
            for k, (label, color) in enumerate(zip(labels, task_colors(product.task), strict=True))
        )
        names = (
            f'<PAMRasterBand band="1">{color_table(task_colors(product.task))}'
            f"<CategoryNames>{categories}</CategoryNames>"
            f'<GDALRasterAttributeTable tableType="thematic">{columns}{entries}</GDALRasterAttributeTable>'
            "</PAMRasterBand>"
        )
    return f"<PAMDataset><Metadata>{mark.entries()}</Metadata>{names}</PAMDataset>\n"
