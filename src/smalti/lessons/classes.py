"""The classes of a taught model, and which classes of its parent each takes over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from smalti.arrays import Doubles, Floats, Mask
from smalti.card import RGB, Task
from smalti.errors import OptionError
from smalti.raster.palette import task_colors
from smalti.text import some

Wanted = Mapping[str, Sequence[str]]
"""By name of a class: the parent's classes that become it; none for a new class. Others stay as they are."""

_NEW_COLORS: tuple[RGB, ...] = (
    (204, 121, 167), (240, 228, 66), (86, 180, 233), (230, 159, 0), (0, 158, 115), (213, 94, 0),
)  # fmt: skip
_LEAST, _NEW = 1e-4, 0.02
"""The least probability of a class, and that of a new class at first."""
_MOST, _LONGEST = 250, 100


@dataclass(frozen=True, eq=False)
class ClassPlan:
    """From the parent's K classes to the taught model's J."""

    task: Task
    """The task of the taught model."""
    shares: Doubles
    """J,K: the share of each of the parent's classes that becomes each class."""
    heirs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By name of a class of the parent that is gone: the classes that take it over."""

    @property
    def new(self) -> Mask:
        """J: the classes that the parent lacks."""
        return np.asarray(self.shares.sum(axis=1) == 0)

    @property
    def least(self) -> Doubles:
        """J: what is added to the probability of each class."""
        return np.where(self.new, _NEW, _LEAST)

    @property
    def same(self) -> bool:
        """Whether the classes are the parent's."""
        return self.shares.shape[0] == self.shares.shape[1] and bool((self.shares == np.eye(len(self.shares))).all())

    def colored(self, colors: Mapping[str, RGB]) -> "ClassPlan":
        """The same with other colours of some classes."""
        if not any(label in colors for label in self.task.labels):
            return self
        own = [colors.get(label, color) for label, color in zip(self.task.labels, task_colors(self.task), strict=True)]
        return replace(self, task=self.task.model_copy(update={"colors": tuple(own)}))

    def offsets(self, logits: Floats) -> Floats:
        """The logits N,J that the parent's logits N,K amount to, before anything is learned."""
        if self.same:
            return logits
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: Floats = np.log(powers / powers.sum(axis=1, keepdims=True) @ self.shares.T + self.least).astype(
            np.float32
        )
        return found


def plan_classes(parent: Task, wanted: Wanted) -> ClassPlan:
    """OptionError for a class that the parent does not have, a new one that it has, a name that cannot be, or a single
    class in all."""
    for name, taken in wanted.items():
        if not name.isprintable() or not 0 < len(name) <= _LONGEST or name == "ignore":
            expected = f"expected up to {_LONGEST} printable characters, but not `ignore`"
            raise OptionError(f"a class is named {name[:_LONGEST]!r}; {expected}", value=name)
        if unknown := [each for each in taken if each not in parent.labels]:
            text = f"class {name} takes over {unknown[0]!r}; the model's classes are {', '.join(parent.labels)}"
            raise OptionError(text, value=unknown[0])
    gone = {each for taken in wanted.values() for each in taken}
    if again := [name for name, taken in wanted.items() if not taken and name in parent.labels and name not in gone]:
        text = f"class {again[0]} is one of the model's own already; omit it, or give the new class another name"
        raise OptionError(text, value=again[0])
    rows = {label: [label] for label in parent.labels if label not in gone and label not in wanted}
    rows |= {name: list(taken) for name, taken in wanted.items()}
    if not 2 <= len(rows) <= _MOST:
        raise OptionError(f"number of classes: {len(rows)} ({some(list(rows), 3)}); expected 2 to {_MOST}")
    names = sorted(rows, key=lambda name: min((parent.labels.index(each) for each in rows[name]), default=_MOST))
    shares = np.array([[float(label in rows[name]) for label in parent.labels] for name in names])
    shares /= np.maximum(shares.sum(axis=0), 1)  # of a class that is split
    heirs = {old: tuple(name for name in names if old in rows[name]) for old in parent.labels if old not in names}
    return ClassPlan(_task(parent, names, rows), shares, heirs)


def _task(parent: Task, names: list[str], rows: Mapping[str, Sequence[str]]) -> Task:
    colors: list[RGB] = []
    for name in names:
        own = [parent.colors[parent.labels.index(each)] for each in rows[name]] if parent.colors else []
        free = [color for color in (*own, *_NEW_COLORS) if color not in colors]
        colors.append(free[0] if free else (len(colors), 0, 0))
    changes: dict[str, Any] = {"labels": tuple(names), "colors": tuple(colors), "temperature": None}
    if tuple(names) != parent.labels:
        changes |= {"label_colors": {}, "ignore": 255}
    return parent.model_copy(update=changes)
