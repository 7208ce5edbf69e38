"""What the tasks of a card take of a data set: its classes, and values of their quantity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smalti.card import Task
from smalti.datasets.spec import DatasetSpec
from smalti.raster.values import DEFAULT, ValueSpec


@dataclass(frozen=True)
class Selection:
    """What one task takes: the classes, or values of some name."""

    task: Task
    name: str = ""
    """Of the values; empty for classes."""
    values: ValueSpec = DEFAULT
    """How they are written down, where the data set does not tell."""


def take(dataset: DatasetSpec, tasks: Sequence[Task], also: Mapping[str, tuple[str, ValueSpec]]) -> list[Selection]:
    """The first task of classes takes the classes, one of values what `also` gives it by its name.

    Without it heights and depths take the first values of their quantity whose unit the data set tells; a task for
    which there is nothing takes nothing.
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
