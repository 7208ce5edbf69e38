"""Scenes: an image with its labels on one grid, read by windows of any size and position; no chips are written.

The labels are class ids or values, of one or several tasks.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smalti.card import Card, Task
from smalti.data.cache import stamp_files
from smalti.data.pixels.labels import TruthFile
from smalti.data.pixels.sample import Patch, unknown
from smalti.errors import DataError
from smalti.evaluation.pairs import TruthReader
from smalti.mapping.fit import check_number, choose_bands
from smalti.raster.grid import Grid
from smalti.raster.label_doubts import Doubts, doubts
from smalti.raster.mirror import source
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader, closing_on_error
from smalti.synth.scenery import Scenery
from smalti.tiling import Window


class Scene(Protocol):
    """An image with its labels."""

    @property
    def name(self) -> str:
        """Its name in messages."""

    @property
    def path(self) -> Path | None:
        """The image's file; None for drawn scenes."""

    @property
    def files(self) -> Sequence[Path]:
        """The image's file, then those of its labels; empty for drawn scenes."""

    @property
    def grid(self) -> Grid:
        """Size and georeference."""

    @property
    def tasks(self) -> Sequence[Task]:
        """The labelled tasks."""

    @property
    def stamp(self) -> str:
        """Everything that determines its labels, with the state of its files; empty if unknown."""

    @property
    def doubts(self) -> Mapping[Path, Doubts]:
        """What may be wrong with each label file."""

    def read_targets(self, window: Window) -> Mapping[str, NDArray[Any]]:
        """The labels by task, (H, W), of a window inside the scene."""
        ...

    def read_image(self, window: Window) -> NDArray[Any]:
        """The pixels (H, W, C) of a window inside the scene."""
        ...

    def read(self, window: Window) -> Patch:
        """A window; beyond the border it is mirror-padded and unlabelled. Thread-safe."""
        ...


class MemoryScene:
    """A scene that is loaded at the first read and kept in memory."""

    def __init__(
        self,
        name: str,
        path: Path | None,
        grid: Grid,
        tasks: Sequence[Task],
        load: Callable[[], Patch],
        *,
        stamp: str = "",
        files: Sequence[Path] = (),
        doubts: Mapping[Path, Doubts] | None = None,
    ) -> None:
        self.name, self.path, self.grid, self.tasks, self.stamp = name, path, grid, tasks, stamp
        self.files, self.doubts = files, doubts or {}
        self._load = load
        self._lock = threading.Lock()
        self._whole: Patch | None = None

    def read_targets(self, window: Window) -> Mapping[str, NDArray[Any]]:
        """See `Scene`."""
        return self.read(window).targets

    def read_image(self, window: Window) -> NDArray[Any]:
        """See `Scene`."""
        return self.read(window).image

    def read(self, window: Window) -> Patch:
        """See `Scene`."""
        with self._lock:
            self._whole = whole = self._whole or self._load()
        inside = window.intersect(Window(0, 0, self.grid.height, self.grid.width))
        if inside == window:
            here = window.slices()
            targets = {name: target[here] for name, target in whole.targets.items()}
            return Patch(whole.image[here], targets, whole.valid[here])
        cut, rows, cols = source(window, self.grid.height, self.grid.width)
        targets = {task.name: unknown(task, window.height, window.width) for task in self.tasks}
        if inside is not None:
            for name, target in targets.items():
                target[inside.within(window)] = whole.targets[name][inside.slices()]
        here = cut.slices()
        return Patch(_take(whole.image[here], rows, cols), targets, _take(whole.valid[here], rows, cols))


def _take(array: NDArray[Any], rows: NDArray[np.intp], cols: NDArray[np.intp]) -> NDArray[Any]:
    return array.take(rows, axis=0).take(cols, axis=1)


class FileScene:
    """A scene in files, read window by window."""

    def __init__(self, image: Path, truths: Sequence[TruthFile], card: Card, bands: Sequence[str | int] = ()) -> None:
        self.name, self.path, self._image = image.name, image, image
        self._truths, self._card, self._bands = truths, card, bands
        self.tasks: Sequence[Task] = tuple(truth.task for truth in truths)
        opened = self._open()
        check_kind(self.path, opened.image.dtype, card)
        self.grid = opened.image.grid
        each = len(card.bands) * opened.image.dtype.itemsize + sum(_bytes(task) for task in self.tasks) + 1
        self.bytes = self.grid.height * self.grid.width * each
        """Size of the scene in memory."""
        self.doubts = {truth.path: doubts(opened.truths[truth.task.name]) for truth in truths}
        opened.close()

    @property
    def files(self) -> Sequence[Path]:
        """See `Scene`."""
        return tuple(dict.fromkeys([self._image, *(path for truth in self._truths for path in truth.paths)]))

    @property
    def stamp(self) -> str:
        """See `Scene`."""
        files = stamp_files(*self.files)
        said = [part for truth in self._truths for part in truth.stated]
        return "\n".join([str(self.path), str(self.grid), *said, files]) if files else ""

    def read_targets(self, window: Window) -> Mapping[str, NDArray[Any]]:
        """See `Scene`."""
        return {name: truth.read(window) for name, truth in _kept(self, self._open).truths.items()}

    def read_image(self, window: Window) -> NDArray[Any]:
        """See `Scene`."""
        return np.ascontiguousarray(_kept(self, self._open).image.read(window)[0].transpose(1, 2, 0))

    def read(self, window: Window) -> Patch:
        """See `Scene`."""
        pixels, valid = _kept(self, self._open).image.read(window)
        return Patch(np.ascontiguousarray(pixels.transpose(1, 2, 0)), self.read_targets(window), valid)

    def _open(self) -> "Opened":
        image = open_card_raster(self.path, self._card, self._bands)
        return Opened(image, {truth.task.name: truth.open(image.grid) for truth in self._truths})


@dataclass(frozen=True)
class Opened:
    """An image and its labels, open."""

    image: Reader
    truths: Mapping[str, TruthReader]
    """By task."""

    def close(self) -> None:
        """Closes all files."""
        self.image.close()
        for truth in self.truths.values():
            truth.close()


KEPT_OPEN = 16
"""Number of scenes that each reading thread keeps open: GDAL's handles belong to the thread that opened them."""
_thread = threading.local()


def _kept(scene: FileScene, open_it: Callable[[], Opened]) -> Opened:
    """The scene's files, opened for this thread; closes the least recently used ones."""
    kept: OrderedDict[FileScene, Opened] = vars(_thread).setdefault("kept", OrderedDict())
    if scene not in kept:
        kept[scene] = open_it()
    kept.move_to_end(scene)
    if len(kept) > KEPT_OPEN:
        kept.popitem(last=False)[1].close()
    return kept[scene]


def open_card_raster(path: Path, card: Card, bands: Sequence[str | int] = ()) -> Reader:
    """An image with the bands given by its source, or those that `smalti map` would choose."""
    chosen: Sequence[str | int] = bands
    if not bands:
        with open_raster(path) as reader:
            chosen = choose_bands(str(path), reader, card, "source")
    reader = open_raster(path, bands=chosen)
    with closing_on_error(reader):
        check_number(str(path), reader, card)
    return reader


def check_kind(path: Path, dtype: np.dtype[Any], card: Card) -> None:
    """DataError for pixels of another dtype than the card's, which `smalti map` would refuse later."""
    if not card.takes(str(dtype)):
        raise DataError(
            f"{path}: its pixels are {dtype}, the recipe's card says {card.dtype}; convert the images, or change "
            "card.dtype, with the scale, mean and std that fit"
        )


def _bytes(task: Task) -> int:
    """Bytes per pixel of the task's target."""
    return 1 if task.kind == "classes" else 4


def in_memory(scene: FileScene) -> MemoryScene:
    """The same scene, kept in memory after the first read."""
    whole = Window(0, 0, scene.grid.height, scene.grid.width)
    return MemoryScene(
        scene.name,
        scene.path,
        scene.grid,
        scene.tasks,
        lambda: scene.read(whole),
        stamp=scene.stamp,
        files=scene.files,
        doubts=scene.doubts,
    )


def keep_in_memory(sources: Sequence[list[Scene]], budget: int) -> list[list[Scene]]:
    """The same scenes; those that fit into `budget` bytes, smallest first, are kept in memory after the first read."""
    files = [scene for scenes in sources for scene in scenes if isinstance(scene, FileScene)]
    total, small = 0, set()
    for scene in sorted(files, key=lambda scene: scene.bytes):
        total += scene.bytes
        if total > budget:
            break
        small.add(id(scene))
    return [[in_memory(s) if isinstance(s, FileScene) and id(s) in small else s for s in scenes] for scenes in sources]


def drawn_scene(seed: int, size: int, card: Card, tasks: Sequence[Task], look: Scenery) -> MemoryScene:
    """A drawn scene of size x size pixels, its classes and heights in metres; drawn at the first read."""

    def load() -> Patch:
        drawing = look.draw(Window(0, 0, size, size), seed, nir=len(card.bands) == 4)
        targets = {task.name: drawing.classes if task.kind == "classes" else drawing.height for task in tasks}
        return Patch(np.ascontiguousarray(drawing.image.transpose(1, 2, 0)), targets, np.ones((size, size), bool))

    name = f"drawn {seed}" if look.style == "town" else f"drawn {look} {seed}"
    return MemoryScene(name, None, Grid(size, size), tasks, load)
