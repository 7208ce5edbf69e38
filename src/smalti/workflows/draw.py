"""A drawn scene with its exact ground truth, in memory or as files."""

from dataclasses import dataclass
from operator import index
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smalti.arguments import checked
from smalti.card import Task
from smalti.errors import OptionError
from smalti.raster.grid import Grid
from smalti.synth.files import COLORS, grid_of, write_scene
from smalti.synth.materials import CLASSES
from smalti.synth.scenery import TOWN, Scenery, scenery
from smalti.tiling import Window
from smalti.workflows.paths import tif_path
from smalti.workflows.progress import Meter, Show

LARGEST = 16_384
"""Largest side of a scene in memory, in pixels; such a scene takes some gigabytes."""
MOST_SEEDS = 2**63 - 1
TASK = Task(name="landcover", labels=CLASSES, colors=COLORS)
"""Names and colours of the classes of drawn scenes."""


@dataclass(frozen=True, eq=False)
class DrawnScene:
    """A drawn scene with the exact ground truth of every pixel."""

    image: NDArray[np.uint8]
    """(C, H, W), uint8: red, green, blue and optionally near infrared."""
    classes: NDArray[np.uint8]
    """(H, W): ids of the classes of `task`."""
    height: NDArray[np.float32]
    """(H, W): metres above the ground."""
    grid: Grid
    task: Task
    seed: int
    scenery: Scenery = TOWN
    """Its style, climate and sensor, as they were asked for."""

    @property
    def climate(self) -> str | None:
        """Its climate; None in the style `town`."""
        return self.scenery.climate_of(self.seed)

    @checked()
    def save(self, path: str | Path, *, progress: Show | None = None) -> tuple[Path, ...]:
        """Writes `path` (.tif), and beside it NAME_classes.tif, NAME_height.tif and NAME_buildings.gpkg.

        Raises OutputError where they cannot be written, or would replace a file that is not a drawn scene.
        """
        out, (height, width) = tif_path(path), self.classes.shape
        meter = Meter(progress, "draw", height * width, "Pix")
        return tuple(write_scene(out, height, width, self.seed, len(self.image) == 4, meter, scenery=self.scenery)[:4])

    def __repr__(self) -> str:
        height, width = self.classes.shape
        what = f"{self.climate}, " if self.climate else ""
        size = f"{height} x {width} pixels of {self.scenery.pixel(self.seed):g} m"
        return f"DrawnScene(seed {self.seed}: {what}{size}, {', '.join(self.task.labels)})"

    def _repr_html_(self) -> str:
        """The image and its classes, for notebooks."""
        from smalti.report.inline import class_figure, image_figure

        return image_figure(self.image[:3]) + class_figure(self.classes, self.task)


@checked("size", "seed")
def draw(
    size: int,
    seed: int = 1,
    *,
    nir: bool = False,
    style: str | None = None,
    climate: str | None = None,
    sensor: str | None = None,
) -> DrawnScene:
    """Draws a scene of `size` x `size` pixels; the same arguments give the same pixels.

    Args:
        size: side in pixels.
        seed: of the place; it determines all that is not given.
        nir: add near infrared as a fourth band.
        style: `town`, the default: towns and their countryside, green or arid, pixels of 0.3 m; or `world`: ten
            climates, three kinds of sensors.
        climate: of the world: desert, mediterranean, temperate, winter, boreal, tropical, monsoon, savanna, prairie
            or coast; without it, by the seed.
        sensor: of the world: drone (pixels of 0.08 to 0.2 m), aerial (0.2 to 0.5 m) or satellite (0.3 to 1 m);
            without it, by the seed.

    Raises OptionError for a size, a seed or a name that cannot be.
    """
    look = scenery(style, climate, sensor)
    size = _whole(size, "size", 1, LARGEST)
    seed = _whole(seed, "seed", 0, MOST_SEEDS)
    drawn = look.draw(Window(0, 0, size, size), seed, nir)
    for array in (drawn.image, drawn.classes, drawn.height):
        array.setflags(write=False)
    return DrawnScene(drawn.image, drawn.classes, drawn.height, grid_of(size, size, seed, look), TASK, seed, look)


def _whole(value: object, what: str, least: int, most: int) -> int:
    """A whole number in a range; OptionError for anything else."""
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if not least <= number <= most:
        raise OptionError(f"{what} is {value!r}; expected a whole number from {least} to {most}", value=value)
    return number
