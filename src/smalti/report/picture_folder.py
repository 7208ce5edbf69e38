"""Pictures of a model's predictions, one PNG per image and map."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from smalti.card import Card, Task
from smalti.errors import OutputError
from smalti.files import check_place, deliver
from smalti.raster.palette import NO_DATA, task_colors

_SOFTWARE = "smalti"


class PictureFolder:
    """Writes the maps of each image: classes in their colours, values from black to white.

    Values without a unit lie between 0 and 1; with a unit, black and white are the minimum and maximum of the image.
    """

    def __init__(self, folder: Path, card: Card) -> None:
        self._folder = folder
        self._tasks = {task.name: task for task in card.tasks}

    def check(self, images: Iterable[str]) -> None:
        """OutputError if a picture of one of these images would replace another file: labels may lie there."""
        for image in images:
            self._check(self._folder / f"{_stem(image)}.png")

    def _check(self, path: Path) -> None:
        check_place(path, parents=True)
        if path.exists() and not _is_ours(path):
            raise OutputError(f"{path}: exists and was not written by smalti; choose another folder")

    def __call__(self, image: str, maps: dict[str, NDArray[Any]]) -> None:
        """Writes FOLDER/IMAGE.png for the first task, and IMAGE_TASK.png for the others; OutputError if it cannot."""
        stem = _stem(image)
        for number, (name, values) in enumerate(maps.items()):
            ending = "" if number == 0 else "_" + name.rpartition("/")[2]
            task = self._tasks[name]
            picture = Image.fromarray(values if task.kind == "classes" else _grey(values, task))
            if task.kind == "classes":
                colors = [*task_colors(task)]
                colors += [NO_DATA] * (256 - len(colors))
                picture.putpalette([part for color in colors for part in color])
            stream = io.BytesIO()
            picture.save(stream, "PNG", pnginfo=_mark())
            path = self._folder / f"{stem}{ending}.png"
            self._check(path)
            deliver(path, stream.getvalue())


def _stem(image: str) -> str:
    return Path(image).with_suffix("").as_posix().replace("/", "_").replace(":", "").replace(" ", "_")


def _mark() -> PngInfo:
    mark = PngInfo()
    mark.add_text("Software", _SOFTWARE)
    return mark


def _is_ours(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            return str(picture.info.get("Software", "")).startswith(_SOFTWARE)
    except (OSError, ValueError, SyntaxError):
        return False


def _grey(values: NDArray[np.float32], task: Task) -> NDArray[np.uint8]:
    """Values (H, W) as bytes; missing ones are black."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if task.unit and known.size else (0.0, 1.0)
    share = (np.nan_to_num(values, nan=low) - low) / max(high - low, 1e-6)
    grey: NDArray[np.uint8] = np.clip(share * 255 + 0.5, 0, 255).astype(np.uint8)
    return grey
