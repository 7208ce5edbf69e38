"""Labels from images: class ids of one band, or colours that stand for classes."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import RGB, Task
from smalti.errors import LabelError
from smalti.raster.label_spec import LabelSpec, class_id
from smalti.raster.palette import Colors, to_hex
from smalti.raster.reader import Reader
from smalti.tiling import Window, strips


class ImageLabels:
    """A raster whose values are class ids, or map to them by `spec.ids`: one band, or three equal ones."""

    misnamed = ""
    """How class names in the file differ from the task's; empty where they do not."""

    def __init__(self, reader: Reader, task: Task, spec: LabelSpec) -> None:
        self._reader, self._task = reader, task
        self._whole = Window(0, 0, reader.grid.height, reader.grid.width)
        self._table = _id_table(task, spec)
        self._custom = bool(spec.ids)
        self._beyond = {value: _id(task, spec, value) for value in spec.ids if not 0 <= value < len(self._table)}
        if len(reader.bands) not in (1, 3):
            raise LabelError(
                f"{reader.path}: has {len(reader.bands)} bands; expected one of class ids, or three of colours"
            )

    def read(self, window: Window) -> NDArray[np.uint8]:
        """The class ids (H, W) of a window; LabelError names an unknown value, how often it occurs and where first."""
        out = np.full((window.height, window.width), self._task.ignore, np.uint8)
        cut = window.intersect(self._whole)
        if cut is not None:
            found, unknown, _ = self._look(cut)
            if unknown.any():
                self._refuse()
            out[cut.shift(-window.row, -window.col).slices()] = found
        return out

    def _look(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[Any]]:
        """Class ids and where they are unknown (both H, W), and the pixels (C, H, W)."""
        pixels, valid = self._reader.read(window)
        values = pixels[0]
        if len(pixels) > 1 and (pixels != values).any():
            raise LabelError(
                f"{self._reader.path}: its three bands differ, so they are not ids; give the `colors` of the classes"
            )
        index = np.clip(values, 0, len(self._table) - 1).astype(np.intp)
        found = self._table[index]
        unknown = valid & ((found < 0) | (index != values))
        for value, wanted in self._beyond.items():
            here = values == value
            found[here], unknown[here] = wanted, False
        return np.where(valid & ~unknown, found, self._task.ignore).astype(np.uint8), unknown, pixels

    def _refuse(self) -> None:
        """Searches the whole image for the first unknown value and raises LabelError."""
        first, place, count, others = None, (0, 0), 0, 0
        grid = self._reader.grid
        for strip in strips(grid.height, grid.width):
            _, unknown, pixels = self._look(strip)
            if first is None and unknown.any():
                row, col = np.unravel_index(int(unknown.argmax()), unknown.shape)
                first, place = pixels[:, row, col], (strip.row + int(row), int(col))
            if first is not None:
                same = (pixels == first[:, None, None]).all(axis=0) & unknown
                count += int(same.sum())
                others += int(unknown.sum()) - int(same.sum())
        assert first is not None
        more = f", and {others} more of other values" if others else ""
        raise LabelError(
            f"{self._reader.path}: unknown {self._name(first)} in {count} pixel{'' if count == 1 else 's'}, "
            f"first at row {place[0]}, column {place[1]}{more}; {self._advice()}"
        )

    def _name(self, value: NDArray[Any]) -> str:
        return f"class value {value[0]}"

    def _advice(self) -> str:
        if is_jpeg(self._reader.path):
            return "JPEG changes values: save labels as PNG"
        last, ignore = len(self._task.labels) - 1, self._task.ignore
        if self._custom:
            return "`ids` does not list it"
        return f"expected 0 to {last} or {ignore}, by the task's classes; or give `ids`: which value is which class"

    def close(self) -> None:
        """Closes the file."""
        self._reader.close()


class ColorLabels(ImageLabels):
    """An image, RGB or palette, whose colours stand for classes."""

    def __init__(self, reader: Reader, task: Task, known: dict[RGB, int], threshold: int | None = None) -> None:
        self._reader, self._task, self._threshold = reader, task, threshold
        self._whole = Window(0, 0, reader.grid.height, reader.grid.width)
        self._colors, self._palette = Colors(known), reader.palette
        if reader.dtype != np.uint8:
            raise LabelError(f"{reader.path}: its colours are {reader.dtype}; expected bytes (uint8)")

    def _look(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[Any]]:
        pixels, valid = self._reader.read(window)
        if self._palette is not None:
            pixels = self._palette[:3, pixels[0]]
        pixels = pixels[:3]
        if self._threshold is not None:
            pixels = np.where(pixels >= self._threshold, 255, 0).astype(np.uint8)
        found, unknown = self._colors.decode(pixels)
        found[~valid] = self._task.ignore
        return found, unknown & valid, pixels

    def _name(self, value: NDArray[Any]) -> str:
        red, green, blue = map(int, value)
        return f"colour {to_hex((red, green, blue))}"

    def _advice(self) -> str:
        if is_jpeg(self._reader.path):
            return "JPEG changes colours: save labels as PNG"
        return f"known are {', '.join(map(to_hex, self._colors.ids))}; give its class in `colors`, or `ignore`"


def _id(task: Task, spec: LabelSpec, value: int) -> int:
    return class_id(task, spec.ids[value], f"value {value}")


def _id_table(task: Task, spec: LabelSpec) -> NDArray[np.int16]:
    """The class id of every pixel value up to 65535, -1 for unknown ones."""
    table = np.full(65536, -1, np.int16)
    table[task.ignore] = task.ignore
    if not spec.ids:
        table[: len(task.labels)] = np.arange(len(task.labels))
    for value in spec.ids:
        if 0 <= value < len(table):
            table[value] = _id(task, spec, value)
    return table


def is_jpeg(path: str) -> bool:
    """Whether the name of a file says that it is one."""
    return Path(path).suffix.lower() in (".jpg", ".jpeg")
