"""The scores that monitor a training on pixels and choose its checkpoint."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch

from smalti.card import Task
from smalti.data.pixels.label_stats import NEAR, LabelCounts
from smalti.evaluation import ClassResult, Result, ValueResult
from smalti.evaluation.values import threshold
from smalti.metrics import Confusion
from smalti.training.distributed import Team
from smalti.value_metrics import ValueCounts

SELECTABLE = {"classes": ("miou", "mf1", "oa"), "value": ("delta1", "neg_rmse")}
"""By kind of task the scores that may choose a checkpoint, the main one first; `neg_rmse` is minus the RMSE."""
MEAN = "mean"
"""The mean of all tasks' main scores: mIoU of classes, delta 1 of values."""
SHARES = {"miou": "mIoU", "mf1": "mF1", "oa": "OA", "delta1": "delta1", "rightness": "rightness"}
"""Scores that are shares, with their usual names."""


ATTRIBUTES = {"rightness": "mrightness"}
"""Attributes of `Scores` that have another name."""


@dataclass(frozen=True)
class TaskScores:
    """The scores of some tasks from their counts, by name: `TASK/score`, or `score` with a single task."""

    tasks: Sequence[Task]
    named: bool = True

    def name(self, task: Task, score: str) -> str:
        """The name of a task's score."""
        return f"{task.name}/{score}" if self.named else score

    @property
    def selectable(self) -> tuple[str, ...]:
        """The scores that may choose a checkpoint; the mean first if there are several tasks."""
        names = [self.name(task, score) for task in self.tasks for score in _selectable(task)]
        return tuple(names) if len(self.tasks) == 1 else (MEAN, *names)

    def undefined(self, found: Mapping[str, LabelCounts]) -> dict[str, str]:
        """Why labels with these counts, by task, cannot define some of the selectable scores."""
        reasons = {
            self.name(task, score): why
            for task in self.tasks
            if task.name in found
            for score, why in _undefined(task, found[task.name]).items()
        }
        main = [reasons.get(self.name(task, SELECTABLE[task.kind][0]), "") for task in self.tasks]
        return reasons | ({MEAN: "; ".join(main)} if len(main) > 1 and all(main) else {})

    def pooled(self, found: Iterable[Result], team: Team) -> dict[str, float]:
        """The scores of each task that has labels, and their mean, from the counts of all processes."""
        own = {result.task.name: result for result in found}
        scores: dict[str, float] = {}
        for task in self.tasks:
            count = _classes if task.kind == "classes" else _values
            numbers = count(task, own.get(task.name), team)
            scores |= {self.name(task, name): value for name, value in numbers.items() if math.isfinite(value)}
        main = [scores.get(self.name(task, SELECTABLE[task.kind][0])) for task in self.tasks]
        if (known := [score for score in main if score is not None]) and len(self.tasks) > 1:
            scores[MEAN] = fmean(known)
        return scores

    def line(self, scores: Mapping[str, float]) -> str:
        """The main scores as text: the first one of each task, or all selectable ones of a single task."""
        parts = [text for task in self.tasks if (text := self._of_task(task, scores))]
        return "  ".join(parts + ([f"mean {100 * scores[MEAN]:.2f}"] if MEAN in scores else []))

    def _of_task(self, task: Task, scores: Mapping[str, float]) -> str:
        def share(name: str) -> list[str]:
            value = scores.get(self.name(task, name))
            return [] if value is None else [f"{SHARES[name]} {100 * value:.2f}"]

        if not self.named:
            return "  ".join(text for name in _selectable(task) for text in share(name))
        unit = f" {task.unit}" if task.unit else ""
        rmse = scores.get(self.name(task, "rmse"))
        errors = [] if rmse is None else [f"RMSE {rmse:.3f}{unit}"]
        found = [*errors, *share(SELECTABLE[task.kind][0])]
        return " ".join([task.name, *found]) if found else ""


def _selectable(task: Task) -> tuple[str, ...]:
    """The scores of a task that may choose a checkpoint: rightness only where labels allow sets of classes."""
    return (*SELECTABLE[task.kind], *(("rightness",) if task.sets else ()))


def _undefined(task: Task, found: LabelCounts) -> dict[str, str]:
    if task.kind == "classes":
        why = f"no label of {task.name} is a single class"
        return {} if found.pixels.any() else dict.fromkeys(SELECTABLE["classes"], why)
    least = threshold(task)
    near = f"at least {least:g} {task.unit}" if least else "above 0"
    return {} if found.pixels[NEAR] else {"delta1": f"no value of {task.name} is {near}"}


def _classes(task: Task, found: Result | None, team: Team) -> dict[str, float]:
    counts = Confusion(len(task.labels))
    if isinstance(found, ClassResult):
        counts.merge(found.confusion)
    counts.counts = team.sum(torch.from_numpy(counts.counts)).numpy()
    for classes in task.sets:  # in one order, so that processes sum the same rows
        own = counts.allowing.get(classes, np.zeros(counts.classes, np.int64))
        counts.allowing[classes] = team.sum(torch.from_numpy(own)).numpy()
    scores = counts.scores(task.labels)
    main = {name: float(getattr(scores, ATTRIBUTES.get(name, name))) for name in _selectable(task)}
    return main | {f"iou_{label}": value for label, value in zip(task.labels, scores.iou, strict=True)}


def _values(task: Task, found: Result | None, team: Team) -> dict[str, float]:
    counts = ValueCounts(threshold(task))
    if isinstance(found, ValueResult):
        counts.merge(found.counts)
    counts.counts = team.sum(torch.from_numpy(counts.counts)).numpy()
    scores = counts.scores()
    return {
        "delta1": scores.delta1,
        "rmse": scores.rmse,
        "neg_rmse": -scores.rmse,
        "abs": scores.abs,
        "rel": scores.rel,
    }
