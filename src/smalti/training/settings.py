"""The recipe of a training: every setting with its type, its default and a line about it."""

from itertools import combinations
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from smalti.card import Card, Origin, Task
from smalti.data.augment import Augment
from smalti.data.sources import AnySource
from smalti.errors import LabelError
from smalti.raster.label_spec import class_id
from smalti.raster.palette import parse_color


class Settings(BaseModel):
    """Frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskSettings(Settings):
    """What the net answers: the classes of each pixel."""

    name: str = "classes"
    labels: tuple[str, ...] = Field(min_length=1)
    """Class names in the order of their ids."""
    colors: tuple[str, ...] = ()
    """One colour `#RRGGBB` per class, for maps."""
    label_colors: dict[str, str | int] = Field(default_factory=dict)
    """Colours that the label images use, each with its class or `ignore`."""
    ignore: int = 255

    def task(self) -> Task:
        """The task as a card keeps it; ValueError for a colour or class that is none."""
        plain = Task(name=self.name, labels=self.labels, ignore=self.ignore)
        colors = tuple(parse_color(color) for color in self.colors)
        try:
            ids = {color: class_id(plain, wanted, color) for color, wanted in self.label_colors.items()}
        except LabelError as error:
            raise ValueError(f"label_colors: {error}") from None
        for color in ids:
            parse_color(color)
        return Task(name=self.name, labels=self.labels, colors=colors, label_colors=ids, ignore=self.ignore)


class CardSettings(Settings):
    """What the model will say about itself, and how pixels enter it: (x * scale - mean) / std per band."""

    name: str
    bands: tuple[str, ...] = ("red", "green", "blue")
    dtype: Literal["uint8", "uint16", "int16", "float32"] = "uint8"
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    nodata: float | None = None
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
    tasks: tuple[TaskSettings, ...] = Field(min_length=1, max_length=1)


class NetSettings(Settings):
    """The network."""

    name: str = "ued"
    """Key in `smalti.nets.build.NETS`."""
    encoder: str = "ghostnet"
    """Key in `smalti.nets.backbones.BACKBONES`."""
    width: float = Field(1.0, gt=0)
    encoder_weights: str | None = None
    """A file or `hub:OWNER/NAME`; None starts at random."""
    encoder_sha256: str | None = None
    """The file's SHA-256; another file is refused."""


class DataSettings(Settings):
    """Where the images come from. Paths are relative to `root`."""

    root: str = "."
    """A folder, relative to where the command runs."""
    train: tuple[AnySource, ...] = Field(min_length=1)
    """Sources to train on, mixed by their weights."""
    validation: tuple[AnySource, ...] = Field(min_length=1)
    """Sources to choose the checkpoint by."""
    test: tuple[AnySource, ...] = ()
    """Sources to score once at the end; they decide nothing."""
    memory_mb: int = Field(1024, ge=0)
    """Images up to this size in all are held in memory, the smallest first."""

    def check_seeds(self) -> None:
        """ValueError if two parts draw scenes of one seed: whatever their size, that is the same ground."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        seeds = {
            part: {seed for s in sources if s.kind == "drawn" for seed in s.seeds} for part, sources in parts.items()
        }
        for one, other in combinations(parts, 2):
            if both := seeds[one] & seeds[other]:
                raise ValueError(
                    f"data.{one} and data.{other} both draw the scene of seed {min(both)} ({len(both)} in all); "
                    "a seed is a place: give them different ones"
                )


class OptimSettings(Settings):
    """The optimizer."""

    name: Literal["adamw", "sgd"] = "adamw"
    lr: float = Field(1e-3, gt=0)
    encoder_factor: float = Field(1.0, ge=0)
    """The encoder's learning rate relative to `lr`."""
    weight_decay: float = Field(0.01, ge=0)
    """Not applied to biases and norms."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """For sgd only."""


class ScheduleSettings(Settings):
    """The learning rate over the steps."""

    name: Literal["onecycle", "poly"] = "poly"
    """`poly`: (1 - done) ** power. `onecycle`: half a cosine up, half a cosine down."""
    warmup: int = Field(0, ge=0)
    """First steps, in which the rate rises (linearly for poly)."""
    power: float = Field(0.9, gt=0)
    """For poly only."""


class TrainSettings(Settings):
    """The loop."""

    steps: int = Field(1000, ge=1)
    """Updates of the weights."""
    batch: int = Field(8, ge=1)
    """Windows that go through the net at once."""
    accumulate: int = Field(1, ge=1)
    """Batches per update."""
    crop: int = Field(512, ge=32)
    """Side of the windows in pixels."""
    epoch_steps: int = Field(100, ge=1)
    """Updates that make an epoch: after each one the records get a line."""
    validate_every: int = Field(1, ge=1)
    """Epochs between two validations; the last epoch always has one."""
    save_every: int = Field(50, ge=1)
    """Updates between two checkpoints to go on from."""
    ema: float = Field(0.99, ge=0, lt=1)
    """Decay of the mean of the weights that is validated and kept; 0 keeps the weights themselves."""
    clip: float = Field(0.0, ge=0)
    """Largest norm of the gradient; 0 does not clip."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    channels_last: bool = False
    """Memory layout; which one is faster depends on the machine."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    seed: int = Field(0, ge=0)
    threads: int | None = Field(None, ge=1)
    """CPU threads of the net; None leaves it to torch."""
    workers: int = Field(1, ge=1)
    """Threads that make windows ready."""
    select: Literal["miou", "mf1", "oa"] = "miou"
    """The score of the validation that chooses the best checkpoint."""


class Recipe(Settings):
    """All of a training."""

    card: CardSettings
    net: NetSettings = NetSettings()
    data: DataSettings
    augment: Augment = Augment()
    optim: OptimSettings = OptimSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    loss: dict[str, float] = Field(default_factory=lambda: {"cross_entropy": 1.0})
    """Terms and their weights; see `smalti.losses`."""
    train: TrainSettings = TrainSettings()

    @field_validator("loss")
    @classmethod
    def _loss_has_weight(cls, loss: dict[str, float]) -> dict[str, float]:
        if not loss or any(weight <= 0 for weight in loss.values()):
            raise ValueError("needs at least one term, each with a weight above 0")
        return loss

    @model_validator(mode="after")
    def _no_contradictions(self) -> Self:
        if self.schedule.warmup >= self.train.steps:
            raise ValueError(f"schedule.warmup {self.schedule.warmup} must be below train.steps {self.train.steps}")
        if self.net.encoder_sha256 and not self.net.encoder_weights:
            raise ValueError("net.encoder_sha256 is given without net.encoder_weights")
        if self.train.crop % 32:
            raise ValueError(f"train.crop {self.train.crop} must be a multiple of 32")
        self.data.check_seeds()
        self.make_card("")
        return self

    def make_card(self, recipe: str) -> Card:
        """The model's card; `recipe` is the name of the file."""
        s = self.card
        origin = Origin(data=s.data, licence=s.licence, recipe=recipe, good_for=s.good_for, not_for=s.not_for)
        options: dict[str, Any] = {"encoder": self.net.encoder, "width": self.net.width}
        plain = s.model_dump(exclude={"tasks", "data", "licence", "good_for", "not_for"})
        task = s.tasks[0].task()
        return Card(**plain, net=self.net.name, options=options, tasks=(task,), origin=origin)

    @property
    def root(self) -> Path:
        """The folder that the paths of the data are relative to."""
        return Path(self.data.root).expanduser()
