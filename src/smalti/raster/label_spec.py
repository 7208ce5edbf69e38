"""How labels are encoded: which colour, value or attribute stands for which class."""

from contextlib import suppress
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from smalti.card import RGB, Task
from smalti.errors import LabelError
from smalti.raster.palette import parse_color


class LabelSpec(BaseModel):
    """How labels are encoded. A class is given by its name, its id, or `ignore`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    colors: dict[str, str | int] = Field(default_factory=dict)
    """Colours (`#RRGGBB`) of a label image, in addition to those of the task."""
    threshold: int | None = Field(None, ge=1, le=255)
    """Where label images have impure colours: a channel counts as 255 from this value on, else as 0."""
    ids: dict[int, str | int] = Field(default_factory=dict)
    """Pixel values of a class raster; without any, the value is the class id."""
    reduce_zero_label: bool = False
    """Of a class raster: 0 is unlabelled, and the value n is the n-th class. Excludes `ids`."""
    layer: str | None = None
    """The layer of a vector file with several layers."""
    attribute: str | None = None
    """The attribute of vector features that holds their class; default `class`, if there is one."""
    values: dict[str, str | int] = Field(default_factory=dict)
    """Values of that attribute; without any, the value is the name of the class or its id."""
    burn: str | int | None = None
    """The one class of all features."""
    background: str | int | None = None
    """The class of pixels without a feature; by default they are ignored."""

    @model_validator(mode="after")
    def _one_numbering(self) -> Self:
        if self.ids and self.reduce_zero_label:
            raise ValueError("ids and reduce_zero_label both number the classes; keep one of them")
        return self

    def numbered(self, task: Task) -> "LabelSpec":
        """The same, with `reduce_zero_label` written out as `ids`."""
        if not self.reduce_zero_label:
            return self
        ids: dict[int, str | int] = {0: "ignore", **dict(enumerate(task.labels, 1))}
        return self.model_copy(update={"reduce_zero_label": False, "ids": ids})


DEFAULT = LabelSpec()


def class_id(task: Task, wanted: str | int, where: str) -> int:
    """The id of a class given by name, id or `ignore`; LabelError, beginning with `where`, if there is none."""
    if wanted == "ignore" or wanted == task.ignore:
        return task.ignore
    if wanted in task.labels:
        return task.labels.index(str(wanted))
    with suppress(ValueError):
        if 0 <= int(wanted) < len(task.labels):
            return int(wanted)
    names = ", ".join(f"{i} {name}" for i, name in enumerate(task.labels))
    raise LabelError(f"{where}: {wanted!r} is not a class; the classes are {names}, or ignore")


def known_colors(task: Task, spec: LabelSpec) -> dict[RGB, int]:
    """The class id of every colour that the task or the spec names; the spec comes first."""
    known = {color: i for i, color in enumerate(task.colors)}
    for text, value in {**task.label_colors, **spec.colors}.items():
        try:
            known[parse_color(text)] = class_id(task, value, f"colour {text}")
        except ValueError as error:
            raise LabelError(str(error)) from None
    return known
