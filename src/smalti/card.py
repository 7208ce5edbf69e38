"""The card of a model: its inputs, its tasks and its origin.

A card is stored inside the `.onnx` file (metadata key `smalti.card`) and beside the weights of a checkpoint.
"""

import math
import operator
import unicodedata
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from smalti.errors import ModelError

Kind = Literal["classes", "value", "image_classes", "image_value", "score"]
RGB = tuple[int, int, int]

UNLIKE = "unlike"
"""Name of the output, (N, 1), of how unlike the training each image of a batch is."""

PIXEL_KINDS = ({"uint8"}, {"uint16", "int16"}, {"float16", "float32", "float64"})
"""Pixel types that a net treats alike."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _is_none(value: object) -> bool:
    return value is None


class Task(_Frozen):
    """One output of a net: classes or a value, per pixel or per image, or a score to rank images by."""

    name: str
    kind: Kind = "classes"
    labels: tuple[str, ...] = ()
    """Class names in the order of their ids, for kinds `classes` and `image_classes`."""
    colors: tuple[RGB, ...] = ()
    """One RGB colour (0 to 255) per class, for maps."""
    label_colors: dict[str, int] = Field(default_factory=dict)
    """Further colours (`#RRGGBB`) in its label images, each with its class id or `ignore`."""
    ignore: int = 255
    """The class id that is ignored in training and in scores, and that is no data in maps."""
    sets: tuple[tuple[int, ...], ...] = Field(default=(), exclude=True, repr=False)
    """Sets of class ids that its labels may allow; see `smalti.label_sets`. Labels have them, not a model: cards do not
    store them."""
    unit: str = ""
    """The unit of a value, for example `m`."""
    quantity: Literal["", "height", "depth"] = ""
    """The kind of value, where it matters: a depth of 0 is unknown, and zoom augmentation scales depths; a height above
    the ground it leaves unchanged."""
    minimum: float | None = None
    """The smallest possible value, for example 0 for heights; None for no limit."""
    temperature: float | None = Field(default=None, gt=0, lt=math.inf, exclude_if=_is_none)
    """Of classes, what logits are divided by so that probabilities are as often right as they say (see
    `smalti.evaluation.calibration`); None where it was not measured, and in cards of earlier versions."""

    @model_validator(mode="after")
    def _labels_and_colors_agree(self) -> Self:
        if self.has_classes and not self.labels:
            raise ValueError(f"task {self.name}: kind {self.kind} needs labels")
        plain = [unicodedata.normalize("NFC", label.strip()) for label in self.labels]
        if twice := [label for label in plain if plain.count(label) > 1]:
            raise ValueError(f"task {self.name}: two classes have the name {twice[0]!r}; give each its own")
        if self.colors and len(self.colors) != len(self.labels):
            raise ValueError(f"task {self.name}: {len(self.labels)} labels but {len(self.colors)} colors")
        if nameless := [label for label, name in zip(self.labels, plain, strict=True) if name in ("", "ignore")]:
            raise ValueError(
                f"task {self.name}: {nameless[0]!r} is not a valid class name; ignored pixels need no class"
            )
        if odd := [label for label in plain if any(map(_is_control, label))]:
            raise ValueError(f"task {self.name}: the class name {odd[0]!r} has a control character; remove it")
        if self.kind == "classes" and not 0 <= self.ignore <= 255:
            raise ValueError(f"task {self.name}: ignore {self.ignore} is outside 0 to 255")
        if self.kind == "classes" and self.ignore < len(self.labels):
            raise ValueError(f"task {self.name}: ignore {self.ignore} is also the id of a class")
        return self

    @property
    def has_classes(self) -> bool:
        """Whether it predicts one of its labels, not a number."""
        return self.kind in ("classes", "image_classes")

    @property
    def per_image(self) -> bool:
        """Whether it has one prediction per image, not one per pixel."""
        return self.kind in ("image_classes", "image_value", "score")

    @property
    def channels(self) -> int:
        """Number of output channels of the net for this task: one per class, or one value."""
        return len(self.labels) if self.has_classes else 1


def _is_control(letter: str) -> bool:
    """Whether a character breaks lines of tables, or may not occur in XML."""
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in "\ufffe\uffff"


class Score(_Frozen):
    """A score and the protocol it was measured under; without it the number is meaningless."""

    name: str
    value: float
    protocol: str


class Origin(_Frozen):
    """The origin of a model and its intended use."""

    data: tuple[str, ...] = ()
    licence: str = ""
    recipe: str = ""
    chosen: str = ""
    """How the checkpoint was chosen."""
    scores: tuple[Score, ...] = ()
    good_for: str = ""
    not_for: str = ""


class Unlike(_Frozen):
    """How a net tells that an image, such as a tile of a map, is unlike its training: a logistic function of means over
    the image. `smalti.nets.unlike` computes it, `smalti.training.unlike` finds the numbers."""

    maps: tuple[float, ...]
    """Factor of each channel of the encoder's deepest map."""
    classes: tuple[float, ...]
    """Factor of the probability of each class of the first task of classes."""
    entropy: float
    """Factor of the entropy of these probabilities, in nats."""
    confidence: float
    """Factor of the probability of the most probable class."""
    bias: float
    threshold: float = Field(gt=0, lt=1)
    """An image with a higher value is unlike the training."""

    @model_validator(mode="after")
    def _is_finite(self) -> Self:
        if not all(map(math.isfinite, (*self.maps, *self.classes, self.entropy, self.confidence, self.bias))):
            raise ValueError("the factors of unlike must be finite")
        return self


class Card(_Frozen):
    """The inputs, the tasks and the origin of a net.

    A raw pixel x of band b enters the net as (x * scale - mean[b]) / std[b]; this is the net's first layer.
    """

    name: str
    net: str
    """Key in `smalti.nets.build.NETS`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the net besides classes, bands and task, for `smalti.nets.build`."""
    narrowed: dict[str, tuple[int, ...]] = Field(default_factory=dict, exclude_if=operator.not_)
    """Of a pruned net, the layers with fewer channels than it is made with: see `smalti.nets.narrow`."""
    bands: tuple[str, ...] = ("red", "green", "blue")
    dtype: Literal["uint8", "uint16", "int16", "float32"] = "uint8"
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    nodata: float | None = None
    resolution: tuple[float, float] | None = None
    """Smallest and largest pixel size in metres that it was trained for."""
    resample_beyond: float | None = Field(default=None, ge=1, lt=math.inf, exclude_if=_is_none)
    """How many times finer or coarser than `resolution` the pixels of a scene may be without being resampled; None, as
    in cards of earlier versions, for 1.25."""
    tile: int = 512
    """Side in pixels of the square windows it was trained on and is applied to."""
    overlap: int = 64
    """Pixels that neighbouring tiles share when mapping."""
    stride: int = 32
    """The net's largest stride: tile sides are multiples of it."""
    tasks: tuple[Task, ...]
    unlike: Unlike | None = Field(default=None, exclude_if=_is_none)
    """How it tells images that are unlike its training; None where it does not, and in cards of earlier versions."""
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
            raise ValueError("a card needs at least one task, and no two with the same name")
        if len(set(self.outputs)) != len(self.outputs):
            raise ValueError(f"a task is called {UNLIKE}, as is the output of how unlike the training an image is")
        if self.unlike and len(self.unlike.classes) != len(self.class_task().labels):
            raise ValueError(
                f"unlike has factors of {len(self.unlike.classes)} classes, not of those of the first task"
            )
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs of its graph: its tasks, and `UNLIKE` where it measures that."""
        return (*(task.name for task in self.tasks), *([UNLIKE] if self.unlike else []))

    def takes(self, dtype: str) -> bool:
        """Whether the net takes pixels of that dtype."""
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
        raise ModelError(
            f"model {self.name} predicts no classes; scores, pages of maps and strokes need a task of kind classes"
        )

    def map_tasks(self) -> tuple[Task, ...]:
        """The tasks per pixel, beginning with the first one of classes; ModelError if there is none."""
        tasks = [task for task in self.tasks if not task.per_image]
        if not tasks:
            names = ", ".join(task.name for task in self.tasks)
            raise ModelError(f"model {self.name} predicts whole images ({names}); maps need a model of pixels")
        return tuple(sorted(tasks, key=lambda task: task != next((t for t in tasks if t.has_classes), None)))

    def chosen_by(self, how: str) -> Self:
        """The card with how the checkpoint was chosen."""
        return self.model_copy(update={"origin": self.origin.model_copy(update={"chosen": how})})

    def dump(self) -> str:
        """The card as JSON text."""
        return self.model_dump_json()

    @classmethod
    def load(cls, text: str, source: str) -> Self:
        """Reads a card from JSON text; `source` names the file in the ModelError raised if it is invalid."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "card"
            raise ModelError(f"{source}: the model's card is not valid: {where}: {first['msg']}") from None
