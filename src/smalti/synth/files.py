"""Writes drawings to georeferenced files: the image, its classes, its heights and its buildings."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyogrio
import rasterio
import shapely
from affine import Affine
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from smalti import __version__
from smalti.errors import OutputError
from smalti.files import beside, guarded, publish
from smalti.lock import hold
from smalti.raster.check import REFUSALS
from smalti.raster.files import quiet_open
from smalti.raster.grid import Grid
from smalti.raster.mark import PRODUCT_TAG
from smalti.raster.palette import color_table
from smalti.raster.plain_name import plain_name
from smalti.raster.write import stale_files
from smalti.synth.buildings import Attributes
from smalti.synth.canvas import CELL
from smalti.synth.materials import CLASSES
from smalti.synth.scenery import TOWN, Scenery
from smalti.tiling import Window

EPSG = 32640
ORIGIN = 200_000.0, 2_790_000.0
"""Where pixel 0, 0 of world 0 lies: metres east and north in UTM zone 40."""
APART = 15_000.0
"""Metres between the worlds of two seeds, so that their drawings do not overlap on the ground."""
COLUMNS, ROWS = 40, 400
"""Number of worlds across and along the zone; with more seeds than these, places repeat."""
NODATA = 255
COLORS = ((132, 41, 246), (226, 169, 41), (60, 16, 152), (254, 221, 58), (110, 193, 228))
BAND = 2 * CELL
"""Number of rows whose buildings are written at a time."""
BYTES, NIR_BYTES = 1.6, 2.2
"""Minimum bytes per pixel that a drawing needs on disk."""
BANDS = ("red", "green", "blue", "nir")
_ATTRIBUTES = ("height", "roof")
"""Attributes of the buildings."""
_GDAL_CACHE = 64 * 2**20
_MOMENT = "2000-01-01T00:00:00.000Z"
"""Replaces the time of writing in a GeoPackage, so that the same seed gives the same bytes."""
_Advance = Callable[[int], object]


def grid_of(height: int, width: int, seed: int, scenery: Scenery = TOWN) -> Grid:
    """The georeference of a drawing; each seed has its own place."""
    pixel = scenery.pixel(seed)
    east, north = ORIGIN[0] + APART * (seed % COLUMNS), ORIGIN[1] + APART * (seed // COLUMNS % ROWS)
    transform = Affine(pixel, 0, east, 0, -pixel, north)
    return Grid(height, width, transform, rasterio.crs.CRS.from_epsg(EPSG))


def names_beside(path: Path) -> list[Path]:
    """The files of a drawing: image, classes, heights, buildings, and the names of the classes for a GIS."""
    stem = path.with_suffix("")
    beside = [stem.with_name(f"{stem.name}_{what}") for what in ("classes.tif", "height.tif", "buildings.gpkg")]
    return [path, *beside, beside[0].with_name(f"{beside[0].name}.aux.xml")]


def write_scene(
    path: Path,
    height: int,
    width: int,
    seed: int,
    nir: bool = False,
    advance: _Advance = lambda pixels: None,
    *,
    scenery: Scenery = TOWN,
) -> list[Path]:
    """Draws the window of `height` x `width` pixels at the origin of the world of `seed` into files; returns them.

    Memory does not grow with the size. The files get their names only when all are complete. `advance` is called with
    the number of pixels done.

    Raises:
        OutputError: the files cannot be written, or one of them exists and was not drawn by smalti.
        BusyError: another process writes the same drawing.
    """
    names = names_beside(path)
    for name in names[:4]:
        if name.exists() and not _is_drawn(name):
            raise OutputError(f"{name}: exists and was not drawn by smalti; remove it, or choose another name")
    with guarded(path), _scratch(path) as folder, rasterio.Env(GDAL_CACHEMAX=_GDAL_CACHE):
        _need(folder, int(height * width * (NIR_BYTES if nir else BYTES)), path)
        unfinished = [folder / name.name for name in names]
        try:
            _write(unfinished, grid_of(height, width, seed, scenery), seed, nir, advance, scenery)
            _check(unfinished[:3], seed, nir, scenery)
        except (RasterioError, DataSourceError, FeatureError, GeometryError) as error:
            first = str(error).splitlines()[0]
            raise OutputError(f"{path}: cannot be written, is the disk full? ({first})") from None
        unfinished[4].write_text(_category_names(), encoding="utf-8")
        for stale in (car for name in names[:3] for car in stale_files(name)):
            stale.unlink(missing_ok=True)
        for done, name in zip(unfinished, names, strict=True):
            publish(done, name)
    return names


def _is_drawn(path: Path) -> bool:
    """Whether a file was written by `write_scene`."""
    if path.suffix == ".gpkg":
        with suppress(DataSourceError, DataLayerError), plain_name(path) as name:
            return len(pyogrio.list_layers(name)) == 1 and tuple(pyogrio.read_info(name)["fields"]) == _ATTRIBUTES
        return False
    with suppress(*REFUSALS), quiet_open(str(path)) as file:
        tags = file.tags()
        return tags.get("TIFFTAG_SOFTWARE", "").startswith("smalti") and PRODUCT_TAG not in tags
    return False


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """An empty folder for unfinished files beside `path`, which is locked for this process."""
    with hold(path):
        folder = beside(path, "partial")
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _need(folder: Path, size: int, path: Path) -> None:
    """OutputError if the disk has fewer bytes left."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise OutputError(f"{path}: needs {size / 1e6:,.0f} MB, the disk has {free / 1e6:,.0f} left; choose another")


def _open(stack: ExitStack, path: Path, grid: Grid, bands: int, dtype: str, **more: Any) -> Any:
    return stack.enter_context(
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=grid.height,
            width=grid.width,
            count=bands,
            dtype=dtype,
            crs=grid.crs,
            transform=grid.transform,
            tiled=True,
            blockxsize=CELL,
            blockysize=CELL,
            compress="deflate",
            zlevel=1,
            bigtiff="if_safer",
            **more,
        )
    )


def _write(paths: list[Path], grid: Grid, seed: int, nir: bool, advance: _Advance, scenery: Scenery) -> None:
    """Draws cell by cell, row by row, a cell being a block of the files; buildings after each band of rows."""
    with ExitStack() as stack:
        bands = 4 if nir else 3
        image = _open(stack, paths[0], grid, bands, "uint8", predictor=2, interleave="band", photometric="rgb")
        classes = _open(stack, paths[1], grid, 1, "uint8", nodata=NODATA)
        heights = _open(stack, paths[2], grid, 1, "float32", predictor=3)
        _describe(image, classes, heights)
        for row in range(0, grid.height, BAND):
            band = Window(row, 0, min(BAND, grid.height - row), grid.width)
            for window in cells(band):
                drawing = scenery.draw(window, seed, nir)
                here = RasterWindow(window.col, window.row, window.width, window.height)
                image.write(drawing.image, window=here)
                classes.write(drawing.classes, 1, window=here)
                heights.write(drawing.height, 1, window=here)
                advance(window.height * window.width)
            _write_buildings(paths[3], band, grid, scenery.buildings(band, seed))


def cells(band: Window) -> Iterator[Window]:
    """The cells that cover a band of rows, cut at its border, row by row."""
    for row, col in product(range(band.row, band.bottom, CELL), range(band.col, band.right, CELL)):
        yield Window(row, col, min(CELL, band.bottom - row), min(CELL, band.right - col))


def _describe(image: Any, classes: Any, heights: Any) -> None:
    """Writes names, colours and units; before the first pixel, so that they lie in the header of the file."""
    image.descriptions = BANDS[: image.count]
    classes.descriptions = ("landcover",)
    classes.write_colormap(1, {k: (*color, 255) for k, color in enumerate(COLORS)})
    classes.update_tags(1, **{f"CLASS_{k}": name for k, name in enumerate(CLASSES)})
    heights.descriptions = ("height in m",)
    heights.units = ("m",)
    for file in (image, classes, heights):
        file.update_tags(TIFFTAG_SOFTWARE=f"smalti {__version__}")


def _category_names() -> str:
    names = "".join(f"<Category>{name}</Category>" for name in CLASSES)
    band = f"{color_table(COLORS)}<CategoryNames>{names}</CategoryNames>"
    return f'<PAMDataset><PAMRasterBand band="1">{band}</PAMRasterBand></PAMDataset>\n'


def _check(paths: list[Path], seed: int, nir: bool, scenery: Scenery) -> None:
    """Reads every block back, and compares the last: only this detects a full disk."""
    arrays: list[npt.NDArray[Any]] = []
    for k, path in enumerate(paths):
        with rasterio.open(path) as file:
            for _, block in file.block_windows(1):
                arrays = [*arrays[:k], file.read(window=block)]
            height, width = file.height, file.width
    last = scenery.draw(_last_cell(height, width), seed, nir)
    drawn: list[npt.NDArray[Any]] = [last.image, last.classes[None], last.height[None]]
    if not all(np.array_equal(a, b) for a, b in zip(arrays, drawn, strict=True)):
        raise RasterioError("written data read back differently")


def _last_cell(height: int, width: int) -> Window:
    row, col = (height - 1) // CELL * CELL, (width - 1) // CELL * CELL
    return Window(row, col, height - row, width - col)


def _write_buildings(path: Path, band: Window, grid: Grid, found: Sequence[tuple[Any, Attributes]]) -> None:
    """Adds the buildings that begin in a band of rows, complete, so that each is written once."""
    first = [(shape, known) for shape, known in found if band.row <= max(shape.bounds[1], 0) < band.bottom]
    heights = np.array([known["height"] for _, known in first], np.float64)
    roofs = np.array([known["roof"] for _, known in first], object)
    shapes = shapely.transform(np.array([shape for shape, _ in first], object), _to_map(grid))
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _MOMENT})
    try:
        with plain_name(path) as name:
            pyogrio.raw.write(
                name,
                shapely.to_wkb(shapes),
                [heights, roofs],
                np.array(_ATTRIBUTES),
                geometry_type="Polygon",
                crs=f"EPSG:{EPSG}",
                driver="GPKG",
                layer="buildings",
                append=band.row > 0,
            )
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _to_map(grid: Grid) -> Callable[[Any], Any]:
    transform = grid.transform
    return lambda points: points * (transform.a, transform.e) + (transform.c, transform.f)
