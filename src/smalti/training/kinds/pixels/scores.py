"""The scores by which a training of several tasks is followed and its checkpoint chosen."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

import torch

from smalti.card import Task
from smalti.evaluation import ClassResult, Result, ValueResult
from smalti.evaluation.values import threshold
from smalti.metrics import Confusion
from smalti.training.distributed import Team
from smalti.value_metrics import ValueCounts

SELECTABLE = {"classes": ("miou", "mf1", "oa"), "value": ("delta1", "neg_rmse")}
"""By kind of task the scores that a checkpoint may be chosen by, the main one first; `neg_rmse` is the RMSE below 0."""
MEAN = "mean"
"""The mean of all tasks' main scores: mIoU of classes, delta 1 of values."""


def selectable(tasks: Sequence[Task]) -> tuple[str, ...]:
    """The scores that a checkpoint may be chosen by; the mean first where there are several tasks."""
    names = [f"{task.name}/{name}" for task in tasks for name in SELECTABLE[task.kind]]
    return tuple(names) if len(tasks) == 1 else (MEAN, *names)


def pooled(tasks: Sequence[Task], found: Iterable[Result], team: Team) -> dict[str, float]:
    """`TASK/score` of each task that has labels, and their mean, from the counts of all processes."""
    own = {result.task.name: result for result in found}
    scores: dict[str, float] = {}
    for task in tasks:
        count = _classes if task.kind == "classes" else _values
        numbers = count(task, own.get(task.name), team)
        scores |= {f"{task.name}/{name}": value for name, value in numbers.items() if math.isfinite(value)}
    main = [scores.get(f"{task.name}/{SELECTABLE[task.kind][0]}") for task in tasks]
    if (known := [score for score in main if score is not None]) and len(tasks) > 1:
        scores[MEAN] = fmean(known)
    return scores


def _classes(task: Task, found: Result | None, team: Team) -> dict[str, float]:
    counts = Confusion(len(task.labels))
    if isinstance(found, ClassResult):
        counts.merge(found.confusion)
    counts.counts = team.sum(torch.from_numpy(counts.counts)).numpy()
    scores = counts.scores(task.labels)
    main = {name: float(getattr(scores, name)) for name in SELECTABLE[task.kind]}
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


def line(tasks: Sequence[Task], scores: Mapping[str, float]) -> str:
    """The main scores for people."""
    told = [text for task in tasks if (text := _told(task, scores))]
    return "  ".join(told + ([f"mean {100 * scores[MEAN]:.2f}"] if MEAN in scores else []))


def _told(task: Task, scores: Mapping[str, float]) -> str:
    own = {name.rpartition("/")[2]: value for name, value in scores.items() if name.rpartition("/")[0] == task.name}
    shares = [f"{text} {100 * own[name]:.2f}" for name, text in (("miou", "mIoU"), ("delta1", "delta1")) if name in own]
    errors = [f"RMSE {own['rmse']:.3f}{f' {task.unit}' if task.unit else ''}"] if "rmse" in own else []
    return " ".join([task.name, *errors, *shares]) if own else ""
