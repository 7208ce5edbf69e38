"""Maps as GeoTIFF or Cloud Optimized GeoTIFF that open in a GIS with their colours and class names.

Colour table, nodata, scale, band names and tags `CLASS_0=land` stand in the file itself. GIS programs look for class
names in GDAL's side-car OUT.tif.aux.xml, which is written beside it: category names and an attribute table. For values
it holds their statistics, so that they are shown between their least and their most without being read beforehand.
"""

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from smalti.jobs import guarded, publish
from smalti.products import PROBABILITY_STEPS, Product
from smalti.raster.check import first_line
from smalti.raster.grid import Grid
from smalti.raster.palette import task_colors
from smalti.raster.statistics import Statistics

BLOCK = 512
"""Side in pixels of the blocks inside the file."""
logging.getLogger("rasterio").addHandler(logging.NullHandler())  # else its lines appear beside our one line
_COMPRESSION = {"compress": "deflate", "bigtiff": "if_safer"}

Rows = Callable[[int, int], NDArray[Any]]
"""Gives the rows from the first up to the second number: (bands, rows, width)."""


def write_raster(
    output: Path, grid: Grid, product: Product, rows: Rows, scratch: Path, cog: bool = False, job: str = ""
) -> None:
    """Writes a product's raster; its name appears only when the file is complete and was read back.

    `scratch` is a folder on the same disk for the unfinished file. `job` is kept in the side-car, where `made_by`
    finds it. OutputError if the disk is full or refuses.
    """
    unfinished = scratch / "unfinished.tif"
    with guarded(output):
        try:
            with _quiet():
                seen = _fill(unfinished, grid, product, rows)
                if cog:
                    _optimize(unfinished, product)
                _compare(unfinished, rows)
        except (RasterioError, CPLE_BaseError) as error:
            for leftover in scratch.glob("unfinished*"):
                leftover.unlink()
            why = first_line(error)
            raise OutputError(f"{output}: cannot be written, perhaps the disk is full: {why}") from None
        sidecar = _sidecar(output)
        sidecar.unlink(missing_ok=True)
        publish(unfinished, output)
        described = scratch / "unfinished.xml"
        described.write_text(_description(product, job, seen), encoding="utf-8")
        publish(described, sidecar)


def made_by(output: Path) -> str:
    """The job a raster was written by, or nothing if there is no such raster."""
    sidecar = _sidecar(output)
    if not (output.is_file() and sidecar.is_file()):
        return ""
    _, _, rest = sidecar.read_text(encoding="utf-8", errors="replace").partition('<MDI key="SMALTI_JOB">')
    return rest.partition("<")[0]


def _sidecar(output: Path) -> Path:
    return output.with_name(f"{output.name}.aux.xml")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences what libtiff writes to stderr by itself when a disk is full: the error that we raise says it."""
    with warnings.catch_warnings(), Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        stderr = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _fill(path: Path, grid: Grid, product: Product, rows: Rows) -> Statistics:
    """Writes all rows, from top to bottom in whole blocks; answers what the values of a product of values are."""
    seen = Statistics()
    floating = product.dtype.kind == "f"
    with rasterio.open(
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
        **_COMPRESSION,
    ) as file:
        _describe(file, product)
        for row in range(0, grid.height, BLOCK):
            end = min(row + BLOCK, grid.height)
            strip = rows(row, end)
            file.write(strip, window=RasterWindow(0, row, grid.width, end - row))
            if floating:
                seen.add(strip)
    return seen


def _describe(file: Any, product: Product) -> None:
    """Colours, names and scale; before the first pixel, for the colour table must stand in the file's head."""
    file.update_tags(TIFFTAG_SOFTWARE=f"smalti {__version__}")
    file.descriptions = product.bands
    if product.form == "classes":
        colors = dict(enumerate(task_colors(product.task)))
        file.write_colormap(1, {k: (*color, 255) for k, color in colors.items()})
        file.update_tags(1, **{f"CLASS_{k}": label for k, label in enumerate(product.task.labels)})
        return
    file.colorinterp = [ColorInterp.gray] + [ColorInterp.undefined] * (len(product.bands) - 1)
    if product.form == "values":
        file.units = (product.task.unit,)
    else:
        file.scales = (1 / PROBABILITY_STEPS,) * len(product.bands)


def _optimize(path: Path, product: Product) -> None:
    """Makes a GeoTIFF a Cloud Optimized GeoTIFF with overviews."""
    optimized = path.with_name("unfinished.cog.tif")
    resampling = "mode" if product.form == "classes" else "average"
    options = {**_COMPRESSION, "blocksize": BLOCK, "overview_resampling": resampling}
    rasterio.shutil.copy(path, optimized, driver="COG", **options)
    optimized.replace(path)


def _compare(path: Path, rows: Rows) -> None:
    """Reads the file back: a disk that fills up while a file is closed is otherwise found by the next reader."""
    with rasterio.open(path) as file:
        for row in range(0, file.height, BLOCK):
            end = min(row + BLOCK, file.height)
            written = file.read(window=RasterWindow(0, row, file.width, end - row))
            if not np.array_equal(written, rows(row, end), equal_nan=written.dtype.kind == "f"):
                raise RasterioError(f"rows {row} to {end} read back differently")


def _description(product: Product, job: str, seen: Statistics) -> str:
    """GDAL's side-car: the job; for classes their names and an attribute table, for values their statistics."""
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
            f'<PAMRasterBand band="1"><CategoryNames>{categories}</CategoryNames>'
            f'<GDALRasterAttributeTable tableType="thematic">{columns}{entries}</GDALRasterAttributeTable>'
            "</PAMRasterBand>"
        )
    return f'<PAMDataset><Metadata><MDI key="SMALTI_JOB">{job}</MDI></Metadata>{names}</PAMDataset>\n'
