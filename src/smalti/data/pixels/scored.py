"""The images of a source as pairs for an evaluation: whole images, not augmented, opened one at a time."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import Card, Task
from smalti.data.pixels.labels import TruthFile
from smalti.data.pixels.leakage import Placed
from smalti.data.pixels.scenes import Scene, check_kind, drawn_scene, open_card_raster
from smalti.data.pixels.sources import (
    DRAWN,
    DatasetSource,
    DrawnSource,
    FolderSource,
    ScenesSource,
    Source,
    labelled_files,
)
from smalti.data.pixels.weak import WeakFile
from smalti.data.pixels.window_source import Wish, every_place
from smalti.datasets.index import Item
from smalti.datasets.reader import Opener
from smalti.evaluation import Pair
from smalti.evaluation.dataset_pairs import dataset_pairs
from smalti.evaluation.pairs import OpenTruth, TruthReader, label_sets
from smalti.raster.grid import Grid
from smalti.raster.reader import Reader
from smalti.tiling import Window


def scored_pairs(
    source: Source,
    root: Path,
    card: Card,
    tasks: Sequence[Task],
    wanted: Wish = every_place,
) -> tuple[list[Pair], list[Placed]]:
    """Pairs for an evaluation, and the places of the images; opens every file once, so that none fails later.

    `wanted` says of which places. The pairs have ground truth for the tasks that the source labels.
    """
    if isinstance(source, DrawnSource):
        drawn = source.drawn(card, tasks)
        name = source.place or DRAWN
        seeds = source.seeds if wanted(name) else ()
        scenes = [drawn_scene(seed, source.size, card, drawn, source.scenery) for seed in seeds]
        return [_drawn_pair(scene, card.bands, name) for scene in scenes], []
    if isinstance(source, DatasetSource):
        opener, items = source.open(root, card, tasks)
        chosen = source.of_places(root, ((item.place, item) for item in items), wanted)
        return dataset_pairs(opener, chosen, source.borders, partial(source.place_of, root)), [
            (item.place, _checked(opener, item, card)) for item in chosen
        ]
    pairs, places = [], []
    files = labelled_files(source, root, card, tasks)
    for image, truths in source.of_places(root, zip(files, files.items(), strict=True), wanted):
        with closing(open_card_raster(image, card, source.bands)) as reader:
            check_kind(image, reader.dtype, card)
            places.append((image, reader.grid))
            for truth in truths:
                truth.open(reader.grid).close()
        pairs.append(_file_pair(image, truths, card, source, root))
    return pairs, places


def _checked(opener: Opener, item: Item, card: Card) -> Grid:
    """The grid of an image, after opening its files."""
    with closing(opener.image(item)) as image:
        check_kind(item.place, image.dtype, card)
        return image.grid


def _file_pair(
    image: Path, truths: Sequence[TruthFile], card: Card, source: FolderSource | ScenesSource, root: Path
) -> Pair:
    def open_image() -> Reader:
        return open_card_raster(image, card, source.bands)

    sets = label_sets(truth.task for truth in truths)
    opened = {truth.task.name: truth.open for truth in truths}
    weak = {truth.task.name: truth.weak.text(truth.task) for truth in truths if isinstance(truth, WeakFile)}
    return Pair(image.name, open_image, opened, sets=sets, place=source.place_of(root, image), weak=weak)


def _drawn_pair(scene: Scene, bands: Sequence[str], place: str) -> Pair:
    truth = {task.name: _Truth(scene, task.name) for task in scene.tasks}
    return Pair(
        scene.name,
        lambda: _SceneReader(scene, bands),
        {name: _always(reader) for name, reader in truth.items()},
        place=place,
    )


def _always(reader: TruthReader) -> OpenTruth:
    return lambda grid: reader


class _SceneReader(Reader):
    """A drawn scene read as a raster."""

    names_known, masked = True, False

    def __init__(self, scene: Scene, bands: Sequence[str]) -> None:
        self.path, self.grid, self._scene = scene.name, scene.grid, scene
        self.dtype, self.bands = np.dtype(np.uint8), tuple(bands)
        self.scales, self.offsets, self.units = (1.0,) * len(bands), (0.0,) * len(bands), ("",) * len(bands)

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        patch = self._scene.read(window)
        return patch.image.transpose(2, 0, 1), patch.valid  # H,W,C -> C,H,W

    def close(self) -> None:
        """Does nothing: no file is open."""


@dataclass(frozen=True)
class _Truth:
    """The ground truth of a drawn scene, as an evaluation reads it."""

    scene: Scene
    task: str

    def read(self, window: Window) -> NDArray[Any]:
        return self.scene.read(window).targets[self.task]

    def close(self) -> None: ...
