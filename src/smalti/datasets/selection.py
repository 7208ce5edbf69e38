"""Which data of a dataset the tasks of a card use: its classes, and values of their quantity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smalti.card import Task
from smalti.datasets.spec import DatasetSpec
from smalti.raster.values import DEFAULT, ValueSpec


@dataclass(frozen=True)
class Selection:
    """What one task uses: the classes, or the values of a name."""

    task: Task
    name: str = ""
    """Name of the values; empty for classes."""
    values: ValueSpec = DEFAULT
    """How they are stored, where the dataset does not state it."""


def select(dataset: DatasetSpec, tasks: Sequence[Task], also: Mapping[str, tuple[str, ValueSpec]]) -> list[Selection]:
    """The first task of classes uses the classes, a task of values what `also` gives by the task's name.

    By default heights and depths use the first values of their quantity whose unit the dataset states; a task
    without matching values is left out.
    """
    taken = [Selection(task) for task in tasks if task.kind == "classes"][:1]
    for task in tasks:
        if task.kind == "value" and (found := also.get(task.name) or _usual(dataset, task)):
            taken.append(Selection(task, *found))
    return taken


def _usual(dataset: DatasetSpec, task: Task) -> tuple[str, ValueSpec] | None:
    values = dataset.values.items()
    fitting = [name for name, each in values if task.quantity and each.quantity == task.quantity and each.metres]
    return (fitting[0], DEFAULT) if fitting else None
