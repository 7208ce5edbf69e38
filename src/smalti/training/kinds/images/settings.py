"""The recipe of a net that predicts whole images."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from smalti.card import Card, Task
from smalti.data.images import adience
from smalti.data.images.augment import ImageAugment
from smalti.data.images.class_folders import class_names, read_class_folders
from smalti.data.images.listing import Listing
from smalti.data.images.table import read_table
from smalti.errors import RecipeError
from smalti.losses import ValueLossSettings
from smalti.losses.term import refuse_negative
from smalti.losses.value import SmoothL1
from smalti.nets.multitask.sharing import SHARING
from smalti.text import count
from smalti.training.balance.settings import BalanceSettings
from smalti.training.home import expand_home
from smalti.training.settings import CardSettings, EncoderSettings, LearnedTask, Recipe, Settings, TrainSettings, Width


class _ImageTask(LearnedTask):
    name: str = Field("class", pattern=r"^[^/]+$")


class ClassesOfImages(_ImageTask):
    """A class of each image."""

    kind: Literal["image_classes"]
    labels: tuple[str, ...] = ()
    """Class names in the order of their ids; default: those of the first training source."""
    ordered: bool = False
    """Whether the classes are ordered, as ages are: the scores then distinguish neighbouring classes from others."""
    smoothing: float = Field(0.0, ge=0, lt=1)
    """Label smoothing: the share of each target that is spread over all classes."""
    class_weights: Literal["equal", "balanced"] | tuple[float, ...] = "equal"
    """`balanced`: every class has the same total weight. Or a weight per class."""

    @field_validator("labels")
    @classmethod
    def _each_once(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if labels:
            Task(name="", kind="image_classes", labels=labels)
        return labels

    @field_validator("class_weights")
    @classmethod
    def _not_negative(cls, weights: str | tuple[float, ...]) -> str | tuple[float, ...]:
        if not isinstance(weights, str):
            refuse_negative(weights, "class_weights")
        return weights

    def task(self, labels: tuple[str, ...]) -> Task:
        """The task as a card keeps it."""
        return Task(name=self.name, kind=self.kind, labels=labels)


class ValueOfImages(_ImageTask):
    """A number of each image."""

    kind: Literal["image_value"]
    unit: str = ""
    minimum: float | None = None
    """The smallest possible value."""
    loss: SerializeAsAny[ValueLossSettings] = ValueLossSettings(smooth_l1=SmoothL1())

    def task(self) -> Task:
        """The task as a card keeps it."""
        return Task(name=self.name, kind=self.kind, unit=self.unit, minimum=self.minimum)


AnyTask = Annotated[ClassesOfImages | ValueOfImages, Field(discriminator="kind")]
Tasks = tuple[AnyTask, ...]


class _Source(Settings):
    repeat: int = Field(1, ge=1)
    """How often each of its images is seen in one pass over the training images."""


class ClassFoldersSource(_Source):
    """A folder per class, as ImageNet has it: PATH/CLASS/IMAGE.jpg."""

    kind: Literal["class_folders"]
    path: str
    task: str | None = None
    """The task whose classes the folder names are; None is the first task of classes."""

    def open(self, root: Path, tasks: Tasks) -> Listing:
        """Its images; DataError for an empty folder."""
        return read_class_folders(root / self.path, self._task(tasks))

    def labels(self, root: Path, task: str, tasks: Tasks) -> tuple[str, ...]:
        """The classes that it has for a task."""
        return tuple(class_names(root / self.path)) if task == self._task(tasks) else ()

    def _task(self, tasks: Tasks) -> str:
        names = [task.name for task in tasks if task.kind == "image_classes"]
        wanted = self.task or (names[0] if names else "")
        if wanted not in names:
            raise RecipeError(f"data: {self.path} has class folders for {wanted or 'a task'!r}, but no such task")
        return wanted


class TableSource(_Source):
    """A CSV file with the column `file` and one column per task; an empty cell is unknown."""

    kind: Literal["table"]
    file: str
    images: str | None = None
    """Folder that the names of files are relative to; None is the table's own."""
    tasks: tuple[str, ...] = ()
    """The tasks it has columns for; none means all."""
    subject: str | None = None
    """Column with the subject of each image: no subject may be in two parts."""

    def open(self, root: Path, tasks: Tasks) -> Listing:
        """Its images; DataError for a column that is missing."""
        images = (root / self.file).parent if self.images is None else root / self.images
        return read_table(root / self.file, images, self.tasks or [task.name for task in tasks], self.subject)

    def labels(self, root: Path, task: str, tasks: Tasks) -> tuple[str, ...]:
        """The classes that it has for a task, sorted."""
        return tuple(sorted(set(self.open(root, tasks).columns.get(task, ())) - {""}))


class AdienceSource(_Source):
    """Adience as it is distributed, for the tasks `age` (eight groups) and `gender` (m, f)."""

    kind: Literal["adience"]
    path: str
    folds: tuple[Annotated[int, Field(ge=0, lt=adience.FOLDS)], ...] = Field(min_length=1)
    crops: Literal["aligned", "faces"] = "aligned"
    """Faces that were turned upright, or as they were found."""

    def open(self, root: Path, tasks: Tasks) -> Listing:
        """Its images; DataError for a fold that is missing."""
        return adience.read_adience(root / self.path, self.folds, self.crops)

    def labels(self, root: Path, task: str, tasks: Tasks) -> tuple[str, ...]:
        """The classes that it has for a task."""
        return adience.LABELS.get(task, ())


ImageSource = Annotated[ClassFoldersSource | TableSource | AdienceSource, Field(discriminator="kind")]


class ImagesData(Settings):
    """Where the images come from. Paths are relative to `root`."""

    root: str = "."
    """A folder, relative to where the command runs."""
    train: tuple[ImageSource, ...] = Field(min_length=1)
    """Sources to train on, all in one pass."""
    validation: tuple[ImageSource, ...] = Field(min_length=1)
    """Sources to choose the checkpoint by."""
    test: tuple[ImageSource, ...] = ()
    """Sources to score once at the end; never used to choose anything."""
    absent: tuple[str, ...] = ()
    """Classes of a task's `labels` that may be without a training image, `*` for all; for any other class that is an
    error."""
    check: bool = True
    """Whether each file's beginning and end is read before the first step, and copies of an image in two parts of the
    split are refused; minutes for millions of files. Without it only ends are read, to know files that change."""
    resize: int = Field(256, ge=8)
    """Length that the shorter side is resized to where images are scored; the net sees a centre crop of `card.tile`."""
    decoder: Literal["auto", "opencv", "dali"] = "auto"
    """What decodes images; `auto` is DALI if it is installed and there is a GPU, else OpenCV."""


class ImagesCard(CardSettings):
    """The model's card, and how pixels are normalised: (x * scale - mean) / std per band."""

    tile: int = 224
    """Side of the square images that the net sees."""
    overlap: int = Field(0, ge=0, le=0)
    """0: an image is predicted at once."""
    tasks: Tasks = Field(min_length=1)


class ImagesNet(EncoderSettings):
    """The network."""

    name: Literal["classifier", "multitask"] = "multitask"
    """`classifier`: an encoder with its published head, for one task. `multitask`: any number of tasks."""
    encoder: str = "ghostnet"
    """Key in `smalti.nets.backbones.BACKBONES`."""
    width: Width = 1.0
    """Channels relative to the published network."""
    sharing: str = "shared"
    """For multitask: key in `smalti.nets.multitask.sharing.SHARING`."""
    options: dict[str, bool | int | float | str | tuple[int, ...]] = Field(default_factory=dict)
    """Further options of the net, by name: `stages`, `gate`, `isolation`; `dropout` of a classifier."""

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.sharing not in SHARING:
            raise ValueError(f"unknown sharing scheme {self.sharing!r}; expected one of {', '.join(SHARING)}")
        if self.name == "classifier" and self.sharing != "shared":
            raise ValueError("a classifier has one task, which shares nothing; use name multitask")
        if twice := self.options.keys() & {"encoder", "width", "sharing"}:
            raise ValueError(f"options: {min(twice)} is a key of [net] itself")
        return self

    def all_options(self) -> dict[str, Any]:
        """The options as the card keeps them."""
        sharing = {"sharing": self.sharing} if self.name == "multitask" else {}
        return {"encoder": self.encoder, "width": self.width} | sharing | self.options


class ImagesTrain(TrainSettings):
    """The loop."""

    batch: int = Field(64, ge=2)
    """Images per batch, over all processes."""


class ImagesRecipe(Recipe):
    """A training of kind `images`."""

    kind: Literal["images"]
    card: ImagesCard
    net: ImagesNet = ImagesNet()
    data: ImagesData
    augment: SerializeAsAny[ImageAugment] = ImageAugment()
    balance: BalanceSettings = BalanceSettings()
    train: ImagesTrain = ImagesTrain()

    @model_validator(mode="after")
    def _no_contradictions(self) -> Self:
        if len({task.name for task in self.card.tasks}) < len(self.card.tasks):
            raise ValueError("card.tasks: two tasks have the same name")
        self._check_balance()
        if self.data.resize < self.card.tile:
            raise ValueError(f"data.resize {self.data.resize} must not be below card.tile {self.card.tile}")
        if len(self.card.bands) != 3 or self.card.dtype != "uint8":
            raise ValueError("card.bands and card.dtype: images are read as three bands of uint8")
        each = self.train.batch // (self.train.devices * self.train.nodes)
        if each < 2 or (self.augment.mixup and each % 2):
            raise ValueError(
                f"train.batch {self.train.batch} gives each process {count(each, 'image')}: batch norms need two, and "
                "augment.mixup an even number"
            )
        return self

    def _check_balance(self) -> None:
        weights = self.weights
        if len(weights) == 1 and (self.balance != BalanceSettings() or set(weights.values()) != {1.0}):
            raise ValueError("balance, and the weight of a task, are for several tasks; this recipe has one")
        self.balance.check(weights)

    @property
    def weights(self) -> dict[str, float]:
        """The weights of the tasks' losses by name."""
        return {task.name: task.weight for task in self.card.tasks}

    def make_card(self, recipe: str) -> Card:
        """See `Recipe`; DataError where the classes come from the data, and these cannot be read."""
        tasks = tuple(
            task.task() if task.kind == "image_value" else task.task(task.labels or self._labels(task.name))
            for task in self.card.tasks
        )
        return self.card.make(self.net.name, self.net.all_options(), tasks, recipe)

    def _labels(self, task: str) -> tuple[str, ...]:
        """The classes of a task, from the first source that has any."""
        for source in self.data.train:
            if labels := source.labels(self.root, task, self.card.tasks):
                return labels
        raise RecipeError(f"card.tasks: {task} has no labels, and no training source has any")

    @property
    def root(self) -> Path:
        """The folder that the paths of the data are relative to."""
        return expand_home(self.data.root)
