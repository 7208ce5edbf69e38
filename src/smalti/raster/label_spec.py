"""How labels are encoded: which colour, value or attribute stands for which class, or for which set of classes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smalti.card import RGB, Task
from smalti.errors import LabelError
from smalti.label_sets import Allowed, id_of
from smalti.raster.palette import parse_color


def _not_empty(wanted: Any) -> Any:
    if isinstance(wanted, list | tuple) and not wanted:
        raise ValueError("an empty set of classes; name the classes that the label allows, or say ignore")
    return wanted


Wanted = Annotated[str | int | tuple[str | int, ...], BeforeValidator(_not_empty)]
"""What a label means: a class by its name or its id, `ignore`, or a list of the classes that it allows."""


class LabelSpec(BaseModel):
    """How labels are encoded. A class is given by its name, its id, or `ignore`; a label that does not decide between
    some classes by the list of these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    colors: dict[str, Wanted] = Field(default_factory=dict)
    """Colours (`#RRGGBB`) of a label image, in addition to those of the task."""
    threshold: int | None = Field(None, ge=1, le=255)
    """Where label images have impure colours: a channel counts as 255 from this value on, else as 0."""
    ids: dict[int, Wanted] = Field(default_factory=dict)
    """Pixel values of a class raster; without any, the value is the class id."""
    reduce_zero_label: bool = False
    """Of a class raster: 0 is unlabelled, and the value n is the n-th class. Excludes `ids`."""
    layer: str | None = None
    """The layer of a vector file with several layers."""
    attribute: str | None = None
    """The attribute of vector features that holds their class; default `class`, if there is one."""
    values: dict[str, Wanted] = Field(default_factory=dict)
    """Values of that attribute; without any, the value is the name of the class or its id."""
    burn: Wanted | None = None
    """The one class of all features."""
    background: Wanted | None = None
    """The class of pixels without a feature; by default they are ignored."""

    @model_validator(mode="before")
    @classmethod
    def _one_statement_each(cls, given: Any) -> Any:
        if isinstance(given, dict):
            for key, plain in (("ids", int), ("colors", parse_color)):
                if twice := _twice(given.get(key), plain):
                    raise ValueError(f"{key}: {' and '.join(map(repr, twice))} are one; state its class once")
        return given

    @model_validator(mode="after")
    def _no_contradictions(self) -> Self:
        if self.ids and self.reduce_zero_label:
            raise ValueError("ids and reduce_zero_label both number the classes; keep one of them")
        if self.burn is not None and self.values:
            raise ValueError("burn and values both state the class of features; keep one of them")
        for color in self.colors:
            parse_color(color)
        return self

    def numbered(self, task: Task) -> "LabelSpec":
        """The same, with `reduce_zero_label` written out as `ids`."""
        if not self.reduce_zero_label:
            return self
        ids: dict[int, Wanted] = {0: "ignore", **dict(enumerate(task.labels, 1))}
        return self.model_copy(update={"reduce_zero_label": False, "ids": ids})

    def sets(self, task: Task, where: str = "") -> set[Allowed]:
        """The sets of class ids that it states; LabelError, beginning with `where`, for what is not a class."""
        return {class_set(task, wanted, f"{where}{key}") for key, wanted in self._stated() if isinstance(wanted, tuple)}

    def check(self, task: Task, where: str) -> None:
        """LabelError, beginning with `where`, for a single class that it states and the task lacks."""
        for key, wanted in self._stated():
            if wanted is not None and not isinstance(wanted, tuple):
                class_id(task, wanted, f"{where}{key}")

    def _stated(self) -> Iterator[tuple[str, Wanted | None]]:
        """All that it states, with where it stands."""
        for name, table in (("colors", self.colors), ("ids", self.ids), ("values", self.values)):
            yield from ((f"{name}.{key}", wanted) for key, wanted in table.items())
        yield from (("burn", self.burn), ("background", self.background))


def _twice(table: Any, plain: Any) -> list[Any]:
    """The first keys of a table that mean the same, such as 1 and "01"."""
    found: dict[Any, list[Any]] = {}
    for key in table if isinstance(table, dict) else ():
        with suppress(ValueError, TypeError, AttributeError):  # another check tells of what cannot be read
            found.setdefault(plain(key), []).append(key)
    return next((keys for keys in found.values() if len(keys) > 1), [])


def class_id(task: Task, wanted: Wanted, where: str) -> int:
    """The id of a class given by name, id or `ignore`, or of a set of them that the task lists.

    LabelError, beginning with `where`, if there is no such class.
    """
    if isinstance(wanted, tuple):
        return id_of(task, class_set(task, wanted, where))
    if wanted == "ignore" or wanted == task.ignore:
        return task.ignore
    if wanted in task.labels:
        return task.labels.index(str(wanted))
    with suppress(ValueError):
        if 0 <= int(wanted) < len(task.labels):
            return int(wanted)
    names = ", ".join(f"{i} {name}" for i, name in enumerate(task.labels))
    alike = [label for label in task.labels if label.lower() == str(wanted).lower()]
    near = alike or get_close_matches(str(wanted), task.labels, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise LabelError(f"{where}: {wanted!r} is not a class; the classes are {names}, or ignore{hint}")


def class_set(task: Task, wanted: tuple[str | int, ...], where: str) -> Allowed:
    """The ids of a set of classes given by names or ids; LabelError as `class_id`, and for `ignore` in it."""
    ids = [class_id(task, each, where) for each in wanted]
    if task.ignore in ids:
        raise LabelError(f"{where}: a set names the classes that a label allows; 'ignore' is none of them")
    if twice := [each for each, often in Counter(ids).items() if often > 1]:
        raise LabelError(f"{where}: the set names {task.labels[twice[0]]} twice")
    return tuple(sorted(ids))


def known_colors(task: Task, spec: LabelSpec) -> dict[RGB, int]:
    """The class id of every colour that the task or the spec names; the spec comes first."""
    known = {color: i for i, color in enumerate(task.colors)}
    for text, value in {**task.label_colors, **spec.colors}.items():
        try:
            known[parse_color(text)] = class_id(task, value, f"colour {text}")
        except ValueError as error:
            raise LabelError(str(error)) from None
    return known
