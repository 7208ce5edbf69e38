"""Scores of predictions for whole images: classes, ordered classes and values, counted over a whole dataset."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.evaluation.protocol import Conditions, Stated
from smalti.evaluation.result import Evaluation, Main, Result
from smalti.metrics import Confusion
from smalti.text import aligned, count, percent
from smalti.value_metrics import ValueCounts

TOP = 5
UNKNOWN = -1
"""The class id of an image whose class is unknown; an unknown value is NaN."""


@dataclass(frozen=True)
class ImageScores:
    """The scores of one task; NaN where not defined for its kind, or nothing was counted."""

    task: str
    images: int
    """Images with ground truth."""
    top1: float = math.nan
    """Share of the images whose class is the most probable one."""
    top5: float = math.nan
    """Share of the images whose class is among the five most probable (or all, if there are fewer)."""
    macro_f1: float = math.nan
    """Plain mean of the classes' F1, over those in ground truth or predictions."""
    micro_f1: float = math.nan
    """F1 of all classes' counts added up; with one class per image that is `top1`."""
    one_off: float = math.nan
    """Of ordered classes: share of the images whose prediction is the class or a direct neighbour of it."""
    mae: float = math.nan
    """Mean absolute error of values, in their unit."""
    rmse: float = math.nan
    """Root of the mean squared error of values, in their unit."""
    delta1: float = math.nan
    """Share of the values above 0 that are off by less than a factor 1.25."""

    def figures(self) -> dict[str, float]:
        """Those that are defined, by name."""
        values = {name: getattr(self, name) for name in FIGURES}
        return {name: value for name, value in values.items() if math.isfinite(value)}


FIGURES = {
    # field: its usual name, and whether it is a share
    "top1": ("top-1", True),
    "top5": ("top-5", True),
    "macro_f1": ("macro F1", True),
    "micro_f1": ("micro F1", True),
    "one_off": ("one-off", True),
    "mae": ("MAE", False),
    "rmse": ("RMSE", False),
    "delta1": ("delta 1", True),
}


class _Classes:
    """Counts of a task of classes: a confusion matrix, and how often the ground truth is among the most probable."""

    def __init__(self, task: Task, ordered: bool) -> None:
        self._task, self._ordered = task, ordered
        self._size = len(task.labels)
        self.counts: NDArray[np.float64] = np.zeros(self._size**2 + 1)

    def add(self, truth: NDArray[Any], predicted: NDArray[np.floating[Any]]) -> None:
        """Class ids N, and logits or probabilities N,K; ties go to the first class."""
        known = truth != UNKNOWN
        truth, predicted = truth[known], predicted[known]
        order = np.argsort(-predicted, axis=1, kind="stable")[:, :TOP]
        pairs = truth * self._size + order[:, 0]
        self.counts[:-1] += np.bincount(pairs, minlength=self._size**2)
        self.counts[-1] += np.count_nonzero(order == truth[:, None])

    def scores(self) -> ImageScores:
        confusion = Confusion(self._size)
        confusion.counts = self.counts[:-1].reshape(self._size, self._size).astype(np.int64)
        found, images = confusion.scores(self._task.labels), int(confusion.counts.sum())
        right = int(np.trace(confusion.counts))
        wrong = 2 * (
            images - right
        )  # each wrong prediction is one class's false positive and another one's false negative
        near = sum(int(np.trace(confusion.counts, offset)) for offset in (-1, 0, 1))
        return ImageScores(
            self._task.name,
            images,
            top1=found.oa,
            top5=_ratio(self.counts[-1], images),
            macro_f1=found.mf1,
            micro_f1=_ratio(2 * right, 2 * right + wrong),
            one_off=_ratio(near, images) if self._ordered else math.nan,
        )


class _Values:
    """Counts of a task of values."""

    def __init__(self, task: Task) -> None:
        self._task, self._sums = task, ValueCounts()

    @property
    def counts(self) -> NDArray[np.float64]:
        return self._sums.counts

    @counts.setter
    def counts(self, counts: NDArray[np.float64]) -> None:
        self._sums.counts = counts

    def add(self, truth: NDArray[Any], predicted: NDArray[np.floating[Any]]) -> None:
        """Values N and N,1."""
        self._sums.add(truth.astype(np.float32), predicted[:, 0].astype(np.float32))

    def scores(self) -> ImageScores:
        found = self._sums.scores()
        return ImageScores(self._task.name, found.pixels, mae=found.abs, rmse=found.rmse, delta1=found.delta1)


class ImageCounts:
    """Counts of all tasks of a dataset. `counts` of other images or processes may be added."""

    def __init__(self, tasks: Sequence[Task], ordered: Sequence[str] = ()) -> None:
        """`ordered` names the tasks whose classes are ordered."""
        self._parts = {t.name: _Classes(t, t.name in ordered) if t.has_classes else _Values(t) for t in tasks}

    def add(self, truth: Mapping[str, NDArray[Any]], predictions: Mapping[str, NDArray[np.floating[Any]]]) -> None:
        """By task: class ids (-1 where unknown) or values (NaN) N, and logits, probabilities or values N,K."""
        for name, part in self._parts.items():
            part.add(truth[name], predictions[name])

    @property
    def counts(self) -> NDArray[np.float64]:
        """All counts as one vector."""
        return np.concatenate([part.counts for part in self._parts.values()])

    @counts.setter
    def counts(self, counts: NDArray[np.float64]) -> None:
        ends = np.cumsum([len(part.counts) for part in self._parts.values()])
        for part, own in zip(self._parts.values(), np.split(counts, ends[:-1]), strict=True):
            part.counts = own

    def scores(self) -> tuple[ImageScores, ...]:
        """The scores of each task."""
        return tuple(part.scores() for part in self._parts.values())


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


@dataclass(frozen=True, kw_only=True)
class ImageConditions(Conditions):
    """The conditions of scores of whole images: the same for all tasks."""

    images: int
    seen: str
    """What the net sees of an image, in words."""
    every: tuple[ImageScores, ...]
    """The scores of all tasks."""

    def lines(self) -> list[tuple[str, str]]:
        """See `Conditions`."""
        known = ", ".join(f"{one.task} {one.images:,}" for one in self.every)
        lines = [
            ("data", f"{self.stated.data}, {count(self.images, 'image')}; labels known: {known}"),
            ("split", self.stated.split),
            ("image", self.seen),
            ("counting", "over all images at once; unknown labels are ignored"),
        ]
        if any(math.isfinite(one.top1) for one in self.every):
            lines.append(("F1", "macro: mean over the classes in ground truth or predictions; micro: equal to top-1"))
        if any(math.isfinite(one.one_off) for one in self.every):
            lines.append(("one-off", "the class, or the one directly before or after it"))
        if any(math.isfinite(one.delta1) for one in self.every):
            lines.append(("delta 1", "share of the values above 0 that are off by less than a factor 1.25"))
        return [*lines, self.checkpoint]


@dataclass(frozen=True)
class ImageResult(Result):
    """What was measured of one task of whole images; a `Result`."""

    protocol: ImageConditions
    scores: ImageScores

    @property
    def main(self) -> Main:
        """See `Result`."""
        return Main("top-1", self.scores.top1, True) if self.task.has_classes else Main("RMSE", self.scores.rmse, False)

    def figures(self) -> list[tuple[str, float]]:
        """See `Result`."""
        return [(FIGURES[name][0], value) for name, value in self.scores.figures().items()]

    def details(self) -> dict[str, Any]:
        """See `Result`."""
        return {"images": self.scores.images, **self.scores.figures()}

    def table(self) -> list[str]:
        """See `Result`."""
        return _table([self])

    @classmethod
    def text(cls, results: Sequence[Result]) -> str:
        """See `Result`: one row for each task, and the protocol that they share."""
        rows = [result for result in results if isinstance(result, ImageResult)]
        return "\n".join([*_table(rows), "", *rows[0].protocol.table()])


def image_evaluation(
    stated: Stated, scores: Sequence[ImageScores], *, images: int, seen: str, seconds: float
) -> Evaluation:
    """The evaluation of a model of whole images from the scores of its tasks; `seen` says what it sees of an image."""
    conditions = ImageConditions(stated=stated, images=images, seen=seen, every=tuple(scores))
    results = (ImageResult(stated.card.task(one.task), conditions, one) for one in scores)
    return Evaluation(tuple(results), seconds)


def _table(results: Sequence[ImageResult]) -> list[str]:
    """A row for each task, shares in percent."""
    found = [result.scores.figures() for result in results]
    names = [name for name in FIGURES if any(name in one for one in found)]
    head = ["task", *(FIGURES[name][0] + (", %" if FIGURES[name][1] else "") for name in names), "images"]
    rows = [
        [_named(result.task), *(_cell(values, name) for name in names), f"{result.scores.images:,}"]
        for result, values in zip(results, found, strict=True)
    ]
    return aligned([head, *rows])


def _named(task: Task) -> str:
    return f"{task.name} ({task.unit})" if task.unit else task.name


def _cell(values: dict[str, float], name: str) -> str:
    if name not in values:
        return "-"
    return percent(values[name]) if FIGURES[name][1] else f"{values[name]:.3g}"


def seen(resize: int, size: int) -> str:
    """What the net sees of an image, in words."""
    return f"shorter side to {resize} px, centre crop of {size} x {size} px, one pass"
