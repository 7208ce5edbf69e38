"""Pictures of what a model answers, one PNG per image and map."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smalti.card import Card
from smalti.jobs import deliver
from smalti.raster.palette import NO_DATA, task_colors


class PictureFolder:
    """Writes the maps of each image: classes in their colours, values from black (0) to white (1)."""

    def __init__(self, folder: Path, card: Card) -> None:
        self._folder = folder
        self._tasks = {task.name: task for task in card.tasks}

    def __call__(self, image: str, maps: dict[str, NDArray[np.uint8]]) -> None:
        """Writes FOLDER/IMAGE.png for the first task, and IMAGE_TASK.png for the others; OutputError if it cannot."""
        stem = Path(image).with_suffix("").as_posix().replace("/", "_").replace(":", "").replace(" ", "_")
        for number, (name, values) in enumerate(maps.items()):
            ending = "" if number == 0 else "_" + name.rpartition("/")[2]
            picture = Image.fromarray(values)
            if self._tasks[name].kind == "classes":
                colors = [*task_colors(self._tasks[name])]
                colors += [NO_DATA] * (256 - len(colors))
                picture.putpalette([part for color in colors for part in color])
            stream = io.BytesIO()
            picture.save(stream, "PNG")
            deliver(self._folder / f"{stem}{ending}.png", stream.getvalue())
