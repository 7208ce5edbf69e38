"""The short recipe of a net for semantic segmentation: one task, its loss beside it."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, SerializeAsAny, model_validator

from smalti.card import Card, Task
from smalti.errors import LabelError
from smalti.losses import LossSettings, make_loss
from smalti.losses.entropy import CrossEntropy
from smalti.raster.label_spec import class_id
from smalti.raster.palette import parse_color
from smalti.training.kinds.pixels.settings import CropSettings, PixelRecipe
from smalti.training.kinds.pixels.unlabelled import UnlabelledSettings
from smalti.training.settings import CardSettings, Settings


class TaskSettings(Settings):
    """The task of the net: the class of each pixel."""

    name: str = "classes"
    labels: tuple[str, ...] = Field(min_length=1)
    """Class names in the order of their ids."""
    colors: tuple[str, ...] = ()
    """One colour `#RRGGBB` per class, for maps."""
    label_colors: dict[str, str | int] = Field(default_factory=dict)
    """Colours in the label images, each with its class or `ignore`."""
    ignore: int = 255

    def task(self) -> Task:
        """The task as a card keeps it; ValueError for an invalid colour or class."""
        plain = Task(name=self.name, labels=self.labels, ignore=self.ignore)
        colors = tuple(parse_color(color) for color in self.colors)
        try:
            ids = {color: class_id(plain, wanted, color) for color, wanted in self.label_colors.items()}
        except LabelError as error:
            raise ValueError(f"label_colors: {error}") from None
        for color in ids:
            parse_color(color)
        return Task(name=self.name, labels=self.labels, colors=colors, label_colors=ids, ignore=self.ignore)


class MapCardSettings(CardSettings):
    """The model's card, and how pixels are normalised: (x * scale - mean) / std per band."""

    tasks: tuple[TaskSettings, ...] = Field(min_length=1, max_length=1)


class WindowSettings(CropSettings):
    """The loop."""

    select: Literal["miou", "mf1", "oa", "rightness"] = "miou"
    """The validation score that chooses the best checkpoint; `rightness` where labels allow sets of classes."""


class SegmentationRecipe(PixelRecipe):
    """A training of kind `segmentation`."""

    kind: Literal["segmentation"] = "segmentation"
    """The kind of training."""
    card: MapCardSettings
    loss: SerializeAsAny[LossSettings] = LossSettings(cross_entropy=CrossEntropy())
    train: WindowSettings = WindowSettings()
    unlabelled: UnlabelledSettings | None = None
    """How to learn from windows without labels; without this table and `distill`, its defaults if there are such
    images."""

    @model_validator(mode="after")
    def _loss_fits(self) -> Self:
        make_loss(self.loss, self.make_card("").tasks[0])
        return self

    @model_validator(mode="after")
    def _can_learn_without_labels(self) -> Self:
        if (ours := self.self_training) is None:
            return self
        if (processes := self.train.devices * self.train.nodes) > 1:
            raise ValueError(f"unlabelled: is for a training in one process, not {processes}; set train.devices = 1")
        if not self.data.unlabelled and not ours.partial:
            raise ValueError("unlabelled: there is no image to learn from; give data.unlabelled or unlabelled.partial")
        if self.data.unlabelled and ours.partial == 1:
            raise ValueError("unlabelled.partial 1 leaves no window for data.unlabelled; lower it")
        return self

    @property
    def self_training(self) -> UnlabelledSettings | None:
        """See `PixelRecipe`."""
        without_table = UnlabelledSettings() if self.data.unlabelled and not self.distill else None
        return self.unlabelled or without_table

    @property
    def distilled(self) -> int:
        """See `PixelRecipe`: none where they learn by pseudo-labels."""
        return 0 if self.unlabelled else super().distilled

    def notes(self) -> list[str]:
        """See `Recipe`."""
        ours, steps = self.self_training, self.train.steps
        if ours is None or ours.rampup <= steps:
            return super().notes()
        line = f"unlabelled.rampup {ours.rampup} is above train.steps {steps}: the weight stays below its value"
        return [*super().notes(), line]

    @property
    def losses(self) -> Mapping[str, LossSettings]:
        """See `PixelRecipe`."""
        return {self.card.tasks[0].name: self.loss}

    @property
    def names_tasks(self) -> bool:
        """See `PixelRecipe`: False, there is one task only."""
        return False

    def make_card(self, recipe: str) -> Card:
        """See `Recipe`."""
        return self.card.make(self.net.name, self.net.all_options(), (self.card.tasks[0].task(),), recipe)
