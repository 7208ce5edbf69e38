"""The images of a source as pairs for an evaluation: whole, unchanged, opened one after the other."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import Card, Task
from smalti.data.apart import Place
from smalti.data.scenes import Scene, drawn_scene, open_card_raster
from smalti.data.sources import DrawnSource, KnownSource, Source, check_drawn, file_pairs
from smalti.evaluation import Pair
from smalti.evaluation.known_pairs import known_pairs
from smalti.known.items import Item
from smalti.known.opened import Opener
from smalti.raster.grid import Grid
from smalti.raster.labels import LabelReader, LabelSpec, open_labels
from smalti.raster.read import Reader
from smalti.tiling import Window


def scored_pairs(source: Source, root: Path, card: Card, task: Task) -> tuple[list[Pair], list[Place]]:
    """Pairs for an evaluation, and where the images lie; every file is opened once, so that none fails later."""
    if isinstance(source, DrawnSource):
        check_drawn(card, task)
        scenes = [drawn_scene(seed, source.size, card, task) for seed in source.seeds]
        return [_drawn_pair(scene, task) for scene in scenes], []
    if isinstance(source, KnownSource):
        opener, items = source.open(root, card, task)
        return known_pairs(opener, items, source.borders), [(item.place, _checked(opener, item)) for item in items]
    pairs, places = [], []
    for image, labels in file_pairs(source, root):
        with closing(open_card_raster(image, card)) as reader:
            places.append((image, reader.grid))
            open_labels(labels, reader.grid, task, source.labels).close()
        pairs.append(_file_pair(image, labels, card, task, source.labels))
    return pairs, places


def _checked(opener: Opener, item: Item) -> Grid:
    """The grid of an image that can be opened."""
    with closing(opener.image(item)) as image:
        return image.grid


def _file_pair(image: Path, labels: Path, card: Card, task: Task, spec: LabelSpec) -> Pair:
    def open_image() -> Reader:
        return open_card_raster(image, card)

    def open_truth(grid: Grid) -> LabelReader:
        return open_labels(labels, grid, task, spec)

    return Pair(image.name, open_image, {task.name: open_truth})


def _drawn_pair(scene: Scene, task: Task) -> Pair:
    return Pair(scene.name, lambda: _Image(scene), {task.name: lambda grid: _Truth(scene)})


@dataclass(frozen=True)
class _Image:
    """A scene read as an evaluation reads images."""

    scene: Scene

    @property
    def grid(self) -> Grid:
        return self.scene.grid

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        patch = self.scene.read(window)
        return patch.image.transpose(2, 0, 1), patch.valid

    def close(self) -> None: ...


@dataclass(frozen=True)
class _Truth:
    """A scene read as an evaluation reads labels."""

    scene: Scene

    def read(self, window: Window) -> NDArray[np.uint8]:
        return self.scene.read(window).labels

    def close(self) -> None: ...
