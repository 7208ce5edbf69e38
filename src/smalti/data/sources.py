"""Sources: where windows come from, each a list of scenes with a share of the training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from smalti.card import Card, Task
from smalti.data.augment import Augment, check_scale
from smalti.data.index import Index
from smalti.data.known import KnownScene
from smalti.data.sample import Patch
from smalti.data.scenes import FileScene, Scene, drawn_scene, in_memory
from smalti.errors import DataError
from smalti.evaluation.pairs import find_pairs
from smalti.known.items import Borders, Item
from smalti.known.layout import Role
from smalti.known.opened import Opener, open_split
from smalti.known.registry import find_known, find_split
from smalti.raster.labels import LabelSpec
from smalti.synth import CLASSES
from smalti.tiling import Window


class _Source(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(1.0, gt=0)
    """Its share of the windows, relative to the weights of the other sources."""
    by: Literal["area", "class"] = "area"
    """`area`: every place has the same chance. `class`: a class is drawn first, then a place that has it."""
    scale: tuple[float, float] | None = None
    """Smallest and largest zoom of its windows, where it differs from `augment.scale`: sources of other pixel sizes."""

    @model_validator(mode="after")
    def _scale_is_a_range(self) -> Self:
        if self.scale is not None:
            check_scale(self.scale)
        return self

    def augment(self, augment: Augment) -> Augment:
        """The augmentation of its windows."""
        return augment if self.scale is None else augment.model_copy(update={"scale": self.scale})


class FolderSource(_Source):
    """Folders of images with label images of the same names."""

    kind: Literal["folder"] = "folder"
    path: tuple[str, ...] = Field(min_length=1)
    """Folders, searched at any depth."""
    labels: LabelSpec = LabelSpec()
    """How the labels are written down."""


class ScenesSource(_Source):
    """Large rasters with vectors or class rasters, read by windows."""

    kind: Literal["scenes"]
    images: tuple[str, ...] = Field(min_length=1)
    truth: tuple[str, ...] = Field(min_length=1)
    """Labels: as many files as images in the same order, or one for all."""
    labels: LabelSpec = LabelSpec()
    """How the labels are written down."""


class DrawnSource(_Source):
    """Drawn scenes with exact truth; for the five classes that they know."""

    kind: Literal["drawn"]
    seeds: tuple[int, ...] = Field(min_length=1)
    size: int = Field(1024, ge=64)
    """Side of each scene in pixels of 0.3 m."""


class KnownSource(_Source):
    """A public data set in its own layout; `smalti data` lists them with their splits."""

    kind: Literal["known"]
    name: str
    path: str
    """The folder it was unpacked into."""
    split: str
    borders: Borders = "full"
    """`eroded`: labels whose borders its authors took out."""
    classes: dict[str, str | int] = Field(default_factory=dict)
    """Its classes that go by another name here, each with a class of the task or `ignore`."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        try:
            find_split(find_known(self.name), self.split)
        except DataError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def role(self) -> Role:
        """What its split is meant for."""
        return find_known(self.name).splits[self.split].role

    def open(self, root: Path, card: Card, task: Task) -> tuple[Opener, tuple[Item, ...]]:
        """Its images and what opens them; DataError where one is missing."""
        known = find_known(self.name)
        return open_split(known, root / self.path, self.split, card, task, self.borders, self.classes)


Source = FolderSource | ScenesSource | DrawnSource | KnownSource
AnySource = Annotated[Source, Field(discriminator="kind")]
"""A source as a recipe writes it."""


def open_source(source: Source, root: Path, card: Card, task: Task) -> list[Scene]:
    """The scenes of a source; paths are relative to `root`.

    Raises DataError, and RasterError or LabelError for a file that cannot be used.
    """
    if isinstance(source, DrawnSource):
        check_drawn(card, task)
        return [drawn_scene(seed, source.size, card, task) for seed in source.seeds]
    if isinstance(source, KnownSource):
        opener, items = source.open(root, card, task)
        return [KnownScene(item, opener, source.borders, card) for item in items]
    return [FileScene(image, labels, card, task, source.labels) for image, labels in file_pairs(source, root)]


def file_pairs(source: FolderSource | ScenesSource, root: Path) -> list[tuple[Path, Path]]:
    """The images and label files of a source."""
    if isinstance(source, FolderSource):
        return [pair for folder in source.path for pair in find_pairs(root / folder)]
    truth = source.truth * len(source.images) if len(source.truth) == 1 else source.truth
    if len(truth) != len(source.images):
        raise DataError(
            f"{len(source.images)} images but {len(truth)} files of truth; give one for each image, or one for all"
        )
    return [(root / image, root / labels) for image, labels in zip(source.images, truth, strict=True)]


def check_drawn(card: Card, task: Task) -> None:
    """DataError unless a card asks for what drawn scenes have."""
    if task.labels != CLASSES or card.dtype != "uint8" or len(card.bands) not in (3, 4):
        raise DataError(
            f"drawn scenes have the classes {', '.join(CLASSES)} in 3 or 4 bands of bytes; "
            f"the card has {', '.join(task.labels)}, {len(card.bands)} bands, {card.dtype}"
        )


def keep_in_memory(sources: Sequence[list[Scene]], ignore: int, budget: int) -> list[list[Scene]]:
    """The same scenes; files that fit into `budget` bytes, the smallest first, are held in memory once read."""
    files = [scene for scenes in sources for scene in scenes if isinstance(scene, FileScene)]
    total, small = 0, set()
    for scene in sorted(files, key=lambda scene: scene.bytes):
        total += scene.bytes
        if total > budget:
            break
        small.add(id(scene))
    return [
        [in_memory(s, ignore) if isinstance(s, FileScene) and id(s) in small else s for s in scenes]
        for scenes in sources
    ]


class Pool:
    """The scenes of one source, from which windows are drawn at random."""

    def __init__(self, scenes: Sequence[Scene], by: str, task: Task) -> None:
        self.scenes = scenes
        self._task = task
        areas = np.array([scene.grid.height * scene.grid.width for scene in scenes], float)
        self._chances = areas / areas.sum()
        self._index = Index(scenes, len(task.labels)) if by == "class" else None
        self.seen = self._index.seen if self._index else None
        """Ids of the classes that occur; None where nobody has looked."""

    def patch(self, rng: np.random.Generator, side: int) -> Patch:
        """A random window of side x side pixels; some more tries where hardly any pixel has a class."""
        for _ in range(TRIES):
            scene, window = self._window(rng, side)
            patch = scene.read(window)
            if (patch.valid & (patch.labels != self._task.ignore)).mean() >= ENOUGH:
                break
        return replace(patch, name=f"{scene.name} (row {window.row}, column {window.col})")

    def _window(self, rng: np.random.Generator, side: int) -> tuple[Scene, Window]:
        if self._index:
            number, row, col = self._index.place(rng)
            up, left = rng.integers(side, size=2)
            return self.scenes[number], self._inside(number, row - int(up), col - int(left), side)
        number = int(rng.choice(len(self.scenes), p=self._chances))
        grid = self.scenes[number].grid
        # The centre may lie anywhere, so that borders are seen as often as the rest.
        middle_row, middle_col = int(rng.integers(grid.height)), int(rng.integers(grid.width))
        return self.scenes[number], self._inside(number, middle_row - side // 2, middle_col - side // 2, side)

    def _inside(self, number: int, row: int, col: int, side: int) -> Window:
        """The window moved into the scene, or around it where the scene is smaller."""
        grid = self.scenes[number].grid
        return Window(_clip(row, side, grid.height), _clip(col, side, grid.width), side, side)


TRIES = 8
ENOUGH = 0.05
"""Share of pixels with a class that a window should have."""


def _clip(start: int, side: int, length: int) -> int:
    return -((side - length) // 2) if side >= length else min(max(start, 0), length - side)
