"""Classes per pixel: counted strip by strip, in bounded memory, and their scores."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import ClassMap, Floats
from smalti.card import Task
from smalti.evaluation.calibration import Calibration, ImageSample, PixelSample
from smalti.evaluation.pairs import Pair, TruthReader
from smalti.evaluation.places import PlaceRow, Places
from smalti.evaluation.protocol import MapConditions, Stated
from smalti.evaluation.protocols import ImageProtocols, ProtocolScores, ProtocolTally
from smalti.evaluation.result import Main, Result
from smalti.evaluation.tally import open_truth
from smalti.evaluation.tiles import ClassTile, TileKeeper
from smalti.label_sets import set_ids, words
from smalti.metrics import BoundaryF1, BoundaryStrips, Confusion, Scores, merged
from smalti.products import best_class
from smalti.raster.grid import Grid
from smalti.text import aligned, count, defined, percent
from smalti.tiling import Window


@dataclass(frozen=True)
class ImageRow:
    """The scores of one image."""

    name: str
    miou: float
    oa: float
    pixels: int


@dataclass(frozen=True)
class Boundary:
    """Boundary F1 at a tolerance in pixels: per class, and its mean over the classes that count."""

    tolerance: int
    f1: float
    per_class: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ClassConditions(MapConditions):
    """The conditions of scores of classes."""

    scores: Scores
    boundary: Boundary | None
    eroded: bool = False
    weak: Mapping[str, int] = field(default_factory=dict)
    """Rules that made labels, each with the number of its images."""

    def of_the_task(self) -> list[tuple[str, str]]:
        """Labels, what the means are over, and how boundaries are matched."""
        # this text is compared with that of stored scores, so it stays as it was
        how = "eroded by the data set" if self.eroded else "as they are, not eroded"
        lines = [("labels", f"{how}; {self.passed_over('label or image')}"), ("means", self._means())]
        if self.scores.allowing:
            lines.insert(1, ("decided", self._decided()))
        if self.weak:
            rules = "; ".join(f"{count(images, 'image')}: {rule}" for rule, images in self.weak.items())
            lines.insert(1, ("weak labels", f"made by rules, not by people, of {rules}"))
        if self.boundary:
            lines.append(("boundaries", f"matched within {self.boundary.tolerance} px"))
        return lines

    def _decided(self) -> str:
        """How many pixels have a label of one class, and which sets of classes the others allow."""
        scores = self.scores
        sets = ", ".join(
            f"{words(scores.labels, each.classes)} ({count(each.pixels, 'pixel')})"
            for each in scores.rightness
            if len(each.classes) > 1
        )
        share = scores.pixels / max(1, scores.pixels + scores.allowing)
        return (
            f"{count(scores.pixels, 'pixel')} have one class ({share:.1%}), the others allow several: {sets}; "
            "IoU and F1 of a class over the pixels whose label is that class or does not allow it"
        )

    def _means(self) -> str:
        scores = self.scores
        text = f"over {', '.join(scores.in_mean) or 'no class'}, from one confusion matrix of all images"
        if scores.left_out:
            text += f"; left out: {', '.join(scores.left_out)}"
        if scores.absent:
            text += f"; in neither truth nor map, so out: {', '.join(scores.absent)}"
        if scores.undecided:
            text += f"; allowed but never certain, so out: {', '.join(scores.undecided)}"
        return text


@dataclass(frozen=True)
class ClassResult(Result):
    """What was measured of one task of classes per pixel; a `Result`."""

    protocol: ClassConditions
    scores: Scores
    confusion: Confusion
    boundary: Boundary | None
    images: tuple[ImageRow, ...]
    variants: tuple[ProtocolScores, ...] = ()
    """The same predictions scored by every protocol, if requested."""
    tiles: tuple[ClassTile, ...] = field(default=(), repr=False)
    """Every tile with its ground truth and its map, if requested."""
    places: Places | None = None
    """The scores by place, if requested: rightness, mIoU, and the IoU of each class."""
    sample: PixelSample = field(default_factory=PixelSample, repr=False, compare=False)
    """Pixels that calibration is measured on."""

    @cached_property
    def calibration(self) -> Calibration | None:
        """How far the probabilities can be trusted; None without a labelled pixel."""
        return self.sample.calibration(self.task.temperature)

    @property
    def main(self) -> Main:
        """See `Result`."""
        return Main("mIoU", self.scores.miou, True)

    def means(self) -> list[tuple[str, float]]:
        """The numbers over all classes, (name, value); NaN where one is not defined."""
        s = self.scores
        figures = [("mIoU", s.miou), ("mF1", s.mf1), ("OA", s.oa), ("kappa", s.kappa)]
        figures += [("mPrecision", s.mprecision), ("mRecall", s.mrecall)]
        if s.allowing:
            figures.append(("rightness", s.mrightness))
        if self.boundary:
            figures.append((f"boundary F1 at {self.boundary.tolerance} px", self.boundary.f1))
        return figures

    def figures(self) -> list[tuple[str, float]]:
        """See `Result`."""
        return self.means() + [(f"IoU {k}", v) for k, v in zip(self.task.labels, self.scores.iou, strict=True)]

    def shown(self) -> list[tuple[str, str, str]]:
        """The main numbers to show: (name, text, unit)."""
        hidden = ("mPrecision", "mRecall")  # seen in the last row of the table only
        return [(name, percent(value), "%") for name, value in self.means() if name not in hidden]

    def details(self) -> dict[str, Any]:
        """See `Result`."""
        s, boundary = self.scores, self.boundary
        per_class = {
            label: {
                "iou": defined(s.iou[k]),
                "f1": defined(s.f1[k]),
                "precision": defined(s.precision[k]),
                "recall": defined(s.recall[k]),
                "boundary_f1": defined(boundary.per_class[k]) if boundary else None,
                "pixels": int(self.confusion.counts[k].sum()),
            }
            for k, label in enumerate(self.task.labels)
        }
        return {
            "classes": per_class,
            "confusion": {"rows": "truth", "labels": list(s.labels), "counts": self.confusion.counts.tolist()},
            "ignored_pixels": self.confusion.ignored,
            "calibration": asdict(self.calibration) if self.calibration else None,
            **self._rightness(),
            **(self.places.to_dict() if self.places else {}),
            "images": [
                {"name": r.name, "miou": defined(r.miou), "oa": defined(r.oa), "pixels": r.pixels} for r in self.images
            ],
            "variants": [
                {"miou": defined(v.miou), "mf1": defined(v.mf1), "oa": defined(v.oa), "protocol": v.protocol}
                for v in self.variants
            ],
        }

    def _rightness(self) -> dict[str, Any]:
        """JSON fields about labels that allow sets of classes, where there are such."""
        s = self.scores
        rows = [
            {"label": words(s.labels, each.classes), "classes": [s.labels[k] for k in each.classes],
             "pixels": each.pixels, "rightness": each.right}
            for each in s.rightness
        ]  # fmt: skip
        return {"pixels_of_sets": s.allowing, "rightness": rows} if s.allowing else {}

    def _labels_table(self) -> list[str]:
        """The rightness of each label, where labels allow sets of classes."""
        s = self.scores
        if not s.allowing:
            return []
        rows = [[words(s.labels, each.classes), percent(each.right), f"{each.pixels:,}"] for each in s.rightness]
        head, *table = aligned(
            [["label", "rightness", "pixels"], *rows, ["mean", percent(s.mrightness), f"{s.pixels + s.allowing:,}"]]
        )
        line = "-" * len(head)
        return ["", head, line, *table[:-1], line, table[-1]]

    def table(self) -> list[str]:
        """See `Result`."""
        s, boundary = self.scores, self.boundary
        head = ["class", "IoU", "F1", "precision", "recall", *(["boundary F1"] if boundary else []), "pixels"]
        columns = (s.iou, s.f1, s.precision, s.recall, *([boundary.per_class] if boundary else []))
        rows = [
            [
                label + (" (left out)" if label in s.left_out else ""),
                *(percent(column[k]) for column in columns),
                f"{self.confusion.counts[k].sum():,}",
            ]
            for k, label in enumerate(s.labels)
        ]
        means = [s.miou, s.mf1, s.mprecision, s.mrecall, *([boundary.f1] if boundary else [])]
        table = aligned([head, *rows, ["mean", *map(percent, means), f"{s.pixels:,}"]])
        line = "-" * len(table[0])
        overall = f"overall accuracy {percent(s.oa)}   kappa {percent(s.kappa)}"
        whole = [table[0], line, *table[1:-1], line, table[-1], "", overall, *self._trust()]
        return whole + self._labels_table()

    def _trust(self) -> list[str]:
        """A line about calibration."""
        found = self.calibration
        if found is None:
            return []
        own = f"temperature {self.task.temperature or 1:.3g}"
        best = f"{percent(found.calibrated_error)} by {found.temperature:.3g}, the best one here"
        return [f"calibration error {percent(found.error)} by {own}   {best}"]

    def more(self) -> list[str]:
        """See `Result`: the scores by place, and one line for each way to score, with its protocol."""
        places = ["", *self.places.lines()] if self.places else []
        return places + _variant_lines(self.variants)


def _variant_lines(variants: Sequence[ProtocolScores]) -> list[str]:
    if not variants:
        return []
    rows = [[percent(v.miou), percent(v.mf1), percent(v.oa)] for v in variants]
    lines = aligned([["mIoU", "mF1", "OA"], *rows])
    said = ["protocol", *(variant.protocol for variant in variants)]
    return ["", "the same maps, scored by every protocol", *(f"  {a}  {b}" for a, b in zip(lines, said, strict=True))]


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
