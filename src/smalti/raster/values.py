"""Values on the grid of an image: heights, depths or any other quantity of each pixel, from a raster of one band."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from smalti.card import Task
from smalti.errors import LabelError
from smalti.raster.aligned import align
from smalti.raster.grid import Grid
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader, closing_on_error
from smalti.tiling import Window

METRES = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001, "ft": 0.3048}
SPELLINGS = {"metre": "m", "meter": "m", "metres": "m", "meters": "m", "foot": "ft", "feet": "ft"}
MOST_METRES = 500.0
LEAST_METRES = -50.0
"""No height above the ground and no depth is beyond these: such numbers are in another unit, or mark no data."""


class ValueSpec(BaseModel):
    """How values are encoded: value = stored * scale + offset, in the unit of the task."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: float | None = None
    """Default: what the file declares, else 1."""
    offset: float | None = None
    """Default: what the file declares, else 0."""
    nodata: float | None = None
    """A stored number that means unknown, in addition to what the file declares."""


DEFAULT = ValueSpec()


class ValueReader:
    """A raster of one band whose numbers are values; NaN where they are unknown.

    A depth of zero or less is unknown. Heights, and whatever else has a minimum, are at least that: the ground of a
    normalised surface model lies some centimetres below zero here and there.
    """

    def __init__(self, reader: Reader, task: Task, spec: ValueSpec) -> None:
        self._reader, self._task, self._spec = reader, task, spec
        self._whole = Window(0, 0, reader.grid.height, reader.grid.width)
        if len(reader.bands) != 1:
            raise LabelError(f"{reader.path}: has {len(reader.bands)} bands; expected one of values of {task.name}")
        _check_unit(reader, task, spec)
        self._scale = reader.scales[0] if spec.scale is None else spec.scale
        self._offset = reader.offsets[0] if spec.offset is None else spec.offset

    def read(self, window: Window) -> NDArray[np.float32]:
        """The values (H, W) of a window, NaN beyond the border and where unknown.

        LabelError where a value is impossible as a height or depth.
        """
        out = np.full((window.height, window.width), np.nan, np.float32)
        cut = window.intersect(self._whole)
        if cut is not None:
            pixels, valid = self._reader.read(cut)
            out[cut.within(window)] = self._values(pixels[0], valid, cut)
        return out

    def _values(self, stored: NDArray[Any], valid: NDArray[np.bool_], window: Window) -> NDArray[np.float32]:
        values = np.asarray(stored * self._scale + self._offset, np.float32)
        if self._spec.nodata is not None:
            valid = valid & (stored != self._spec.nodata)
        if self._task.quantity == "depth":
            valid = valid & (values > 0)
        values[~valid] = np.nan
        if self._task.quantity and self._task.unit in METRES:
            self._check(values * np.float32(METRES[self._task.unit]), values, window)
        if self._task.minimum is not None:
            np.maximum(values, self._task.minimum, out=values)  # NaN stays NaN
        return values

    def _check(self, metres: NDArray[np.float32], values: NDArray[np.float32], window: Window) -> None:
        beyond = (metres > MOST_METRES) | (metres < LEAST_METRES)
        if not beyond.any():
            return
        row, col = np.unravel_index(int(beyond.argmax()), beyond.shape)
        unit = self._task.unit
        raise LabelError(
            f"{self._reader.path}: {self._task.name} is {values[row, col]:g} {unit} at row {window.row + int(row)}, "
            f"column {window.col + int(col)}; a {self._task.quantity} lies between {LEAST_METRES:g} and "
            f"{MOST_METRES:g} m: give `scale` if the file is in another unit, `nodata` if the number means unknown"
        )

    def close(self) -> None:
        """Closes the file."""
        self._reader.close()


def open_values(path: str | Path, grid: Grid, task: Task, spec: ValueSpec = DEFAULT) -> ValueReader:
    """Opens the values of an image that lies on `grid`, in the unit of the task.

    Args:
        path: a raster of one band.
        grid: of the image.
        task: its unit and quantity.
        spec: how the values are encoded.

    Raises:
        LabelError: another size, place or unit.
        RasterError: the file is not an image.
    """
    reader = open_raster(path, expand=False)
    with closing_on_error(reader):
        values = ValueReader(align(reader, grid), task, spec)
    return values


def _check_unit(reader: Reader, task: Task, spec: ValueSpec) -> None:
    """LabelError where the file declares another unit than the task's, and there is no `scale` to convert it."""
    unit = reader.units[0].strip().lower()
    unit = SPELLINGS.get(unit, unit)
    if spec.scale is not None or not unit or not task.unit or unit == task.unit.lower():
        return
    raise LabelError(
        f"{reader.path}: its values are in {reader.units[0]}, the task {task.name} is in {task.unit}; "
        f"give `scale`, what one {reader.units[0]} is in {task.unit}"
    )
