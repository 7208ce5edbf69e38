"""Scores of class maps, from counts pooled over a whole dataset; never means of means.

`Confusion` counts pixels, `BoundaryF1` counts boundary pixels matched within a tolerance (after Csurka et al., "What is
a good evaluation measure for semantic segmentation?", BMVC 2013; here the counts are pooled over the dataset instead
of averaged over images). Both take class maps as (H, W) integers and skip the pixels whose ground truth is `ignore`.

Where a label allows a set of classes (`smalti.label_sets`), it decides about those outside of the set alone: each class
is scored on the pixels whose label is that class or does not allow it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import ClassMap, Doubles
from smalti.disc import highest_within
from smalti.label_sets import NO_SETS, Allowed, SetIds

CHUNK = 1 << 20
"""Pixels counted at once: bincount works on a copy of eight bytes per pixel."""


@dataclass(frozen=True)
class Rightness:
    """The share of the pixels of one label, a class or a set of classes, whose predicted class it allows."""

    classes: Allowed
    pixels: int
    right: float


@dataclass(frozen=True)
class Scores:
    """The scores of a confusion matrix. Per-class tuples follow `labels`; NaN where a class is in neither map, or no
    label decides that it is there and some allow it."""

    labels: tuple[str, ...]
    pixels: int
    """Pixels counted whose label is one class."""
    oa: float
    """Overall accuracy: the share of correct pixels, over all classes."""
    kappa: float
    """Cohen's kappa, over all classes."""
    miou: float
    mf1: float
    mprecision: float
    mrecall: float
    iou: tuple[float, ...]
    f1: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    in_mean: tuple[str, ...]
    """Classes that the four means are taken over."""
    left_out: tuple[str, ...] = ()
    """Classes excluded from the means on request."""
    absent: tuple[str, ...] = ()
    """Classes excluded from the means because neither ground truth nor prediction has them."""
    undecided: tuple[str, ...] = ()
    """Classes excluded from the means because labels allow them, but none decides that one is there."""
    allowing: int = 0
    """Further pixels, whose label allows a set of classes; overall accuracy and kappa are without them."""
    rightness: tuple[Rightness, ...] = ()
    """Of each label that occurs, classes first."""
    mrightness: float = float("nan")
    """The mean of these, without the classes left out."""


class Confusion:
    """One confusion matrix over a dataset: `counts[t, p]` pixels of class t were predicted as p."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.counts: NDArray[np.int64] = np.zeros((classes, classes), np.int64)
        self.ignored = 0
        """Pixels skipped: their ground truth is ignored, or nothing was predicted for them."""
        self.allowing: dict[Allowed, NDArray[np.int64]] = {}
        """By set of classes that labels allow, how many of its pixels were predicted as each class (K)."""

    def add(self, truth: ClassMap, prediction: ClassMap, ignore: int = 255, sets: SetIds = NO_SETS) -> None:
        """Adds two maps (H, W) of the same shape; pixels that are `ignore` in either are skipped.

        `sets` has the classes that further ids of the truth allow. Raises ValueError for different shapes or an id that
        is neither a class nor a set.
        """
        if truth.shape != prediction.shape:
            raise ValueError(f"truth is {truth.shape} but prediction {prediction.shape}")
        flat_truth, flat_prediction = truth.reshape(-1), prediction.reshape(-1)
        for start in range(0, flat_truth.size, CHUNK):
            part = slice(start, start + CHUNK)
            self._add_chunk(flat_truth[part], flat_prediction[part], ignore, sets)

    def _add_chunk(self, truth: ClassMap, prediction: ClassMap, ignore: int, sets: SetIds) -> None:
        valid = (truth != ignore) & (prediction != ignore)
        if not valid.all():
            truth, prediction = truth[valid], prediction[valid]
            self.ignored += int(valid.size - truth.size)
        if sets:
            truth, prediction = self._add_sets(truth, prediction, sets)
        if truth.size == 0:
            return
        if max(truth.max(), prediction.max()) >= self.classes:
            raise ValueError(f"class id {max(truth.max(), prediction.max())} among {self.classes} classes")
        pairs = truth.astype(np.int64)
        pairs *= self.classes
        pairs += prediction
        self.counts += np.bincount(pairs, minlength=self.classes**2).reshape(self.classes, self.classes)

    def _add_sets(self, truth: ClassMap, prediction: ClassMap, sets: SetIds) -> tuple[ClassMap, ClassMap]:
        """Counts the pixels whose label is a set; returns the others."""
        left = np.ones(truth.shape, np.bool_)
        for number, classes in sets.items():
            here = truth == number
            if here.any():
                self._add_row(classes, np.bincount(prediction[here], minlength=self.classes))
                left &= ~here
        return (truth, prediction) if left.all() else (truth[left], prediction[left])

    def _add_row(self, classes: Allowed, counts: NDArray[np.int64]) -> None:
        if len(counts) > self.classes:
            raise ValueError(f"class id {len(counts) - 1} among {self.classes} classes")
        self.allowing[classes] = self.allowing.get(classes, np.zeros(self.classes, np.int64)) + counts

    @property
    def pixels(self) -> int:
        """Pixels counted."""
        return int(self.counts.sum()) + sum(int(row.sum()) for row in self.allowing.values())

    @property
    def right(self) -> int:
        """Pixels whose predicted class is one that the label allows."""
        return int(np.trace(self.counts)) + sum(int(row[list(classes)].sum()) for classes, row in self.allowing.items())

    def merge(self, other: "Confusion") -> None:
        """Adds the counts of another matrix of the same classes."""
        self.counts += other.counts
        self.ignored += other.ignored
        for classes, row in other.allowing.items():
            self._add_row(classes, row)

    def _in_sets(self) -> NDArray[np.bool_]:
        """Which classes some label of a set allows (K)."""
        found = np.zeros(self.classes, np.bool_)
        for classes, row in self.allowing.items():
            found[list(classes)] |= row.any()
        return found

    def _wrong_in_sets(self) -> NDArray[np.int64]:
        """Of each class, how many pixels were predicted as it whose label is a set without it (K)."""
        wrong = np.zeros(self.classes, np.int64)
        for classes, row in self.allowing.items():
            wrong += np.where(np.isin(np.arange(self.classes), classes), 0, row)
        return wrong

    def _rightness(self) -> tuple[Rightness, ...]:
        rows = {(k,): self.counts[k] for k in range(self.classes)} | dict(sorted(self.allowing.items()))
        return tuple(
            Rightness(classes, int(row.sum()), float(row[list(classes)].sum() / row.sum()))
            for classes, row in rows.items()
            if row.any()
        )

    def scores(self, labels: Sequence[str], leave_out: Sequence[str] = ()) -> Scores:
        """The scores; classes named in `leave_out` are excluded from the means, but stay in OA and kappa.

        Raises ValueError if the number of labels is not that of the classes or a class left out is not among them.
        """
        if len(labels) != self.classes or not set(leave_out) <= set(labels):
            raise ValueError(f"{self.classes} classes, labels {list(labels)}, left out {list(leave_out)}")
        right = np.diag(self.counts).astype(np.float64)
        truth, decided = self.counts.sum(1).astype(np.float64), self.counts.sum(0).astype(np.float64)
        predicted = decided + self._wrong_in_sets()
        undecided = (truth == 0) & self._in_sets()
        present = (truth + predicted > 0) & ~undecided
        in_mean = present & ~np.isin(labels, list(leave_out))
        iou = _ratio(right, truth + predicted - right, present)
        f1 = _ratio(2 * right, truth + predicted, present)
        precision, recall = _ratio(right, predicted, present), _ratio(right, truth, present)
        oa, kappa = _agreement(right, truth, decided)
        rightness = self._rightness()
        out = {(labels.index(name),) for name in leave_out}
        return Scores(
            labels=tuple(labels),
            pixels=int(self.counts.sum()),
            oa=oa,
            kappa=kappa,
            miou=_mean_of(iou, in_mean),
            mf1=_mean_of(f1, in_mean),
            mprecision=_mean_of(precision, in_mean),
            mrecall=_mean_of(recall, in_mean),
            iou=tuple(iou.tolist()),
            f1=tuple(f1.tolist()),
            precision=tuple(precision.tolist()),
            recall=tuple(recall.tolist()),
            in_mean=_named(labels, in_mean),
            left_out=tuple(leave_out),
            absent=_named(labels, ~present & ~undecided & ~np.isin(labels, list(leave_out))),
            undecided=_named(labels, undecided & ~np.isin(labels, list(leave_out))),
            allowing=sum(int(row.sum()) for row in self.allowing.values()),
            rightness=rightness,
            mrightness=_mean_of(
                np.array([each.right for each in rightness]),
                np.array([each.classes not in out for each in rightness], np.bool_),
            ),
        )


def _ratio(part: Doubles, whole: Doubles, present: NDArray[np.bool_]) -> Doubles:
    """part / whole per class: 0 where a present class has an empty whole, NaN where the class is absent."""
    share = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.where(present, share, np.nan)


def merged(each: Sequence[Confusion]) -> Confusion:
    """The sum of the counts of at least one image."""
    total = Confusion(each[0].classes)
    for counts in each:
        total.merge(counts)
    return total


def mean_defined(values: Sequence[float]) -> float:
    """The mean of the values that are not NaN; NaN if none is."""
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _mean_of(values: Doubles, chosen: NDArray[np.bool_]) -> float:
    return float(values[chosen].mean()) if chosen.any() else float("nan")


def _named(labels: Sequence[str], chosen: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(label for label, yes in zip(labels, chosen, strict=True) if yes)


def _agreement(right: Doubles, truth: Doubles, predicted: Doubles) -> tuple[float, float]:
    """Overall accuracy and kappa; NaN where they are not defined."""
    total = truth.sum()
    if total == 0:
        return float("nan"), float("nan")
    oa = right.sum() / total
    chance = float(truth @ predicted) / total**2
    return float(oa), float((oa - chance) / (1 - chance)) if chance < 1 else float("nan")


class BoundaryF1:
    """F1 of class boundaries, matched within `tolerance` pixels (Euclidean), pooled per class over a dataset.

    A boundary pixel of a class has a direct neighbour of another class; the border of the image and ignored pixels are
    no boundary. `found` and `right` count matched pixels of the true and the predicted boundary.
    """

    def __init__(self, classes: int, tolerance: int = 3) -> None:
        self.classes = classes
        self.tolerance = tolerance
        self.true, self.found, self.predicted, self.right = (np.zeros(classes, np.int64) for _ in range(4))

    def add(
        self,
        truth: ClassMap,
        prediction: ClassMap,
        ignore: int = 255,
        rows: slice = slice(None),
        sets: SetIds = NO_SETS,
    ) -> None:
        """Adds two maps (H, W); only boundary pixels in `rows` count, the others serve as matches.

        Of each class, pixels of sets that allow it are ignored.
        """
        void = (truth == ignore) | (prediction == ignore)
        truth_edge, predicted_edge = _edges(truth, void), _edges(prediction, void)
        for k in range(self.classes):
            if sets:
                unsure = void | np.isin(truth, [number for number, classes in sets.items() if k in classes])
                truth_edge, predicted_edge = _edges(truth, unsure), _edges(prediction, unsure)
            true = ((truth == k) & truth_edge).view(np.uint8)
            predicted = ((prediction == k) & predicted_edge).view(np.uint8)
            self.true[k] += np.count_nonzero(true[rows])
            self.predicted[k] += np.count_nonzero(predicted[rows])
            self.found[k] += self._matched(true, predicted, rows)
            self.right[k] += self._matched(predicted, true, rows)

    def merge(self, other: "BoundaryF1") -> None:
        """Adds the counts of further images, of the same classes and tolerance."""
        self.true += other.true
        self.found += other.found
        self.predicted += other.predicted
        self.right += other.right

    def _matched(self, these: ClassMap, those: ClassMap, rows: slice) -> int:
        """The number of pixels of `these` in `rows` that have one of `those` within the tolerance."""
        if not these[rows].any() or not those.any():
            return 0
        return int(np.count_nonzero(these[rows] & highest_within(those, self.tolerance)[rows]))

    def per_class(self) -> tuple[float, ...]:
        """F1 of each class: harmonic mean of precision and recall of its boundary; NaN where neither map has one."""
        present = self.true + self.predicted > 0
        precision = _ratio(self.right.astype(np.float64), self.predicted.astype(np.float64), present)
        recall = _ratio(self.found.astype(np.float64), self.true.astype(np.float64), present)
        return tuple(map(float, _ratio(2 * precision * recall, np.nan_to_num(precision + recall), present)))

    def mean(self, leave_out: Sequence[int] = ()) -> float:
        """Mean over the classes that have a boundary and are not left out (by id)."""
        f1 = np.array(self.per_class())
        chosen = ~np.isnan(f1)
        chosen[list(leave_out)] = False
        return _mean_of(f1, chosen)


class BoundaryStrips:
    """Adds one image to a BoundaryF1 strip by strip, from the top; keeps only the rows within reach of a match."""

    def __init__(self, boundary: BoundaryF1, ignore: int = 255, sets: SetIds = NO_SETS) -> None:
        self._boundary = boundary
        self._ignore, self._sets = ignore, sets
        self._margin = boundary.tolerance + 1  # one more row, to decide whether a pixel is a boundary
        self._maps: ClassMap | None = None
        self._counted = 0

    def add(self, truth: ClassMap, prediction: ClassMap) -> None:
        """The next rows of both maps, (rows, W)."""
        strip = np.stack([truth, prediction])  # 2, rows, W
        self._maps = strip if self._maps is None else np.concatenate([self._maps, strip], axis=1)
        self._count(self._maps.shape[1] - self._margin)

    def close(self) -> None:
        """Counts the last rows of the image."""
        if self._maps is not None:
            self._count(self._maps.shape[1])

    def _count(self, end: int) -> None:
        if self._maps is None or end <= self._counted:
            return
        truth, prediction = self._maps
        self._boundary.add(truth, prediction, self._ignore, slice(self._counted, end), self._sets)
        spare = max(0, end - self._margin)
        self._maps, self._counted = self._maps[:, spare:], end - spare


def _edges(classes: ClassMap, void: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels with a direct neighbour of another class, (H, W) bool; pairs with a void pixel are ignored."""
    edge = np.zeros(classes.shape, np.bool_)
    for here, there in (((slice(1, None),), (slice(None, -1),)), (np.s_[:, 1:], np.s_[:, :-1])):
        differ = (classes[here] != classes[there]) & ~void[here] & ~void[there]
        edge[here] |= differ
        edge[there] |= differ
    return edge
