"""The recipe of a net that predicts several tasks for each pixel."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from smalti.card import Card, Task
from smalti.losses import LossSettings, ValueLossSettings, make_loss
from smalti.losses.entropy import CrossEntropy
from smalti.losses.value import BerHu
from smalti.nets.multitask.heads import DECODERS
from smalti.nets.multitask.sharing import SHARING
from smalti.training.balance import Balance, BalanceSettings
from smalti.training.balance.balance import GradientBalance
from smalti.training.kinds.pixels.edges import LABELS
from smalti.training.kinds.pixels.segmentation import TaskSettings
from smalti.training.kinds.pixels.settings import NetSettings, PixelRecipe
from smalti.training.settings import CardSettings, LearnedTask

FURTHER_HEADS = ("edge", "light", "aux")
"""Terms of a loss that need heads which only nets of one task have."""


class _OfClasses(LearnedTask):
    loss: SerializeAsAny[LossSettings] = LossSettings(cross_entropy=CrossEntropy())

    @field_validator("loss")
    @classmethod
    def _has_the_heads(cls, loss: LossSettings) -> LossSettings:
        if further := [name for name in loss.terms() if name in FURTHER_HEADS]:
            raise ValueError(f"{further[0]} needs a head that nets of several tasks do not have")
        return loss


class ClassesTask(_OfClasses, TaskSettings):
    """Classes of each pixel."""

    kind: Literal["classes"]


class ValueTask(LearnedTask):
    """A value of each pixel: a height, a depth, or any other quantity."""

    kind: Literal["value"]
    quantity: Literal["", "height", "depth"] = ""
    """A depth of 0 is unknown, and zoom augmentation scales it; a height above the ground it leaves unchanged."""
    unit: str = ""
    """Unit; `m` for heights and depths that are to be compared with others."""
    minimum: float | None = None
    """The smallest possible value; None is 0 for heights and depths, and no limit for others."""
    zero: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Classes, by their task, whose pixels have the value 0 in training if no source has a value: the ground, for
    heights."""
    loss: SerializeAsAny[ValueLossSettings] = ValueLossSettings(berhu=BerHu())

    def task(self) -> Task:
        """The task as a card keeps it."""
        minimum = 0.0 if self.minimum is None and self.quantity else self.minimum
        return Task(name=self.name, kind="value", quantity=self.quantity, unit=self.unit, minimum=minimum)


class EdgesTask(_OfClasses):
    """Where the classes of another task meet, 5 pixels wide, made of that task's labels."""

    kind: Literal["edges"]
    of: str
    """The task of classes."""

    def task(self, ignore: int) -> Task:
        """The task as a card keeps it; `ignore` is that of the classes."""
        return Task(name=self.name, labels=LABELS, ignore=ignore)


AnyTask = Annotated[ClassesTask | ValueTask | EdgesTask, Field(discriminator="kind")]


class TasksCardSettings(CardSettings):
    """The model's card, and how pixels are normalised: (x * scale - mean) / std per band."""

    tasks: tuple[AnyTask, ...] = Field(min_length=1)


class MultitaskNetSettings(NetSettings):
    """The network: an encoder, or one per task, a sharing scheme, a head per task."""

    name: Literal["multitask"] = "multitask"
    encoder: str = "resnet18"
    """Key in `smalti.nets.backbones.BACKBONES`."""
    sharing: str = "shared"
    """Key in `smalti.nets.multitask.sharing.SHARING`."""
    decoder: str = "ued"
    """Key in `smalti.nets.multitask.heads.DECODERS`."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        for what, name, known in (("decoder", self.decoder, DECODERS), ("sharing scheme", self.sharing, SHARING)):
            if name not in known:
                raise ValueError(f"unknown {what} {name!r}; expected one of {', '.join(known)}")
        if twice := self.options.keys() & {"sharing", "decoder"}:
            raise ValueError(f"options: {min(twice)} is a key of [net] itself")
        return self

    @property
    def title(self) -> str:
        """See `NetSettings`: the sharing scheme."""
        return self.sharing

    def all_options(self) -> dict[str, Any]:
        """See `NetSettings`."""
        return super().all_options() | {"sharing": self.sharing, "decoder": self.decoder}


class MultitaskRecipe(PixelRecipe):
    """A training of kind `multitask`."""

    kind: Literal["multitask"]
    card: TasksCardSettings
    net: MultitaskNetSettings = MultitaskNetSettings()
    balance: BalanceSettings = BalanceSettings()

    @model_validator(mode="after")
    def _has_labels_only(self) -> Self:
        if self.data.unlabelled:
            raise ValueError("data.unlabelled: several tasks learn from labels only; use kind = segmentation")
        if self.distill and self.distill.features:
            raise ValueError("distill.features: several tasks learn answers alone; set features to 0")
        return self

    @model_validator(mode="after")
    def _tasks_fit(self) -> Self:
        names = [task.name for task in self.card.tasks]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"card.tasks: two tasks have the name {twice[0]!r}; give each its own")
        classes = {task.name: task.labels for task in self.card.tasks if task.kind == "classes"}
        for task in self.card.tasks:
            if task.kind == "edges" and task.of not in classes:
                raise ValueError(f"card.tasks: {task.name} is of {task.of!r}, which is not a task of classes")
            for of, labels in task.zero.items() if task.kind == "value" else ():
                if unknown := [label for label in labels if label not in classes.get(of, ())]:
                    raise ValueError(f"card.tasks: {task.name} is zero where {of} is {unknown[0]!r}: no such class")
        if self.augment.mix == "classmix" and not classes:
            raise ValueError("augment.mix: classmix needs a task of classes")
        self.balance.check({task.name: task.weight for task in self.card.tasks})
        if self.net.options.get("isolation") == "ratio" and issubclass(self.balance.rule, GradientBalance):
            raise ValueError(
                "net.options.isolation 'ratio' needs all losses in one backward pass, but "
                f"balance {self.balance.name} makes one per task; change one of the two"
            )
        for settings, plain in zip(self.card.tasks, self.make_card("").tasks, strict=True):
            if settings.kind != "value":
                make_loss(settings.loss, plain)
        return self

    @property
    def losses(self) -> Mapping[str, LossSettings | ValueLossSettings]:
        """See `PixelRecipe`."""
        return {task.name: task.loss for task in self.card.tasks}

    def make_balance(self) -> Balance:
        """See `PixelRecipe`."""
        return self.balance.make({task.name: task.weight for task in self.card.tasks})

    @property
    def balance_line(self) -> str:
        """See `PixelRecipe`."""
        return f"; balance {self.balance.name}"

    @property
    def inits(self) -> dict[str, str]:
        """See `PixelRecipe`."""
        return {task.name: task.init for task in self.card.tasks if task.init is not None}

    @property
    def edges(self) -> dict[str, str]:
        """See `PixelRecipe`."""
        return {task.name: task.of for task in self.card.tasks if task.kind == "edges"}

    @property
    def zero(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """See `PixelRecipe`."""
        return {task.name: task.zero for task in self.card.tasks if task.kind == "value" and task.zero}

    def make_card(self, recipe: str) -> Card:
        """See `Recipe`."""
        return self.card.make(self.net.name, self.net.all_options(), _tasks(self.card.tasks), recipe)


def _tasks(settings: Sequence[ClassesTask | ValueTask | EdgesTask]) -> tuple[Task, ...]:
    """The tasks as a card keeps them, in their order."""
    ignore = {task.name: task.ignore for task in settings if task.kind == "classes"}
    return tuple(task.task(ignore[task.of]) if task.kind == "edges" else task.task() for task in settings)
