"""Settings of every recipe: the model's card, the optimizer, the schedule and the loop."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smalti.card import Card, Origin, Task
from smalti.text import count

SHORTER = 10
"""A warmup at least as long as the training is shortened to this part of it."""
MOST_THREADS = 1024
Width = Annotated[float, Field(gt=0, le=16)]
"""The width of a net, as a multiple of its published width."""


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Settings(BaseModel):
    """Frozen, and strict about names; numbers must be finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LearnedTask(Settings):
    """What the tasks of a net for several tasks have in common."""

    name: str = Field(pattern=r"^[^/]+$")
    weight: float = Field(1.0, gt=0)
    """Weight of its loss, if the balance uses weights of the recipe."""
    init: str | None = None
    """A model of this task alone that fills its branch and head: a checkpoint (`runs/NAME/best`), relative to where the
    command runs, an exported `.onnx` file, or the name of a model (`landcover`)."""


class CardSettings(Settings):
    """The model's card, and how pixels are normalised: (x * scale - mean) / std per band."""

    name: str
    bands: tuple[str, ...] = ("red", "green", "blue")
    dtype: Literal["uint8", "uint16", "int16", "float32"] = "uint8"
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    nodata: Annotated[float | None, BeforeValidator(_finite)] = None
    """Values that are not finite are always invalid and need not be given here."""
    resolution: tuple[float, float] | None = None
    """Smallest and largest pixel size in metres."""
    resample_beyond: Annotated[float | None, Field(ge=1, lt=math.inf)] = None
    """How many times finer or coarser than `resolution` scenes may be without being resampled; None: 1.25."""
    tile: int = 512
    """Side of the tiles that the model is applied to, in pixels."""
    overlap: int = 64
    licence: str = ""
    data: tuple[str, ...] = ()
    """The data that the model was trained on."""
    good_for: str = ""
    not_for: str = ""

    def make(self, net: str, options: dict[str, Any], tasks: tuple[Task, ...], recipe: str) -> Card:
        """The card of a net with its options; `recipe` is the name of the file."""
        s = self
        origin = Origin(data=s.data, licence=s.licence, recipe=recipe, good_for=s.good_for, not_for=s.not_for)
        plain = s.model_dump(include=set(CardSettings.model_fields) - {"data", "licence", "good_for", "not_for"})
        return Card(**plain, net=net, options=options, tasks=tasks, origin=origin)


class EncoderSettings(Settings):
    """The source of the weights of a net's encoder."""

    encoder_weights: str | None = None
    """A file or `hub:OWNER/NAME`; None starts from random weights."""
    encoder_sha256: str | None = None
    """The file's SHA-256; another file is refused."""

    @model_validator(mode="after")
    def _hash_of_something(self) -> Self:
        if self.encoder_sha256 and not self.encoder_weights:
            raise ValueError("encoder_sha256 is given without net.encoder_weights")
        return self


class OptimSettings(Settings):
    """The optimizer."""

    name: Literal["adamw", "sgd"] = "adamw"
    lr: float = Field(1e-3, gt=0)
    encoder_factor: float = Field(1.0, ge=0)
    """The encoder's learning rate relative to `lr`."""
    sharing_factor: float = Field(1.0, ge=0)
    """The learning rate, relative to `lr`, of the units by which tasks share maps; their authors used up to 100."""
    layer_decay: float = Field(1.0, gt=0, le=1)
    """Factor from each stage of the encoder to the next shallower one; the deepest has the encoder's rate."""
    freeze_encoder: Annotated[int, Field(ge=0)] | Literal["always"] = 0
    """First steps in which the encoder's weights and batch norms are frozen."""
    weight_decay: float = Field(0.01, ge=0)
    """Not applied to biases, norms and the units by which tasks share maps."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """For sgd only."""


class ScheduleSettings(Settings):
    """The learning rate over the steps."""

    name: Literal["onecycle", "poly", "cosine", "step"] = "poly"
    """`poly`: (1 - done) ** power. `cosine`: half a cosine down. `step`: times `factor` at each of the `milestones`.
    `onecycle`: half a cosine up, half a cosine down."""
    warmup: int = Field(0, ge=0)
    """Steps in which the learning rate rises (linearly, except for onecycle); at most a tenth of a shorter training."""
    power: float = Field(0.9, gt=0)
    """For poly only."""
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """For step only: the steps after which the rate falls."""
    factor: float = Field(0.1, gt=0, lt=1)
    """For step only."""
    momentum: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] | None = None
    """For onecycle only: the momentum (adamw: the first beta) at the highest and at the lowest rate."""

    def warm_steps(self, steps: int) -> int:
        """The warmup steps of a training of `steps` steps: a short trial of a long recipe has a short warmup, too."""
        return self.warmup if self.warmup < steps else steps // SHORTER

    def notes(self, steps: int) -> list[str]:
        """Messages for a training of so many steps."""
        notes = []
        if (warm := self.warm_steps(steps)) != self.warmup:
            notes.append(
                f"schedule.warmup {self.warmup} is not below train.steps {steps}: shortened to {count(warm, 'step')}"
            )
        if late := [str(milestone) for milestone in self.milestones if milestone >= steps]:
            notes.append(
                f"schedule.milestones {', '.join(late)} not below train.steps {steps}: the rate does not fall there"
            )
        return notes

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if (self.name == "step") != bool(self.milestones):
            raise ValueError(
                f"name {self.name!r} and milestones {list(self.milestones)}: step needs milestones, others take none"
            )
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones {list(self.milestones)} must increase")
        if self.momentum and self.name != "onecycle":
            raise ValueError(f"momentum is for onecycle only, not for {self.name}")
        return self


class TrainSettings(Settings):
    """The loop."""

    start: str | None = None
    """What to initialise the weights from: a checkpoint's folder (`runs/NAME/best`) or an exported model file, relative
    to where the command runs, or the name of a model (`landcover`)."""
    steps: int = Field(1000, ge=1)
    """Updates of the weights."""
    batch: int = Field(8, ge=1)
    """Windows, photos or pairs per batch."""
    accumulate: int = Field(1, ge=1)
    """Batches per update."""
    epoch_steps: int = Field(100, ge=1)
    """Updates per epoch; after each epoch a line is added to the records."""
    validate_every: int = Field(1, ge=1)
    """Epochs between two validations; the last epoch is always validated."""
    patience: int = Field(0, ge=0)
    """Early stopping: consecutive validations without a better score after which the training ends; 0 for never."""
    save_every: int = Field(50, ge=1)
    """Updates between two checkpoints to resume from."""
    ema: float = Field(0.99, ge=0, lt=1)
    """Decay of the moving average of the weights that is validated and saved; 0 uses the weights themselves."""
    clip: float = Field(0.0, ge=0)
    """Largest norm of the gradient; 0 for no clipping."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """`bf16-mixed`: convolutions and products in 16 bits, weights in 32. On CPUs it is faster with `channels_last`, and
    only where the processor multiplies such numbers (AVX512_BF16, AMX). `16-mixed` is for GPUs."""
    channels_last: bool = False
    """Memory layout: mostly faster, the same results up to rounding."""
    recompute: bool = False
    """Gradient checkpointing: saves memory by keeping only the inputs of the encoder's stages and recomputing the rest
    in the backward pass."""
    compile: bool = False
    """Compiles the model with torch: takes minutes at first, then steps are faster, mostly on GPUs."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = Field(1, ge=1)
    """Processes per machine, each with its own device; every batch is divided among them."""
    nodes: int = Field(1, ge=1)
    """Number of machines; with more than one, `torchrun` starts the command on each, and all need the same folders."""
    seed: int = Field(0, ge=0, lt=2**63)
    threads: int | None = Field(None, ge=1, le=MOST_THREADS)
    """CPU threads of the net; None is torch's default."""
    workers: int = Field(1, ge=1, le=MOST_THREADS)
    """Threads that prepare batches."""
    select: str | None = None
    """The validation score that chooses the best checkpoint; None is the first one of the kind."""


class Recipe(Settings):
    """A training. Each kind of `training.recipe.WORKS` adds its own tables."""

    kind: str
    card: CardSettings
    optim: OptimSettings = OptimSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    train: TrainSettings = TrainSettings()

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if self.train.batch % (processes := self.train.devices * self.train.nodes):
            raise ValueError(f"train.batch {self.train.batch} must be a multiple of the {processes} processes")
        if self.schedule.milestones and self.schedule.milestones[0] < self.schedule.warm_steps(self.train.steps):
            raise ValueError(f"schedule.milestones begin at {self.schedule.milestones[0]}, within the warmup")
        if self.schedule.momentum and self.optim.momentum != OptimSettings().momentum:
            raise ValueError("optim.momentum and schedule.momentum are both given; the schedule sets it")
        return self

    def notes(self) -> list[str]:
        """Messages about settings of a long training that a short one does not reach."""
        steps, frozen = self.train.steps, self.optim.freeze_encoder
        notes = self.schedule.notes(steps)
        if frozen != "always" and frozen >= steps:
            notes.append(f"optim.freeze_encoder {frozen} is not below train.steps {steps}: the encoder stays frozen")
        return notes

    @property
    def judges(self) -> str:
        """The images that the best checkpoint is chosen on, as stated with its scores."""
        return "the validation images"

    def make_card(self, recipe: str) -> Card:
        """The model's card; `recipe` is the name of the file. ValueError if settings contradict each other."""
        raise NotImplementedError
