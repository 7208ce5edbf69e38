"""The card of a model: what it expects and what it answers.

A card travels inside the `.onnx` file (metadata key `smalti.card`) and beside the weights of a checkpoint.
"""

import math
import unicodedata
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from smalti.errors import ModelError

Kind = Literal["classes", "value", "image_classes", "image_value", "score"]
RGB = tuple[int, int, int]

PIXEL_KINDS = ({"uint8"}, {"uint16", "int16"}, {"float16", "float32", "float64"})
"""Pixel types that a net takes for each other."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Task(_Frozen):
    """One answer of a net: classes or a value, of each pixel or of the whole image, or a score to rank images by."""

    name: str
    kind: Kind = "classes"
    labels: tuple[str, ...] = ()
    """Class names in the order of the ids, for kinds `classes` and `image_classes`."""
    colors: tuple[RGB, ...] = ()
    """One RGB colour (0 to 255) per class, for maps."""
    label_colors: dict[str, int] = Field(default_factory=dict)
    """Further colours (`#RRGGBB`) that label images of its data use, each with its class id or `ignore`."""
    ignore: int = 255
    """The class id that counts neither in training nor in scores, and that maps carry for no data."""
    unit: str = ""
    """The unit of a value, for example `m`."""
    quantity: Literal["", "height", "depth"] = ""
    """What a value is, where that matters: a depth of 0 is unknown and changes with the zoom, a height above the ground
    does not."""
    minimum: float | None = None
    """What a value can never be below, for example 0 for heights; None where anything may be."""

    @model_validator(mode="after")
    def _labels_and_colors_agree(self) -> Self:
        if self.has_classes and not self.labels:
            raise ValueError(f"task {self.name}: kind {self.kind} needs labels")
        plain = [unicodedata.normalize("NFC", label.strip()) for label in self.labels]
        if twice := [label for label in plain if plain.count(label) > 1]:
            raise ValueError(f"task {self.name}: two classes are called {twice[0]!r}; give each a name of its own")
        if self.colors and len(self.colors) != len(self.labels):
            raise ValueError(f"task {self.name}: {len(self.labels)} labels but {len(self.colors)} colors")
        if nameless := [label for label, name in zip(self.labels, plain, strict=True) if name in ("", "ignore")]:
            raise ValueError(
                f"task {self.name}: no class can be called {nameless[0]!r}; pixels that count nowhere need no class of "
                "their own"
            )
        if self.kind == "classes" and not 0 <= self.ignore <= 255:
            raise ValueError(f"task {self.name}: ignore {self.ignore} is outside 0 to 255")
        if self.kind == "classes" and self.ignore < len(self.labels):
            raise ValueError(f"task {self.name}: ignore {self.ignore} is also the id of a class")
        return self

    @property
    def has_classes(self) -> bool:
        """Whether it answers with one of its labels, not with a number."""
        return self.kind in ("classes", "image_classes")

    @property
    def per_image(self) -> bool:
        """Whether it has one answer for the whole image, not one per pixel."""
        return self.kind in ("image_classes", "image_value", "score")

    @property
    def channels(self) -> int:
        """Numbers the net answers with for this task at each place: one per class, or one value."""
        return len(self.labels) if self.has_classes else 1


class Score(_Frozen):
    """A measured figure and the protocol it was measured under; a number alone says nothing."""

    name: str
    value: float
    protocol: str


class Origin(_Frozen):
    """Where a model comes from and what it may be used for."""

    data: tuple[str, ...] = ()
    licence: str = ""
    recipe: str = ""
    chosen: str = ""
    """How the checkpoint was chosen."""
    scores: tuple[Score, ...] = ()
    good_for: str = ""
    not_for: str = ""


class Card(_Frozen):
    """What a net expects and what it answers.

    A raw pixel x of band b enters the net as (x * scale - mean[b]) / std[b]; this is the net's first layer.
    """

    name: str
    net: str
    """Key in `smalti.nets.build.NETS`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the net besides classes, bands and task."""
    bands: tuple[str, ...] = ("red", "green", "blue")
    dtype: Literal["uint8", "uint16", "int16", "float32"] = "uint8"
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    nodata: float | None = None
    resolution: tuple[float, float] | None = None
    """Smallest and largest pixel size in metres it was trained for."""
    tile: int = 512
    """Side in pixels of the square windows it was trained on and is applied to."""
    overlap: int = 64
    """Pixels that neighbouring tiles share when mapping."""
    stride: int = 32
    """The net's deepest stride: tile sides are multiples of it."""
    tasks: tuple[Task, ...]
    origin: Origin = Origin()

    @model_validator(mode="after")
    def _numbers_agree(self) -> Self:
        n = len(self.bands)
        if len(self.mean) != n or len(self.std) != n:
            raise ValueError(f"{n} bands but {len(self.mean)} means and {len(self.std)} deviations")
        if any(not s > 0 for s in self.std) or not self.scale > 0:
            raise ValueError("scale and std must be above zero")
        if not all(map(math.isfinite, (*self.mean, *self.std, self.scale))):
            raise ValueError("scale, mean and std must be finite")
        if self.tile % self.stride or not 0 <= self.overlap < self.tile:
            raise ValueError(f"tile {self.tile} must be a multiple of {self.stride} and above overlap {self.overlap}")
        if len({t.name for t in self.tasks}) != len(self.tasks) or not self.tasks:
            raise ValueError("a card needs at least one task, and no two of the same name")
        return self

    def takes(self, dtype: str) -> bool:
        """Whether pixels of that type may be given to the net."""
        return any({dtype, self.dtype} <= kind for kind in PIXEL_KINDS)

    def task(self, name: str) -> Task:
        """The task of that name; ModelError if there is none."""
        for task in self.tasks:
            if task.name == name:
                return task
        raise ModelError(f"model {self.name} has no task {name!r}, only {', '.join(t.name for t in self.tasks)}")

    def class_task(self) -> Task:
        """The first task of kind classes; ModelError if there is none."""
        for task in self.tasks:
            if task.kind == "classes":
                return task
        raise ModelError(f"model {self.name} answers no classes; scores and pages of maps need a task of kind classes")

    def map_tasks(self) -> tuple[Task, ...]:
        """The tasks that answer each pixel, the first one of classes in front; ModelError if there is none."""
        tasks = [task for task in self.tasks if not task.per_image]
        if not tasks:
            names = ", ".join(task.name for task in self.tasks)
            raise ModelError(f"model {self.name} answers for whole images ({names}); maps need a model of pixels")
        return tuple(sorted(tasks, key=lambda task: task != next((t for t in tasks if t.has_classes), None)))

    def chosen_by(self, how: str) -> Self:
        """The card of a checkpoint that was chosen so."""
        return self.model_copy(update={"origin": self.origin.model_copy(update={"chosen": how})})

    def dump(self) -> str:
        """The card as JSON text."""
        return self.model_dump_json()

    @classmethod
    def load(cls, text: str, source: str) -> Self:
        """Reads a card from JSON text; `source` names the file in the ModelError raised when it does not fit."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "card"
            raise ModelError(f"{source}: the model's card is not valid: {where}: {first['msg']}") from None
