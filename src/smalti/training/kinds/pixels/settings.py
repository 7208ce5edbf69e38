"""What recipes of nets that predict each pixel have in common: the net, the images, the windows cut from them."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator, model_validator

from smalti.card import Card, Task
from smalti.data.pixels.augment import Augment, none_if_off
from smalti.data.pixels.sources import AnySource, DatasetSource
from smalti.data.pixels.unlabelled import UnlabelledSource
from smalti.label_sets import Allowed, with_sets
from smalti.losses import LossSettings, ValueLossSettings
from smalti.training.balance import Balance
from smalti.training.home import expand_home
from smalti.training.kinds.pixels.distill import DistillSettings
from smalti.training.kinds.pixels.shrinking import ShrinkSettings
from smalti.training.kinds.pixels.unlabelled import UnlabelledSettings
from smalti.training.settings import EncoderSettings, Recipe, Settings, TrainSettings, Width

TEST_JUDGES = "the TEST images, as select_on_test allows: its scores there are too good"
"""Where a checkpoint was chosen; stated with all its scores."""


Part = Literal["train", "validation", "test"]


class NetSettings(EncoderSettings):
    """The network."""

    name: str = "ued"
    """Key in `smalti.nets.build.NETS`."""
    encoder: str | None = None
    """Key in `smalti.nets.backbones.BACKBONES`; None is the net's default, and for nets without an encoder."""
    width: Width | None = None
    """Channels relative to the published network; None is 1."""
    options: dict[str, bool | int | float | str | tuple[int, ...] | tuple[str, ...]] = Field(default_factory=dict)
    """Further options of the net, by name: `output_stride`, `multi_grid`, for several tasks `stages`, `gate`,
    `isolation`, `tau`; see docs/reference/networks.md."""

    @field_validator("options")
    @classmethod
    def _one_place_each(cls, options: dict[str, Any]) -> dict[str, Any]:
        if twice := options.keys() & {"encoder", "width"}:
            raise ValueError(f"{min(twice)} is a key of [net] itself")
        return options

    @property
    def title(self) -> str:
        """The net's name, as printed before a training."""
        return self.name

    def all_options(self) -> dict[str, Any]:
        """The net's options as a card keeps them."""
        given = {"encoder": self.encoder, "width": self.width}
        return {key: value for key, value in given.items() if value is not None} | self.options


class DataSettings(Settings):
    """Where the images come from. Paths are relative to `root`."""

    root: str = "."
    """A folder, relative to where the command runs."""
    train: tuple[AnySource, ...] = Field(min_length=1)
    """Sources to train on, mixed by their weights."""
    validation: tuple[AnySource, ...] = Field(min_length=1)
    """Sources to choose the checkpoint by."""
    test: tuple[AnySource, ...] = ()
    """Sources to score once at the end; never used to choose anything."""
    unlabelled: tuple[UnlabelledSource, ...] = ()
    """Images without labels to learn from as well, mixed by their weights."""
    select_on_test: bool = False
    """Whether the checkpoint may be chosen on test images; all its scores will then state this."""
    absent: tuple[str, ...] = ()
    """Classes that may be without a training pixel, `*` for all; for any other class that is an error."""
    unseen: tuple[str, ...] = ()
    """Places whose images are taken out of all parts and are the test: how good is a model where it did not learn?"""
    memory_mb: int = Field(1024, ge=0)
    """Images up to this total size are kept in memory, the smallest first."""

    def sources(self, part: Part) -> tuple[AnySource, ...]:
        """The sources of a part: where places are unseen, images of all may be of the test."""
        if part == "test" and self.unseen:
            return (*self.train, *self.validation, *self.test)
        return {"train": self.train, "validation": self.validation, "test": self.test}[part]

    def wants(self, part: Part, place: str) -> bool:
        """Whether images of a place are for a part."""
        return not self.unseen or (place in self.unseen) == (part == "test")

    def check_seeds(self) -> None:
        """ValueError if two parts draw scenes of the same seed: whatever their size, they show the same ground."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        seeds = {
            part: {(s.scenery.style, seed) for s in sources if s.kind == "drawn" for seed in s.seeds}
            for part, sources in parts.items()
        }
        for one, other in combinations(parts, 2):
            if both := seeds[one] & seeds[other]:
                raise ValueError(
                    f"data.{one} and data.{other} both draw the scene of seed {min(both)[1]} ({len(both)} in all); "
                    "a seed determines the place: give them different ones"
                )

    def check_selection(self) -> None:
        """ValueError if a test part of a public dataset would choose the checkpoint without `select_on_test`."""
        for source in self.validation:
            if isinstance(source, DatasetSource) and source.role == "test" and not self.select_on_test:
                raise ValueError(
                    f"data.validation: {source.split} of {source.name} is meant for tests, and would choose the "
                    "checkpoint; use another part, or set data.select_on_test = true: all scores will then state this"
                )


class CropSettings(TrainSettings):
    """The loop."""

    crop: int = Field(512, ge=32)
    """Side of the windows in pixels."""


class PixelRecipe(Recipe):
    """A training on windows of images."""

    net: NetSettings = NetSettings()
    data: DataSettings
    augment: SerializeAsAny[Augment] = Augment()
    train: CropSettings = CropSettings()
    distill: Annotated[DistillSettings | None, BeforeValidator(none_if_off)] = None
    """How to learn from the answers of another model; false: not at all."""
    shrink: ShrinkSettings | None = Field(None, exclude=True)
    """How `smalti shrink --recipe` makes the trained net smaller."""

    @model_validator(mode="after")
    def _no_contradictions(self) -> Self:
        if self.optim.freeze_encoder and not (self.net.encoder_weights or self.train.start):
            raise ValueError("optim.freeze_encoder would keep random weights; give net.encoder_weights or train.start")
        if self.train.crop % 32:
            raise ValueError(f"train.crop {self.train.crop} must be a multiple of 32")
        self.data.check_seeds()
        self.data.check_selection()
        return self

    @model_validator(mode="after")
    def _can_be_distilled(self) -> Self:
        ours = self.distill
        if ours is None:
            return self
        if (processes := self.train.devices * self.train.nodes) > 1:
            raise ValueError(f"distill: is for a training in one process, not {processes}; set train.devices = 1")
        if self.train.compile and ours.features:
            raise ValueError("distill.features needs the net uncompiled; set train.compile = false, or features to 0")
        if ours.batch != DistillSettings.model_fields["batch"].default and not self.distilled:
            why = "windows without labels are those of [unlabelled]" if self.data.unlabelled else "give data.unlabelled"
            raise ValueError(f"distill.batch: there is no image without labels to distil on; {why}")
        return self

    @property
    def self_training(self) -> UnlabelledSettings | None:
        """How to learn from windows without labels; None if it does not."""
        return None

    @property
    def distilled(self) -> int:
        """Windows without labels in each batch that the teacher answers for, beside the labelled ones."""
        return self.distill.batch if self.distill and self.data.unlabelled else 0

    @property
    def losses(self) -> Mapping[str, LossSettings | ValueLossSettings]:
        """The loss of each task, by the task's name."""
        raise NotImplementedError

    @property
    def names_tasks(self) -> bool:
        """Whether names of scores and loss terms begin with their task: with recipes for several tasks."""
        return True

    def make_balance(self) -> Balance | None:
        """How the losses of the tasks become one gradient; None is their sum."""
        return None

    @property
    def balance_line(self) -> str:
        """Text about the balance, printed after the tasks."""
        return ""

    @property
    def inits(self) -> dict[str, str]:
        """Checkpoints to initialise a task's branch from, by the task's name."""
        return {}

    @property
    def zero(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """By task of values, then by task of classes: the labels where the value is 0."""
        return {}

    @property
    def edges(self) -> dict[str, str]:
        """Tasks whose ground truth is where the classes of another task meet, each with the name of that task."""
        return {}

    def with_sets(self, card: Card) -> list[Task]:
        """The card's tasks, with the sets of classes that the labels of all sources allow.

        LabelError for a set with a name that is not a class.
        """
        own = [task for task in card.tasks if task.name not in self.edges]
        stated: dict[str, set[Allowed]] = {}
        parts = {"train": self.data.train, "validation": self.data.validation, "test": self.data.test}
        for part, sources in parts.items():
            for number, source in enumerate(sources):
                for name, sets in source.sets(own, f"data.{part}.{number}.").items():
                    stated.setdefault(name, set()).update(sets)
        return [with_sets(task, stated.get(task.name, ())) for task in card.tasks]

    def labelled(self, card: Card) -> list[Task]:
        """The tasks whose ground truth comes from the sources, with the sets that it allows."""
        return [task for task in self.with_sets(card) if task.name not in self.edges]

    @property
    def judges(self) -> str:
        """See `Recipe`."""
        return TEST_JUDGES if self.data.select_on_test else super().judges

    @property
    def root(self) -> Path:
        """The folder that the paths of the data are relative to."""
        return expand_home(self.data.root)
