"""The recipe of a net that ranks photos."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from smalti.card import Card, Task
from smalti.data.photos.augment import PhotoAugment
from smalti.data.photos.pairs import read_pairs
from smalti.data.photos.series import Collection, ranked_folders
from smalti.data.photos.triage import read_triage
from smalti.data.photos.worsened import Worsened, find_originals
from smalti.photos.cues import CUES
from smalti.photos.overview import SIDE
from smalti.training.home import expand_home
from smalti.training.settings import CardSettings, EncoderSettings, Recipe, Settings, TrainSettings, Width


class _Source(Settings):
    weight: float = Field(1.0, gt=0)
    """Its share of the series drawn, relative to the weights of the other sources."""


class WorsenedSource(_Source):
    """Synthetic series: originals and copies of them, degraded by known amounts."""

    kind: Literal["worsened"]
    originals: tuple[str, ...] = ()
    """Photos, or folders of photos, searched recursively; small photos are skipped."""
    drawn: tuple[int, ...] = ()
    """Seeds of drawn scenes that serve as originals, too."""
    series: int = Field(1000, ge=1)
    """Number of series to make."""
    photos: tuple[int, int] = (3, 6)
    """Smallest and largest number in a series."""
    side: int = Field(1600, ge=256)
    """Longest side of the photos in pixels."""
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _there_is_something_to_make(self) -> Self:
        if not self.originals and not self.drawn:
            raise ValueError("needs originals or drawn")
        if not 2 <= self.photos[0] <= self.photos[1]:
            raise ValueError(f"photos {self.photos} must be two numbers of at least 2, the larger one last")
        return self

    def open(self, root: Path) -> Collection:
        """The series; DataError if there are no originals."""
        originals = find_originals([root / path for path in self.originals])
        return Worsened(originals, self.drawn, self.series, self.photos, self.side, self.seed)


class RankedSource(_Source):
    """A folder of ranked series: FOLDER/SERIES/01.jpg, best first."""

    kind: Literal["ranked"]
    path: str

    def open(self, root: Path) -> Collection:
        """The series; DataError if there are none."""
        return ranked_folders(root / self.path)


class PairsSource(_Source):
    """A CSV file of pairs with the columns a, b and p or winner, optionally series."""

    kind: Literal["pairs"]
    path: str
    images: str | None = None
    """Folder that the names of photos are relative to; None is the file's own."""

    def open(self, root: Path) -> Collection:
        """The series; DataError for invalid files."""
        return read_pairs(root / self.path, None if self.images is None else root / self.images)


class TriageSource(_Source):
    """Princeton's photo triage: a list of pairs and a folder of photos SERIES-PHOTO.JPG."""

    kind: Literal["triage"]
    pairs: str
    images: str

    def open(self, root: Path) -> Collection:
        """The series; DataError for invalid files."""
        return read_triage(root / self.pairs, root / self.images)


AnySource = Annotated[WorsenedSource | RankedSource | PairsSource | TriageSource, Field(discriminator="kind")]


class RankingData(Settings):
    """Where series of photos come from. Paths are relative to `root`."""

    root: str = "."
    """A folder, relative to where the command runs."""
    train: tuple[AnySource, ...] = Field(min_length=1)
    """Sources to train on, mixed by their weights."""
    validation: tuple[AnySource, ...] = Field(min_length=1)
    """Sources to choose the checkpoint by."""
    test: tuple[AnySource, ...] = ()
    """Sources to score once at the end; never used to choose anything."""
    labels: Literal["soft", "hard"] = "soft"
    """`soft`: the target is a pair's probability. `hard`: 0 or 1."""
    memory_mb: int = Field(1024, ge=0)
    """Memory for decoded photos, at most; what does not fit is decoded again."""
    variants: int = Field(0, ge=0)
    """Number of augmented variants of each series in training; a frozen encoder's features of them are then kept, also
    in `memory_mb`. 0 draws a new augmentation each time."""


class RankingCard(CardSettings):
    """The model's card, and how pixels are normalised: (x * scale - mean) / std per band."""

    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)


class RankerSettings(EncoderSettings):
    """The ranker."""

    name: Literal["ranker", "siamese", "pooled"] = "ranker"
    """`ranker`: one score per photo. `siamese`: as published. `pooled`: its baseline. Only `ranker` can be exported."""
    encoder: str = "mobilenetv2_tf"
    """Key in `smalti.nets.backbones.BACKBONES`."""
    width: Width = 1.0


class RankingTrain(TrainSettings):
    """The loop."""

    batch: int = Field(8, ge=1)
    """Series per batch."""
    photos: int = Field(4, ge=2)
    """Photos per series in a batch, at most; larger series are sampled."""


class RankingRecipe(Recipe):
    """A training of kind `ranking`."""

    kind: Literal["ranking"]
    card: RankingCard
    net: RankerSettings = RankerSettings()
    data: RankingData
    augment: PhotoAugment = PhotoAugment()
    loss: dict[str, float] = Field(default_factory=lambda: {"pairs": 1.0})
    """Weights of the terms: `pairs`, `list` (whole orders, where known), `group` (series are separated), `steady` (the
    same photo with a row less or mildly resized keeps its score)."""
    train: RankingTrain = RankingTrain()

    @field_validator("loss")
    @classmethod
    def _known_terms(cls, loss: dict[str, float]) -> dict[str, float]:
        unknown = loss.keys() - {"pairs", "list", "group", "steady"}
        if unknown or not loss or any(weight <= 0 for weight in loss.values()):
            raise ValueError(f"expected the terms pairs, list, group or steady, each with a weight above 0, not {loss}")
        return loss

    @model_validator(mode="after")
    def _no_contradictions(self) -> Self:
        of_scores = [term for term in ("list", "steady") if term in self.loss]
        if of_scores and self.net.name != "ranker":
            raise ValueError(f"loss.{of_scores[0]} needs scores, which net {self.net.name} does not have; remove it")
        if self.data.variants and self.optim.freeze_encoder != "always":
            raise ValueError('data.variants keeps the encoder\'s features; it needs optim.freeze_encoder = "always"')
        self.make_card("")
        return self

    def make_card(self, recipe: str) -> Card:
        """See `Recipe`."""
        options = {"encoder": self.net.encoder, "width": self.net.width, "cues": list(CUES)}
        task = Task(name="score", kind="score")
        card = self.card.model_copy(update={"tile": SIDE, "overlap": 0})
        return card.make(self.net.name, options, (task,), recipe)

    @property
    def root(self) -> Path:
        """The folder that the paths of the data are relative to."""
        return expand_home(self.data.root)
