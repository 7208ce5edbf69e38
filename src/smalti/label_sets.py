"""Sets of classes that a label allows where it does not decide between them, such as "no building".

`Task.sets` lists them. In label maps each set has an id of its own beside those of the classes, so that readers, caches
and augmentation treat it like any class. A set of one class is that class; one of all classes says nothing, so that its
pixels are ignored.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Mask
from smalti.card import Task
from smalti.errors import LabelError

IDS = 256
"""Ids that a label map of bytes can hold."""
Allowed = tuple[int, ...]
"""The ids of the classes that a label allows, in their order."""
SetIds = Mapping[int, Allowed]
"""The classes that each id of a set allows."""
NO_SETS: SetIds = {}


def with_sets(task: Task, sets: Iterable[Collection[int]]) -> Task:
    """The task with these sets (of class ids) for its labels; those of one class or of all of them need no id.

    LabelError if there are more sets than ids.
    """
    found = {tuple(sorted(each)) for each in sets}
    ours = tuple(sorted(each for each in found if 1 < len(each) < len(task.labels)))
    room = IDS - 1 - len(task.labels)
    if len(ours) > room:
        raise LabelError(
            f"labels have {len(ours)} sets of classes; {room} is the most beside {len(task.labels)} classes"
        )
    return task.model_copy(update={"sets": ours}) if ours != task.sets else task


def set_ids(task: Task) -> SetIds:
    """The id of each of the task's sets, with the classes that it allows."""
    free = (i for i in range(len(task.labels), IDS) if i != task.ignore)
    return dict(zip(free, task.sets, strict=False))


def id_of(task: Task, classes: Collection[int]) -> int:
    """The id of a label that allows these classes; ValueError for a set that the task does not list."""
    wanted = tuple(sorted(classes))
    if len(wanted) == 1:
        return wanted[0]
    if len(wanted) == len(task.labels):
        return task.ignore
    for number, found in set_ids(task).items():
        if found == wanted:
            return number
    raise ValueError(f"task {task.name} has no set {wanted}; give it with `with_sets`")


def allowed_table(task: Task) -> Mask:
    """Which classes each id allows: (256, classes) bool; none for ids that say nothing."""
    table = np.zeros((IDS, len(task.labels)), bool)
    table[: len(task.labels)] = np.eye(len(task.labels), dtype=bool)
    for number, classes in set_ids(task).items():
        table[number, list(classes)] = True
    return table


def class_groups(task: Task) -> NDArray[np.uint8]:
    """The least classes that the task's labels tell apart: (classes) uint8, the least id of each class's group.

    Classes that are together in a set are in one group, and so are those of sets that overlap.
    """
    group = list(range(len(task.labels)))
    for classes in task.sets:
        joined = {group[k] for k in classes}
        group = [min(joined) if each in joined else each for each in group]
    return np.array(group, np.uint8)


def is_right(truth: NDArray[np.uint8], prediction: NDArray[np.uint8], sets: SetIds) -> Mask:
    """Where the predicted class of two maps (H, W) is one that the label allows."""
    right: Mask = truth == prediction
    for number, classes in sets.items():
        right |= (truth == number) & np.isin(prediction, classes)
    return right


def words(labels: Sequence[str], classes: Allowed) -> str:
    """A set in words: `land or road`, or `not building` where that is shorter."""
    others = [label for k, label in enumerate(labels) if k not in classes]
    if len(others) < len(classes):
        return f"not {' or '.join(others)}"
    return " or ".join(labels[k] for k in classes)
