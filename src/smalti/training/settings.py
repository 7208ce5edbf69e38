"""What every recipe has: how a model is described, optimized, and how long it is trained."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smalti.card import Card, Origin, Task
from smalti.text import count

SHORTER = 10
"""A rise that is as long as the training becomes this part of it."""
MOST_THREADS = 1024
Width = Annotated[float, Field(gt=0, le=16)]
"""How wide a net is, as a multiple of its published width."""


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Settings(BaseModel):
    """Frozen, and strict about names; no number may be infinite or none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CardSettings(Settings):
    """What the model will say about itself, and how pixels enter it: (x * scale - mean) / std per band."""

    name: str
    bands: tuple[str, ...] = ("red", "green", "blue")
    dtype: Literal["uint8", "uint16", "int16", "float32"] = "uint8"
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    nodata: Annotated[float | None, BeforeValidator(_finite)] = None
    """What is not finite is never valid, without being named here."""
    resolution: tuple[float, float] | None = None
    """Smallest and largest pixel size in metres."""
    tile: int = 512
    """Side of the tiles it is applied to."""
    overlap: int = 64
    licence: str = ""
    data: tuple[str, ...] = ()
    """What it was trained on."""
    good_for: str = ""
    not_for: str = ""

    def make(self, net: str, options: dict[str, Any], tasks: tuple[Task, ...], recipe: str) -> Card:
        """The card of a net with its options; `recipe` is the name of the file."""
        s = self
        origin = Origin(data=s.data, licence=s.licence, recipe=recipe, good_for=s.good_for, not_for=s.not_for)
        plain = s.model_dump(include=set(CardSettings.model_fields) - {"data", "licence", "good_for", "not_for"})
        return Card(**plain, net=net, options=options, tasks=tasks, origin=origin)


class EncoderSettings(Settings):
    """Where the weights of a net's encoder come from."""

    encoder_weights: str | None = None
    """A file or `hub:OWNER/NAME`; None starts at random."""
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
    """The learning rate, relative to `lr`, of what tasks share maps by; their authors took up to 100."""
    layer_decay: float = Field(1.0, gt=0, le=1)
    """Factor from each stage of the encoder to the next shallower one; the deepest has the encoder's rate."""
    freeze_encoder: Annotated[int, Field(ge=0)] | Literal["always"] = 0
    """First steps in which the encoder's weights and batch norms stay as they are."""
    weight_decay: float = Field(0.01, ge=0)
    """Not applied to biases, norms and what tasks share maps by."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """For sgd only."""


class ScheduleSettings(Settings):
    """The learning rate over the steps."""

    name: Literal["onecycle", "poly", "cosine", "step"] = "poly"
    """`poly`: (1 - done) ** power. `cosine`: half a cosine down. `step`: times `factor` at each of the `milestones`.
    `onecycle`: half a cosine up, half a cosine down."""
    warmup: int = Field(0, ge=0)
    """First steps, in which the rate rises (linearly, but for onecycle); a tenth of all where there are not so many."""
    power: float = Field(0.9, gt=0)
    """For poly only."""
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """For step only: the steps after which the rate falls."""
    factor: float = Field(0.1, gt=0, lt=1)
    """For step only."""
    momentum: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] | None = None
    """For onecycle only: the momentum (adamw: its first beta) at the highest rate and at the lowest."""

    def warm_steps(self, steps: int) -> int:
        """The steps in which the rate rises, of so many in all: a short try of a long recipe has a short rise, too."""
        return self.warmup if self.warmup < steps else steps // SHORTER

    def notes(self, steps: int) -> list[str]:
        """What is to be told of a training of so many steps."""
        if (warm := self.warm_steps(steps)) == self.warmup:
            return []
        return [
            f"schedule.warmup {self.warmup} is not below train.steps {steps}: the rate rises for {count(warm, 'step')}"
        ]

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if (self.name == "step") != bool(self.milestones):
            raise ValueError(
                f"name {self.name!r} and milestones {list(self.milestones)}: step needs some, no other does"
            )
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones {list(self.milestones)} must rise")
        if self.momentum and self.name != "onecycle":
            raise ValueError(f"momentum is for onecycle only, not for {self.name}")
        return self


class TrainSettings(Settings):
    """The loop."""

    start: str | None = None
    """A checkpoint's folder to take weights from (`runs/NAME/best`), relative to where the command runs."""
    steps: int = Field(1000, ge=1)
    """Updates of the weights."""
    batch: int = Field(8, ge=1)
    """Windows, photos or pairs that go through the net at once."""
    accumulate: int = Field(1, ge=1)
    """Batches per update."""
    epoch_steps: int = Field(100, ge=1)
    """Updates that make an epoch: after each one the records get a line."""
    validate_every: int = Field(1, ge=1)
    """Epochs between two validations; the last epoch always has one."""
    patience: int = Field(0, ge=0)
    """Validations in a row without a better score after which the training ends; 0 never ends it early."""
    save_every: int = Field(50, ge=1)
    """Updates between two checkpoints to go on from."""
    ema: float = Field(0.99, ge=0, lt=1)
    """Decay of the mean of the weights that is validated and kept; 0 keeps the weights themselves."""
    clip: float = Field(0.0, ge=0)
    """Largest norm of the gradient; 0 does not clip."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    channels_last: bool = False
    """Memory layout; which one is faster depends on the machine."""
    recompute: bool = False
    """Keeps only what passes between the encoder's stages, and computes the rest anew on the way back: less memory."""
    compile: bool = False
    """Lets torch compile the model: minutes at first, faster steps afterwards, mostly on GPUs."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = Field(1, ge=1)
    """Processes per machine, each with a device of its own; they share every batch."""
    nodes: int = Field(1, ge=1)
    """Machines; where more than one, `torchrun` starts the command on each, and all see the same folders."""
    seed: int = Field(0, ge=0, lt=2**63)
    threads: int | None = Field(None, ge=1, le=MOST_THREADS)
    """CPU threads of the net; None leaves it to torch."""
    workers: int = Field(1, ge=1, le=MOST_THREADS)
    """Threads that make batches ready."""
    select: str | None = None
    """The score of the validation that chooses the best checkpoint; None takes the first one that the kind knows."""


class Recipe(Settings):
    """All of a training. Each kind of `training.recipe.WORKS` adds its own tables."""

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

    @property
    def judges(self) -> str:
        """What the best checkpoint is chosen on, in words that its scores carry."""
        return "the validation images"

    def make_card(self, recipe: str) -> Card:
        """The model's card; `recipe` is the name of the file. ValueError if settings contradict each other."""
        raise NotImplementedError
