"""Delta_m: the mean relative gain of a net of several tasks over nets of one task each.

After Maninis, Radosavovic and Kokkinos, "Attentive Single-Tasking of Multiple Tasks", CVPR 2019: the mean over tasks of
the relative gain of each task's main number, signed so that better is positive. Here a task has one main number: mIoU
of classes, RMSE of values.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from smalti.errors import DataError, reason
from smalti.evaluation.result import Main, Result
from smalti.text import defined


@dataclass(frozen=True)
class Gain:
    """One task against its single run."""

    task: str
    single: Main
    found: Main

    @property
    def share(self) -> float:
        """The relative gain, above 0 if the net of several tasks is better; NaN where a number is not defined."""
        if not self.single.value:
            return math.nan
        gain = (self.found.value - self.single.value) / abs(self.single.value)
        return gain if self.found.higher_is_better else -gain

    def __str__(self) -> str:
        values = f"({self.single.value:.4g} to {self.found.value:.4g})"
        return f"{self.task} {self.found.name} {100 * self.share:+.2f} % {values}"


@dataclass(frozen=True)
class Delta:
    """Delta_m, and the gains of the tasks."""

    gains: tuple[Gain, ...]

    @property
    def mean(self) -> float:
        """The mean of all tasks' relative gains."""
        return sum(gain.share for gain in self.gains) / len(self.gains)

    def __str__(self) -> str:
        return f"Delta_m {100 * self.mean:+.2f} %: {', '.join(map(str, self.gains))}"

    def to_dict(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {"delta_m": defined(self.mean), "gains": {gain.task: defined(gain.share) for gain in self.gains}}


def against(paths: Sequence[Path], results: Sequence[Result]) -> Delta:
    """Compares results with stored single runs; see `read_singles` and `delta_m`."""
    protocols = {result.task.name: dict(result.protocol.lines()) for result in results}
    return delta_m({result.task.name: result.main for result in results}, read_singles(paths, protocols))


def delta_m(found: Mapping[str, Main], single: Mapping[str, Main]) -> Delta:
    """Compares the tasks of a net with single runs of the same tasks.

    DataError unless every task has a single run, scored by the same number.
    """
    gains = []
    for task, main in found.items():
        if task not in single:
            raise DataError(f"no single run of task {task}, only of {', '.join(single) or 'none'}; add its scores")
        if (single[task].name, single[task].higher_is_better) != (main.name, main.higher_is_better):
            raise DataError(f"task {task}: the single run was scored by {single[task].name}, this one by {main.name}")
        gains.append(Gain(task, single[task], main))
    return Delta(tuple(gains))


class _Main(BaseModel):
    name: str
    value: float | None
    higher_is_better: bool


class _Task(BaseModel):
    task: str
    main: _Main
    protocol: dict[str, str]


def read_singles(paths: Sequence[Path], protocols: Mapping[str, dict[str, str]]) -> dict[str, Main]:
    """The main numbers of stored evaluations, by task.

    `protocols` are those of the tasks to be compared. DataError where a file is not an evaluation, a task occurs
    twice, its number is undefined, or it was scored under other conditions: other data, number of images, threshold,
    crop or passes.
    """
    found: dict[str, Main] = {}
    for path in paths:
        for task in _read(path):
            if task.task not in protocols:
                continue
            if task.task in found:
                raise DataError(f"{path}: task {task.task} already has a single run; give one for each task")
            _check_same(path, task, protocols[task.task])
            name, value, higher = task.main.name, task.main.value, task.main.higher_is_better
            if value is None:
                raise DataError(f"{path}: {task.task}: its {name} is undefined in this file; give one that has a score")
            found[task.task] = Main(name, value, higher)
    return found


SAME = ("data", "labels", "truth", "measures", "crop", "means", "passes")
"""Conditions that must be equal; tiles may differ, and so may the names of splits."""


def _check_same(path: Path, task: _Task, protocol: dict[str, str]) -> None:
    for what in SAME:
        there, here = task.protocol.get(what, "none"), protocol.get(what, "none")
        if there != here:
            raise DataError(
                f"{path}: {task.task} was scored under another protocol: {what}: {there}; here: {here}; score it again"
            )


def _read(path: Path) -> list[_Task]:
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        parts = list(whole["tasks"].values()) if "tasks" in whole else [whole]
        return [_Task.model_validate(part) for part in parts]
    except OSError as error:
        raise DataError(f"{path}: the scores cannot be read: {reason(error)}") from None
    except (ValidationError, ValueError, TypeError, AttributeError):
        raise DataError(f"{path}: no scores of tasks; give a JSON file written by smalti evaluate --json") from None
