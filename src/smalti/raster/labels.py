"""Labels on the grid of an image: class rasters, colour-coded images, or vectors."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from smalti.card import RGB, Task
from smalti.errors import LabelError
from smalti.raster.aligned import align
from smalti.raster.features import FeatureLabels
from smalti.raster.grid import Grid
from smalti.raster.image_labels import ColorLabels, ImageLabels
from smalti.raster.label_doubts import other_names
from smalti.raster.label_spec import LabelSpec, known_colors
from smalti.raster.read import FileReader, open_file
from smalti.raster.reader import Reader, closing_on_error
from smalti.tiling import Window, strips

__all__ = ["LabelReader", "LabelSpec", "open_labels"]

VECTORS = (".gpkg", ".geojson", ".json", ".shp", ".fgb")
OTHER_VECTORS = (".kml", ".kmz", ".gml", ".csv", ".gpx", ".tab", ".mif", ".dxf", ".parquet")
"""Vector files that are not read as labels."""
CONVERT = f"labels as vectors are read from {', '.join(VECTORS)}; convert it: ogr2ogr OUT.gpkg IN"
DEFAULT = LabelSpec()
COLORED = (1, 2, 3)
"""The bands that are read where there are more."""


class LabelReader(Protocol):
    """Class ids on the grid of an image."""

    def read(self, window: Window) -> NDArray[np.uint8]:
        """The class ids (H, W) of a window; the task's `ignore` beyond the border and where there is no label."""

    def close(self) -> None:
        """Closes the file."""


def open_labels(path: str | Path, grid: Grid, task: Task, spec: LabelSpec = DEFAULT) -> LabelReader:
    """Opens the labels of an image that lies on `grid`.

    Args:
        path: a class raster, a label image in colours, or a vector file.
        grid: of the image.
        task: its classes, and the id that is ignored.
        spec: how the labels are encoded.

    Raises:
        LabelError: the size or place differs from the image's, or a colour, value or attribute is unknown (for images
            when the window that contains it is read).
        RasterError: the file is not an image.
    """
    spec = spec.numbered(task)
    ending = Path(path).suffix.lower()
    if ending in VECTORS:
        return FeatureLabels(str(path), grid, task, spec)
    if ending in OTHER_VECTORS:
        raise LabelError(f"{path}: {CONVERT}")
    known = known_colors(task, spec)
    reader = open_file(path, expand=False)
    many = len(reader.bands) > len(COLORED)
    holes = not _is_class(reader, known, spec)
    if many or not holes:
        reader.close()
        reader = open_file(path, COLORED if many else None, expand=False, holes=holes)
    with closing_on_error(reader):
        labels = _image_labels(align(reader, grid), task, spec, known, many=many)
        labels.misnamed = _misnamed(labels, reader, task, spec, known)
    return labels


def _misnamed(labels: ImageLabels, reader: FileReader, task: Task, spec: LabelSpec, known: dict[RGB, int]) -> str:
    """How the file's class names differ from the task's; empty where the spec says which value is which class."""
    if spec.ids or spec.colors or not (names := reader.class_names()):
        return ""
    palette = reader.palette
    if not isinstance(labels, ColorLabels):
        return other_names(names, task, int)
    if palette is None:
        return ""
    entries = [(int(red), int(green), int(blue)) for red, green, blue in palette[:3].T]
    return other_names(names, task, lambda value: known.get(entries[value]) if value < len(entries) else None)


def _is_class(reader: FileReader, known: dict[RGB, int], spec: LabelSpec) -> bool:
    """Whether what the file declares as nodata is a class by the spec, which takes precedence."""
    values = [int(value) for value in reader.nodata if value is not None and float(value).is_integer()]
    if len(values) != len(reader.bands):
        return False
    if reader.palette is not None and 0 <= values[0] < reader.palette.shape[1] and not spec.ids:
        values = reader.palette[:3, values[0]].tolist()
    return tuple(values) in known if len(values) == 3 else values[0] in spec.ids


def _image_labels(reader: Reader, task: Task, spec: LabelSpec, known: dict[RGB, int], *, many: bool) -> ImageLabels:
    """`many`: the file has more bands than the colours that `reader` reads."""
    if len(reader.bands) == 3 and not many and _is_grey(reader, task, spec, known):
        return ImageLabels(reader, task, spec)
    if len(reader.bands) >= 3:
        if not known:
            raise LabelError(f"{reader.path}: is a colour image, but no class has a colour; give them in `colors`")
        return ColorLabels(reader, task, known, spec.threshold)
    if reader.palette is not None and not spec.ids and _painted(reader.palette, known):
        return ColorLabels(reader, task, known, spec.threshold)
    return ImageLabels(reader, task, spec)


def _is_grey(reader: Reader, task: Task, spec: LabelSpec, known: dict[RGB, int]) -> bool:
    """Whether three bands are one band of class ids, repeated.

    So it is where the spec has `ids` and no colours; without either the image decides: all its pixels are grey, and
    some grey is not the colour of a class.
    """
    if spec.colors or task.label_colors or spec.threshold is not None:
        return False
    if spec.ids:
        return True
    found: set[int] = set()
    for strip in strips(reader.grid.height, reader.grid.width):
        pixels, valid = reader.read(strip)
        if (pixels != pixels[0]).any():
            return False
        found.update(np.unique(pixels[0][valid]).tolist())
    return any((value, value, value) not in known for value in found)


def _painted(palette: NDArray[np.uint8], known: dict[RGB, int]) -> bool:
    """Whether a palette image encodes its classes by colour: one of its entries, but for black, is a known colour."""
    entries = {tuple(map(int, color)) for color in palette[:3].T}
    return bool((entries & known.keys()) - {(0, 0, 0)})
