"""Whole images through a model, counted strip by strip: memory does not grow with their height."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smalti.card import Card, Task
from smalti.errors import DataError
from smalti.evaluation.maps import Keep, MapKeeper
from smalti.evaluation.pairs import LabelReader, Pair
from smalti.evaluation.result import NOT_STATED, Boundary, Evaluation, ImageRow, Protocol
from smalti.evaluation.tiles import TileKeeper, TileRow
from smalti.evaluation.variants import ImageVariants, VariantTally
from smalti.evaluation.views import PLAIN, Both
from smalti.metrics import BoundaryF1, BoundaryStrips, ClassMap, Confusion
from smalti.products import best_class
from smalti.scene import Averaged, Predictor, predict_scene
from smalti.tiling import Window


@dataclass
class Tally:
    """The counts of a whole data set for one task."""

    task: Task
    tolerance: int | None = 3
    """Pixels within which boundaries match; None counts no boundaries."""
    keep_tiles: bool = False
    confusion: Confusion = field(init=False)
    boundary: BoundaryF1 | None = field(init=False)
    images: list[ImageRow] = field(default_factory=list)
    tiles: list[TileRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        classes = len(self.task.labels)
        self.confusion = Confusion(classes)
        self.boundary = None if self.tolerance is None else BoundaryF1(classes, self.tolerance)

    def finish(self, name: str, counts: Confusion, keeper: TileKeeper | None) -> None:
        """Adds what one image gave."""
        self.confusion.merge(counts)
        scores = counts.scores(self.task.labels)
        self.images.append(ImageRow(name, scores.miou, scores.oa, scores.pixels))
        if keeper:
            self.tiles += keeper.tiles


class ImageTally:
    """Takes the blended windows of one image, as `predict_scene` writes them, and counts whole strips."""

    def __init__(
        self,
        name: str,
        width: int,
        labels: LabelReader,
        tally: Tally,
        averaged: bool,
        variants: ImageVariants | None,
        maps: MapKeeper | None,
    ) -> None:
        self._name, self._width, self._labels, self._tally = name, width, labels, tally
        self._variants, self._maps = variants, maps
        task = tally.task
        self._counts = Confusion(len(task.labels))
        self._boundary = BoundaryStrips(tally.boundary, task.ignore) if tally.boundary else None
        self._keeper = TileKeeper(name, len(task.labels), task.ignore) if tally.keep_tiles else None
        self._strips: dict[bool, ClassMap] = {}
        self._answers = {True: task.name, False: task.name + PLAIN} if averaged else {False: task.name}
        self._main = averaged

    def write(self, window: Window, values: dict[str, NDArray[np.float32]], valid: NDArray[np.bool_]) -> None:
        """The next window: from left to right, then down."""
        ignore = self._tally.task.ignore
        for averaged, answer in self._answers.items():
            if answer in values:  # the plain answer is there only where variants are asked for
                if window.col == 0:
                    self._strips[averaged] = np.empty((window.height, self._width), np.uint8)
                found = np.where(valid, best_class(values[answer]), ignore)
                self._strips[averaged][:, window.col : window.right] = found
        if self._maps:
            self._maps.add(window, values, valid)
        if window.right == self._width:
            strip = Window(window.row, 0, window.height, self._width)
            truth = self._labels.read(strip)
            self._count(truth, self._strips[self._main])
            if self._variants:
                self._variants.add(strip, truth, self._strips)

    def _count(self, truth: ClassMap, prediction: ClassMap) -> None:
        self._counts.add(truth, prediction, self._tally.task.ignore)
        if self._boundary:
            self._boundary.add(truth, prediction)
        if self._keeper:
            self._keeper.add(truth, prediction)

    def close(self) -> None:
        """The image is at its end: its counts go into the data set's."""
        if self._boundary:
            self._boundary.close()
        if self._keeper:
            self._keeper.close()
        if self._variants:
            self._variants.close()
        self._tally.finish(self._name, self._counts, self._keeper)


def evaluate(
    predict: Predictor,
    pairs: Iterable[Pair],
    *,
    data: str = NOT_STATED,
    split: str = NOT_STATED,
    chosen: str = NOT_STATED,
    leave_out: tuple[str, ...] = (),
    boundary: int | None = 3,
    tta: bool = False,
    tiles: list[TileRow] | None = None,
    variants: Sequence[str] | None = None,
    keep: Keep | None = None,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Scores a model on whole images, with the tiles and the overlap of its card.

    `data`, `split` and `chosen` (how the checkpoint was chosen) go into the protocol as they are. The first task of
    kind classes is scored. Classes named in `leave_out` are out of the means. `boundary` is the tolerance of the
    boundary F1 in pixels. `tta` averages over flips and turns. A list given as `tiles` is filled with every tile and
    its maps, for a report. `variants` asks for all ways to score at once, and names the classes that some of them leave
    out. `keep` gets the whole maps of each image. `progress` gets the number of pixels done.

    Raises DataError if no pixel can be counted, and what the readers raise.
    """
    card = predict.card
    task = card.class_task()
    tally = Tally(task, boundary, tiles is not None)
    ways = None if variants is None else VariantTally(task)
    if tta:
        predict = Averaged(predict) if ways is None else Both(predict, task.name)
    started = time.perf_counter()
    eroded = [_score_image(predict, card, pair, tally, tta, ways, keep, progress) for pair in pairs]
    if not tally.confusion.counts.any():
        raise DataError(f"{data}: no pixel with a label among {len(tally.images)} images; nothing to score")
    if tiles is not None:
        tiles += tally.tiles
    scores = tally.confusion.scores(task.labels, leave_out)
    edges = _boundary(tally, [task.labels.index(name) for name in leave_out])
    facts = Protocol(
        data, split, len(tally.images), scores.pixels, tally.confusion.ignored, scores, edges, card, tta, chosen,
        eroded=all(eroded),
    )  # fmt: skip
    found = () if ways is None else ways.variants(variants or ())
    seconds = time.perf_counter() - started
    return Evaluation(task, tally.confusion, scores, edges, tuple(tally.images), facts, seconds, found)


def _score_image(
    predict: Predictor,
    card: Card,
    pair: Pair,
    tally: Tally,
    tta: bool,
    ways: VariantTally | None,
    keep: Keep | None,
    progress: Callable[[int], None] | None,
) -> bool:
    """Counts one image; answers whether its labels come eroded."""
    with closing(pair.open_image()) as image, closing(pair.open_labels(image.grid)) as labels:
        height, width = image.grid.height, image.grid.width
        variants = ImageVariants(pair, image.grid, ways) if ways else None
        maps = MapKeeper(card.tasks, height, width) if keep else None
        counts = ImageTally(pair.name, width, labels, tally, tta, variants, maps)
        predict_scene(image.read, predict, counts.write, height, width, progress=progress)
        counts.close()
    if keep and maps:
        keep(pair.name, maps.maps)
    return pair.eroded


def _boundary(tally: Tally, leave_out: list[int]) -> Boundary | None:
    if tally.boundary is None:
        return None
    return Boundary(tally.boundary.tolerance, tally.boundary.mean(leave_out), tally.boundary.per_class())
