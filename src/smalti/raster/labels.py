"""Labels on the grid of an image: class rasters, colour-coded images, or vectors."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from smalti.card import RGB, Task
from smalti.errors import LabelError
from smalti.raster.features import FeatureLabels
from smalti.raster.grid import Grid
from smalti.raster.image_labels import ColorLabels, ImageLabels
from smalti.raster.label_spec import LabelSpec, known_colors
from smalti.raster.read import Reader, open_raster
from smalti.tiling import Window

__all__ = ["LabelReader", "LabelSpec", "open_labels"]

VECTORS = (".gpkg", ".geojson", ".json", ".shp", ".fgb")
DEFAULT = LabelSpec()


class LabelReader(Protocol):
    """Class ids on the grid of an image."""

    def read(self, window: Window) -> NDArray[np.uint8]:
        """The class ids (H, W) of a window; the task's `ignore` beyond the border and where nothing is known."""

    def close(self) -> None:
        """Closes the file."""


def open_labels(path: str | Path, grid: Grid, task: Task, spec: LabelSpec = DEFAULT) -> LabelReader:
    """Opens the labels of an image that lies on `grid`.

    Raises LabelError where the size or place differs from the image's, or a colour, value or attribute is unknown
    (for images when the window that holds it is read), and RasterError where the file is no image.
    """
    if Path(path).suffix.lower() in VECTORS:
        return FeatureLabels(str(path), grid, task, spec)
    reader = open_raster(path, expand=False)
    try:
        return _image_labels(reader, grid, task, spec)
    except LabelError:
        reader.close()
        raise


def _image_labels(reader: Reader, grid: Grid, task: Task, spec: LabelSpec) -> "ImageLabels":
    check_place(reader, grid)
    known = known_colors(task, spec)
    if len(reader.bands) >= 3:
        if not known:
            raise LabelError(
                f"{reader.path}: is a colour image, but no colour of a class is known; name them in `colors`"
            )
        return ColorLabels(reader, task, known, spec.threshold)
    if reader.palette is not None and not spec.ids and _painted(reader.palette, known):
        return ColorLabels(reader, task, known, spec.threshold)
    return ImageLabels(reader, task, spec)


def check_place(reader: Reader, grid: Grid) -> None:
    """LabelError unless a raster of labels has the size of its image, and the place where both have one."""
    own = reader.grid
    if (own.height, own.width) != (grid.height, grid.width):
        raise LabelError(
            f"{reader.path}: the labels have {own.width}x{own.height} pixels, "
            f"but their image has {grid.width}x{grid.height}; they must be the same"
        )
    if not (own.georeferenced and grid.georeferenced and own.crs == grid.crs):
        return
    col, row = grid.col_row(*own.xy(0, 0))
    if max(abs(col), abs(row)) > 1:
        raise LabelError(f"{reader.path}: the labels lie {col:.0f} columns and {row:.0f} rows away from their image")


def _painted(palette: NDArray[np.uint8], known: dict[RGB, int]) -> bool:
    """Whether a palette image tells its classes by colour: one of its entries, but for black, is a known colour."""
    entries = {tuple(map(int, color)) for color in palette[:3].T}
    return bool((entries & known.keys()) - {(0, 0, 0)})
