"""The recipe of a self-supervised pre-training: images, an encoder, and how much of an image is hidden."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SerializeAsAny, model_validator

from smalti.card import Card, Task
from smalti.data.pixels.augment import Augment
from smalti.data.pixels.unlabelled import UnlabelledSource
from smalti.training.home import expand_home
from smalti.training.settings import EncoderSettings, Recipe, Settings, TrainSettings, Width

STRIDE = 32
"""Cells and windows are multiples of the encoders' largest stride."""


class MaskedNet(EncoderSettings):
    """The network: an encoder, and a decoder that is not kept."""

    encoder: str = "ghostnet"
    """Key in `smalti.nets.backbones.BACKBONES`."""
    width: Width = 1.0
    """Channels relative to the published network."""


class MaskSettings(Settings):
    """What is hidden of each window."""

    share: float = Field(0.6, gt=0, lt=1)
    """Share of the cells, as in SparK."""
    cell: int = Field(STRIDE, ge=STRIDE, multiple_of=STRIDE)
    """Side of a cell in pixels, a multiple of 32."""


class ImagesAlone(Settings):
    """Where the images come from; labels beside them are not read. Paths are relative to `root`."""

    root: str = "."
    """A folder, relative to where the command runs."""
    train: tuple[UnlabelledSource, ...] = Field(min_length=1)
    """Sources to train on, mixed by their weights."""
    validation: tuple[UnlabelledSource, ...] = Field(min_length=1)
    """Sources to choose the checkpoint by."""
    memory_mb: int = Field(1024, ge=0)
    """Images up to this total size are kept in memory, the smallest first."""


class MaskedTrain(TrainSettings):
    """The loop."""

    crop: int = Field(224, ge=2 * STRIDE, multiple_of=STRIDE)
    """Side of the windows in pixels."""


class SelfSupervisedRecipe(Recipe):
    """A training of kind `selfsupervised`."""

    kind: Literal["selfsupervised"]
    net: MaskedNet = MaskedNet()
    data: ImagesAlone
    augment: SerializeAsAny[Augment] = Augment()
    mask: MaskSettings = MaskSettings()
    train: MaskedTrain = MaskedTrain()

    @model_validator(mode="after")
    def _no_contradictions(self) -> Self:
        if self.augment.mix == "classmix":
            raise ValueError("augment.mix: classmix needs classes, and there are no labels; use cutmix or none")
        if self.train.crop % self.mask.cell or self.train.crop < 2 * self.mask.cell:
            raise ValueError(
                f"train.crop {self.train.crop} must be a multiple of mask.cell {self.mask.cell}, at least two cells"
            )
        if self.train.batch // (self.train.devices * self.train.nodes) < 2:
            raise ValueError(f"train.batch {self.train.batch} leaves one image per process: batch norms need two")
        return self

    def make_card(self, recipe: str) -> Card:
        """See `Recipe`: a value per band."""
        tasks = tuple(Task(name=band, kind="value") for band in self.card.bands)
        return self.card.make("masked", {"encoder": self.net.encoder, "width": self.net.width}, tasks, recipe)

    @property
    def root(self) -> Path:
        """The folder that the paths of the data are relative to."""
        return expand_home(self.data.root)
