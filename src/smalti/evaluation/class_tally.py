"""Counts classes per pixel of one image after the other, strip by strip, in bounded memory."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import ClassMap, Floats
from smalti.card import Task
from smalti.evaluation.calibration import ImageSample, PixelSample
from smalti.evaluation.classes import Boundary, ClassConditions, ClassResult, ImageRow
from smalti.evaluation.pairs import Pair, TruthReader
from smalti.evaluation.places import PlaceRow, Places
from smalti.evaluation.protocol import Stated
from smalti.evaluation.protocols import ImageProtocols, ProtocolTally
from smalti.evaluation.tally import open_truth
from smalti.evaluation.tiles import ClassTile, TileKeeper
from smalti.label_sets import set_ids
from smalti.metrics import BoundaryF1, BoundaryStrips, Confusion, merged
from smalti.products import best_class
from smalti.raster.grid import Grid
from smalti.tiling import Window


@dataclass
class ClassTally:
    """The counts of a whole dataset for one task of classes; a `Tally`."""

    task: Task
    leave_out: Sequence[str] = ()
    """Classes excluded from the means; here and in `variants`, names of other tasks' classes are ignored."""
    tolerance: int | None = 3
    """Pixels within which boundaries match; None counts no boundaries."""
    keep_tiles: bool = False
    """Whether to keep every tile and its maps."""
    by_place: bool = False
    """Whether to score each place by itself, too."""
    variants: Sequence[str] | None = None
    """Classes that some ways to score leave out; None for one way only."""
    averaged: bool = False
    """Whether the predictor averages over flips and turns."""
    plain: str | None = None
    """The name under which the predictor also gives the prediction without averaging, if it does."""
    tiles: list[ClassTile] = field(default_factory=list)
    confusion: Confusion = field(init=False)
    boundary: BoundaryF1 | None = field(init=False)
    ways: ProtocolTally | None = field(init=False)
    images: list[ImageRow] = field(default_factory=list)
    eroded: bool = True
    """Whether the labels of all images so far came with their borders removed."""
    weak: Counter[str] = field(default_factory=Counter)
    """Images by the rules that made their labels."""
    places: dict[str, list[Confusion]] = field(default_factory=dict)
    """The counts of each image by its place."""
    sample: PixelSample = field(default_factory=PixelSample)

    def __post_init__(self) -> None:
        classes = len(self.task.labels)
        self.leave_out = [name for name in self.leave_out if name in self.task.labels]
        self.confusion = Confusion(classes)
        self.boundary = None if self.tolerance is None else BoundaryF1(classes, self.tolerance)
        self.ways = None if self.variants is None else ProtocolTally(self.task)

    @property
    def counted(self) -> bool:
        """See `Tally`."""
        return self.confusion.pixels > 0

    def begin(self, pair: Pair, grid: Grid, stack: ExitStack) -> "ImageClassTally":
        """See `Tally`."""
        labels = open_truth(pair, self.task, grid, stack)
        task = pair.labelled(self.task)
        variants = ImageProtocols(pair, grid, self.ways) if self.ways else None
        return ImageClassTally(pair, grid.width, labels, task, self, variants)

    def finish(self, pair: Pair, counts: Confusion) -> None:
        """Adds the counts of one image."""
        self.confusion.merge(counts)
        self.eroded &= pair.eroded
        if rule := pair.weak.get(self.task.name):
            self.weak[rule] += 1
        scores = counts.scores(self.task.labels)
        self.images.append(ImageRow(pair.name, scores.miou, scores.oa, counts.pixels))
        if self.by_place:
            self.places.setdefault(pair.place, []).append(counts)

    def add(self, other: "ClassTally") -> None:
        """See `Tally`."""
        self.confusion.merge(other.confusion)
        if self.boundary and other.boundary:
            self.boundary.merge(other.boundary)
        if self.ways and other.ways:
            self.ways.add(other.ways)
        self.tiles += other.tiles
        self.images += other.images
        self.eroded &= other.eroded
        self.weak += other.weak
        for place, counts in other.places.items():
            self.places.setdefault(place, []).extend(counts)
        self.sample.merge(other.sample)

    def result(self, stated: Stated) -> ClassResult:
        """See `Tally`."""
        scores = self.confusion.scores(self.task.labels, self.leave_out)
        edges = self._edges()
        protocol = ClassConditions(
            stated=stated, images=len(self.images), pixels=self.confusion.pixels, ignored=self.confusion.ignored,
            scores=scores, boundary=edges, eroded=self.eroded, weak=dict(self.weak),
        )  # fmt: skip
        some = [name for name in self.variants or () if name in self.task.labels]
        found = self.ways.variants(some) if self.ways else ()
        return ClassResult(
            self.task, protocol, scores, self.confusion, edges, tuple(self.images), found, tuple(self.tiles),
            self._places() if self.by_place else None, self.sample,
        )  # fmt: skip

    def _places(self) -> Places:
        """The scores of each place that has a label, by name."""
        rows = []
        for place, images in sorted(self.places.items()):
            counts = merged(images)
            scores = counts.scores(self.task.labels, self.leave_out)
            if counts.pixels:
                values = (scores.mrightness, scores.miou, *scores.iou)
                rows.append(PlaceRow(place, len(images), counts.pixels, values))
        return Places(("rightness", "mIoU", *(f"IoU {label}" for label in self.task.labels)), tuple(rows))

    def _edges(self) -> Boundary | None:
        if self.boundary is None:
            return None
        out = [self.task.labels.index(name) for name in self.leave_out]
        return Boundary(self.boundary.tolerance, self.boundary.mean(out), self.boundary.per_class())


class ImageClassTally:
    """Counts the classes of one image; see `ImageTally`."""

    def __init__(
        self,
        pair: Pair,
        width: int,
        labels: TruthReader,
        task: Task,
        tally: ClassTally,
        variants: ImageProtocols | None,
    ) -> None:
        """`task` has the sets of these labels."""
        self._pair, self._width, self._labels, self._tally = pair, width, labels, tally
        self._variants, self._ignore, self._sets = variants, task.ignore, set_ids(task)
        self._counts = Confusion(len(task.labels))
        self._boundary = BoundaryStrips(tally.boundary, task.ignore, self._sets) if tally.boundary else None
        self._keeper = TileKeeper(pair.name, tally.tiles, task) if tally.keep_tiles else None
        self._sample = ImageSample(tally.sample, width, task)
        self._strips: dict[bool, ClassMap] = {}
        self._names = {tally.averaged: task.name} | ({False: tally.plain} if tally.plain else {})

    def write(self, window: Window, values: dict[str, Floats], valid: NDArray[np.bool_]) -> None:
        """See `ImageTally`."""
        for averaged, name in self._names.items():
            if window.col == 0:
                self._strips[averaged] = np.empty((window.height, self._width), np.uint8)
            found = np.where(valid, best_class(values[name]), self._ignore)
            self._strips[averaged][:, window.col : window.right] = found
        self._sample.predicted(window.row, window.col, values[self._names[self._tally.averaged]], valid)
        if window.right == self._width:
            strip = Window(window.row, 0, window.height, self._width)
            truth = self._labels.read(strip)
            self._sample.labelled(truth)
            self._count(truth, self._strips[self._tally.averaged])
            if self._variants:
                self._variants.add(strip, truth, self._strips)

    def _count(self, truth: ClassMap, prediction: ClassMap) -> None:
        self._counts.add(truth, prediction, self._ignore, self._sets)
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
