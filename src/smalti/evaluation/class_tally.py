"""Classes counted strip by strip: memory does not grow with an image's height."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smalti.blend import Floats
from smalti.card import Task
from smalti.evaluation.class_result import Boundary, ClassConditions, Evaluation, ImageRow
from smalti.evaluation.conditions import Stated
from smalti.evaluation.pairs import Pair, TruthReader
from smalti.evaluation.tally import open_truth
from smalti.evaluation.tiles import TileKeeper, TileRow
from smalti.evaluation.variants import ImageVariants, VariantTally
from smalti.evaluation.views import PLAIN
from smalti.metrics import BoundaryF1, BoundaryStrips, ClassMap, Confusion
from smalti.products import best_class
from smalti.raster.grid import Grid
from smalti.tiling import Window


@dataclass
class ClassTally:
    """The counts of a whole data set for one task of classes; a `Tally`."""

    task: Task
    leave_out: Sequence[str] = ()
    """Classes kept out of the means; here and in `variants`, names of other tasks' classes say nothing."""
    tolerance: int | None = 3
    """Pixels within which boundaries match; None counts no boundaries."""
    tiles: list[TileRow] | None = None
    """Is filled with every tile and its maps, where there is one."""
    variants: Sequence[str] | None = None
    """Classes that some ways to score leave out; None asks for one way only."""
    averaged: bool = False
    """Whether the predictor averages over flips and turns, so that a plain answer may come beside its own."""
    confusion: Confusion = field(init=False)
    boundary: BoundaryF1 | None = field(init=False)
    ways: VariantTally | None = field(init=False)
    images: list[ImageRow] = field(default_factory=list)
    eroded: bool = True
    """Whether the labels of all images so far came with their borders taken out."""

    def __post_init__(self) -> None:
        classes = len(self.task.labels)
        self.leave_out = [name for name in self.leave_out if name in self.task.labels]
        self.confusion = Confusion(classes)
        self.boundary = None if self.tolerance is None else BoundaryF1(classes, self.tolerance)
        self.ways = None if self.variants is None else VariantTally(self.task)

    @property
    def counted(self) -> bool:
        """See `Tally`."""
        return bool(self.confusion.counts.any())

    def begin(self, pair: Pair, grid: Grid, stack: ExitStack) -> "ImageClassTally":
        """See `Tally`."""
        labels = open_truth(pair, self.task, grid, stack)
        variants = ImageVariants(pair, grid, self.ways) if self.ways else None
        return ImageClassTally(pair, grid.width, labels, self, variants)

    def finish(self, pair: Pair, counts: Confusion) -> None:
        """Adds what one image gave."""
        self.confusion.merge(counts)
        self.eroded &= pair.eroded
        scores = counts.scores(self.task.labels)
        self.images.append(ImageRow(pair.name, scores.miou, scores.oa, scores.pixels))

    def result(self, stated: Stated, seconds: float) -> Evaluation:
        """See `Tally`."""
        scores = self.confusion.scores(self.task.labels, self.leave_out)
        edges = self._edges()
        facts = ClassConditions(
            stated=stated, images=len(self.images), pixels=scores.pixels, ignored=self.confusion.ignored,
            scores=scores, boundary=edges, eroded=self.eroded,
        )  # fmt: skip
        some = [name for name in self.variants or () if name in self.task.labels]
        found = self.ways.variants(some) if self.ways else ()
        return Evaluation(self.task, self.confusion, scores, edges, tuple(self.images), facts, seconds, found)

    def _edges(self) -> Boundary | None:
        if self.boundary is None:
            return None
        out = [self.task.labels.index(name) for name in self.leave_out]
        return Boundary(self.boundary.tolerance, self.boundary.mean(out), self.boundary.per_class())


class ImageClassTally:
    """Counts the classes of one image; see `ImageTally`."""

    def __init__(
        self, pair: Pair, width: int, labels: TruthReader, tally: ClassTally, variants: ImageVariants | None
    ) -> None:
        self._pair, self._width, self._labels, self._tally = pair, width, labels, tally
        self._variants = variants
        task = tally.task
        self._counts = Confusion(len(task.labels))
        self._boundary = BoundaryStrips(tally.boundary, task.ignore) if tally.boundary else None
        self._keeper = None if tally.tiles is None else TileKeeper(pair.name, tally.tiles, task)
        self._strips: dict[bool, ClassMap] = {}
        self._main = tally.averaged
        self._answers = {True: task.name, False: task.name + PLAIN} if self._main else {False: task.name}

    def write(self, window: Window, values: dict[str, Floats], valid: NDArray[np.bool_]) -> None:
        """See `ImageTally`."""
        ignore = self._tally.task.ignore
        for averaged, answer in self._answers.items():
            if answer in values:  # the plain answer is there only where variants are asked for
                if window.col == 0:
                    self._strips[averaged] = np.empty((window.height, self._width), np.uint8)
                found = np.where(valid, best_class(values[answer]), ignore)
                self._strips[averaged][:, window.col : window.right] = found
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
        """See `ImageTally`."""
        for part in (self._boundary, self._keeper, self._variants):
            if part:
                part.close()
        self._tally.finish(self._pair, self._counts)
