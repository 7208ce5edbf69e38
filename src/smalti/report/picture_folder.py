"""Pictures of a model's predictions, one PNG per image and map."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smalti.card import Card, Task
from smalti.errors import OutputError
from smalti.evaluation.pairs import RASTERS
from smalti.raster.palette import NO_DATA, task_colors
from smalti.report.own_picture import check_picture, write_picture


class PictureFolder:
    """Writes the maps of each image: classes in their colours, values from black to white.

    Values without a unit lie between 0 and 1; with a unit, black and white are the minimum and maximum of the image.
    """

    def __init__(self, folder: Path, card: Card) -> None:
        self._folder = folder
        self._tasks = {task.name: task for task in card.tasks}

    def check(self, images: Iterable[str]) -> None:
        """OutputError if a picture of these images would replace another one, or another file: labels may lie there."""
        names = [name for name, task in self._tasks.items() if not task.per_image]
        pictured: dict[Path, str] = {}
        for image in images:
            for name, path in self._paths(image, names).items():
                this = f"{name} of {image}"
                if (other := pictured.setdefault(path, this)) != this:
                    raise OutputError(f"{path}: would be the picture of both {other} and {this}; rename an image")
                check_picture(path)

    def __call__(self, image: str, maps: dict[str, NDArray[Any]]) -> None:
        """Writes FOLDER/IMAGE.png for the first task, and IMAGE_TASK.png for the others; OutputError if it cannot."""
        paths = self._paths(image, maps)
        for name, values in maps.items():
            task = self._tasks[name]
            picture = Image.fromarray(values if task.kind == "classes" else _grey(values, task))
            if task.kind == "classes":
                colors = [*task_colors(task)]
                colors += [NO_DATA] * (256 - len(colors))
                picture.putpalette([part for color in colors for part in color])
            write_picture(picture, paths[name])

    def _paths(self, image: str, tasks: Iterable[str]) -> dict[str, Path]:
        """The picture of each task's map."""
        stem = _stem(image)
        endings = ((name, "_" + name.rpartition("/")[2] if number else "") for number, name in enumerate(tasks))
        return {name: self._folder / f"{stem}{ending}.png" for name, ending in endings}


def _stem(image: str) -> str:
    """An image's name for a file: only the ending of a file goes, not that of an id such as `area_1.1`."""
    path = Path(image)
    plain = path.with_suffix("") if path.suffix.lower() in RASTERS else path
    return plain.as_posix().replace("/", "_").replace(":", "").replace(" ", "_")


def _grey(values: NDArray[np.float32], task: Task) -> NDArray[np.uint8]:
    """Values (H, W) as bytes; missing ones are black."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if task.unit and known.size else (0.0, 1.0)
    share = (np.nan_to_num(values, nan=low) - low) / max(high - low, 1e-6)
    grey: NDArray[np.uint8] = np.clip(share * 255 + 0.5, 0, 255).astype(np.uint8)
    return grey
