"""What a lesson needs of a project: its model, and the strokes of each scene with their examples."""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from smalti.card import Card
from smalti.errors import DataError, DataWarning, LabelError, Warn
from smalti.errors import warn as issue
from smalti.lessons.classes import ClassPlan, plan_classes
from smalti.lessons.examples import Samples, SceneExamples, gather, joined, load_examples
from smalti.lessons.lesson import Lesson, Strokes, learn
from smalti.lessons.network import TeachableNetwork
from smalti.lessons.project import NAME, Project
from smalti.lessons.strokes import Stroke, read_strokes
from smalti.mapping.fit import open_fitting
from smalti.mapping.identity import identity
from smalti.mapping.source import Source
from smalti.raster.check import is_local
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.raster.scaled import as_seen
from smalti.runtime.models import ModelFile
from smalti.text import count
from smalti.tiling import Window
from smalti.workflows.progress import Meter, Show

_LOOKED_AT = 1 << 22
"""Pixels of a rectangle that is searched for data."""
Bands = Sequence[str | int] | None
"""By name or by number from 1, in the model's order; None for those that the model names."""
_PLACE = 256
"""Side in pixels of what counts as one place of a scene."""


def made_of(model: ModelFile, image: str, grid: Grid, bands: Bands = None) -> str:
    """What the stored examples of a scene, seen on a grid, depend on."""
    chosen = f" bands {','.join(map(str, bands))}" if bands else ""
    return f"{model.sha256} colours {identity([image])} {grid.height}x{grid.width}{chosen}"


@contextmanager
def opened_as_seen(image: str, card: Card, bands: Bands, warn: Warn) -> Iterator[Reader]:
    """A scene on the grid that the network sees, with its bands for the model; RasterError, ModelError."""
    with closing(open_fitting(image, Source((image,)).opener, card, bands, "auto", warn)) as reader:
        yield as_seen(reader)


def check_scene(image: str, card: Card, bands: Bands) -> None:
    """RasterError or ModelError for a scene that does not fit a model."""
    with opened_as_seen(image, card, bands, lambda _: None):
        pass


def check_strokes(image: str, strokes: Path, card: Card, plan: ClassPlan, bands: Bands = None) -> set[int]:
    """The classes of a file's strokes.

    LabelError or RasterError for strokes, or a scene, that a project could not learn from.
    """
    with opened_as_seen(image, card, bands, lambda _: None) as seen:
        found = read_strokes(str(strokes), seen.grid, plan, image, lambda _: None)
        if not any(_may_have_data(seen, stroke) for stroke in found):
            text = f"{count(len(found), 'stroke')} lie{'s' * (len(found) == 1)} on pixels without data of {image}"
            raise LabelError(f"{strokes}: all of its {text}; paint on the image")
    return {stroke.label for stroke in found}


def check_new_classes(plan: ClassPlan, used: set[int], folder: Path) -> None:
    """LabelError for a new class without strokes; `used` are the classes that have some."""
    for at, name in enumerate(plan.task.labels):
        if at not in used and plan.new[at]:
            raise LabelError(f"{folder}: the new class {name} has no strokes; paint some, or omit the class")


def _may_have_data(seen: Reader, stroke: Stroke) -> bool:
    """Whether there is data in the rectangle around a stroke, or this is too large to look."""
    left, top, right, bottom = (int(side) for side in stroke.shape.bounds)
    around = Window(top, left, bottom - top + 1, right - left + 1)
    window = around.intersect(Window(0, 0, seen.grid.height, seen.grid.width))
    if window is None:  # it touches the border from outside
        return False
    return window.height * window.width > _LOOKED_AT or bool(seen.read(window)[1].any())


@dataclass(frozen=True, eq=False)
class Part:
    """One scene's strokes and examples."""

    strokes: list[Stroke]
    examples: SceneExamples


@dataclass(frozen=True, eq=False)
class Learned:
    """A lesson, and what it was learned from."""

    lesson: Lesson
    strokes: int
    scenes: int
    changed: float
    """The share of other pixels of the scenes whose class is another than before."""
    seconds: float


class Teaching:
    """A project and its open model."""

    def __init__(self, project: Project, network: TeachableNetwork, *, warn: Warn = issue) -> None:
        """OptionError where the project's classes contradict the model's."""
        self.project, self.network, self._warn = project, network, warn
        self.model: ModelFile = network.model
        self.plan: ClassPlan = plan_classes(self.model.card.class_task(), project.classes).colored(project.colors)

    def opened(self, image: str) -> AbstractContextManager[Reader]:
        """A scene on the grid that the network sees; `scene` has warned about it before."""
        return opened_as_seen(image, self.model.card, self.project.bands.get(image), lambda _: None)

    def scene(self, image: str, progress: Show | None = None) -> Part:
        """The strokes on a scene, with their examples, which are stored; LabelError, RasterError, DataError."""
        files = [each for each in self.project.painted if each.image == image]
        if is_local(image) and Path(image).is_absolute() and not os.path.exists(image):  # noqa: PTH110 - no error where it is barred
            text = f"its scene {image} is not there any more; if it was moved, write its new path there, else delete it"
            raise DataError(f"{self.project.folder / NAME}: {text}")
        bands = self.project.bands.get(image)
        with opened_as_seen(image, self.model.card, bands, self._warn) as seen:
            read = partial(read_strokes, grid=seen.grid, plan=self.plan, scene=image, warn=self._warn)
            by_file = {str(each.strokes): read(str(each.strokes)) for each in files}
            strokes = [stroke for some in by_file.values() for stroke in some]
            path = self.project.features(image)
            of = made_of(self.model, image, seen.grid, bands)
            known = load_examples(path, of)
            if known is None or any(stroke.key not in known.strokes for stroke in strokes):
                meter = Meter(progress, self._title(image), 1)
                known = gather(seen, self.network, strokes, known, of, meter)
                path.parent.mkdir(parents=True, exist_ok=True)
                known.save(path)
        if not any(len(known.strokes[stroke.key]) for stroke in strokes):
            what = f"{count(len(strokes), 'stroke')} lie{'s' * (len(strokes) == 1)}"
            raise LabelError(f"{image}: all of its {what} on pixels without data; paint on the image")
        for file, some in by_file.items():
            self._warn_of_holes(file, [known.strokes[stroke.key] for stroke in some], image)
        return Part(strokes, known)

    def _title(self, image: str) -> str:
        """A scene in lines about the progress; several may have one name."""
        images = list(dict.fromkeys(each.image for each in self.project.painted))
        number = f" ({images.index(image) + 1} of {len(images)})" if len(images) > 1 else ""
        return f"{Path(image).name}{number}"

    def _warn_of_holes(self, file: str, found: Sequence[Samples], image: str) -> None:
        if empty := sum(not len(each) for each in found):
            what = f"{empty} of {count(len(found), 'stroke')} {'lies' if empty == 1 else 'lie'}"
            self._warn(DataWarning(f"{file}: {what} on pixels without data of {image}; they are left out"))

    def learn(self, parts: Sequence[Part]) -> Learned:
        """Learns from the strokes of all scenes; LabelError for a new class without strokes."""
        began = perf_counter()
        strokes = all_strokes(parts)
        self._check_classes(strokes.labels)
        others = joined([part.examples.others for part in parts])
        lesson = learn(strokes, others, self.plan, self.network.sizes[-1])
        seconds = perf_counter() - began
        return Learned(lesson, len(strokes.labels), len(parts), lesson.changed(others), seconds)

    def _check_classes(self, labels: NDArray[np.intp]) -> None:
        """LabelError for a new class without strokes; warns of strokes of a single class."""
        used, folder = set(labels.tolist()), self.project.folder
        check_new_classes(self.plan, used, folder)
        if len(used) == 1:
            only = self.plan.task.labels[used.pop()]
            text = f"{folder}: all strokes are {only}; paint other classes too, where they are confused with it"
            self._warn(DataWarning(text))


def all_strokes(parts: Sequence[Part]) -> Strokes:
    """The cells of all strokes; of a cell under several strokes of a scene the last one counts."""
    samples: list[Samples] = []
    labels: list[int] = []
    places: list[tuple[int, int, int]] = []
    for number, part in enumerate(parts):
        taken: set[tuple[int, int]] = set()
        for stroke in reversed(part.strokes):
            own = part.examples.strokes[stroke.key]
            free = np.array([tuple(cell) not in taken for cell in own.cells.tolist()], bool)
            if free.any():
                samples.append(own.chosen(free))
                labels.append(stroke.label)
                row, col = own.cells[0]
                places.append((number, int(row) // _PLACE, int(col) // _PLACE))
            taken.update(map(tuple, own.cells.tolist()))
    index = np.repeat(np.arange(len(samples)), [len(each) for each in samples])
    known = {place: at for at, place in enumerate(dict.fromkeys(places))}
    return Strokes(joined(samples), index, np.array(labels), np.array([known[place] for place in places]))
