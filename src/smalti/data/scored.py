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
from smalti.data.sources import DrawnSource, KnownSource, Source, labelled_files
from smalti.data.truths import TruthFile
from smalti.evaluation import Pair
from smalti.evaluation.known_pairs import known_pairs
from smalti.known.items import Item
from smalti.known.opened import Opener
from smalti.raster.grid import Grid
from smalti.raster.read import Reader
from smalti.tiling import Window


def scored_pairs(source: Source, root: Path, card: Card, task: Task) -> tuple[list[Pair], list[Place]]:
    """Pairs for an evaluation, and where the images lie; every file is opened once, so that none fails later."""
    if isinstance(source, DrawnSource):
        drawn = source.drawn(card, [task])
        scenes = [drawn_scene(seed, source.size, card, drawn) for seed in source.seeds]
        return [_drawn_pair(scene, task) for scene in scenes], []
    if isinstance(source, KnownSource):
        opener, items = source.open(root, card, [task])
        return known_pairs(opener, items, source.borders), [(item.place, _checked(opener, item)) for item in items]
    pairs, places = [], []
    for image, (truth,) in labelled_files(source, root, [task]).items():
        with closing(open_card_raster(image, card)) as reader:
            places.append((image, reader.grid))
            truth.open(reader.grid).close()
        pairs.append(_file_pair(image, truth, card))
    return pairs, places


def _checked(opener: Opener, item: Item) -> Grid:
    """The grid of an image that can be opened."""
    with closing(opener.image(item)) as image:
        return image.grid


def _file_pair(image: Path, truth: TruthFile, card: Card) -> Pair:
    def open_image() -> Reader:
        return open_card_raster(image, card)

    return Pair(image.name, open_image, {truth.task.name: truth.open})


def _drawn_pair(scene: Scene, task: Task) -> Pair:
    return Pair(scene.name, lambda: _Image(scene), {task.name: lambda grid: _Truth(scene, task.name)})


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
    task: str

    def read(self, window: Window) -> NDArray[Any]:
        return self.scene.read(window).targets[self.task]

    def close(self) -> None: ...
