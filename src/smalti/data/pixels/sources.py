"""Sources of windows: lists of scenes, each with a share of the training."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from smalti.card import Card, Task
from smalti.data.pixels.dataset import DatasetScene
from smalti.data.pixels.labels import DatasetTruth, FilesTruth, FolderTruth, LabelEncoding, TruthFile
from smalti.data.pixels.pool import Pool
from smalti.data.pixels.scenes import FileScene, Scene, drawn_scene
from smalti.data.pixels.weak import WeakSpec, weak_file
from smalti.data.pixels.window_source import WindowSource, Wish, every_place
from smalti.datasets.index import Borders, Item
from smalti.datasets.reader import Opener, open_split
from smalti.datasets.registry import find_dataset, find_split
from smalti.datasets.selection import Selection, select
from smalti.datasets.spec import Role
from smalti.errors import DataError, OptionError
from smalti.evaluation.pairs import find_images, find_pairs
from smalti.label_sets import Allowed
from smalti.raster.label_spec import Wanted, class_set
from smalti.raster.labels import LabelSpec
from smalti.synth import CLASSES
from smalti.synth.scenery import Scenery, scenery
from smalti.text import count


class _Source(WindowSource):
    by: Literal["area", "class"] = "area"
    """`area`: positions are drawn uniformly. `class`: a class is drawn first, then a position where it occurs."""
    tasks: tuple[str, ...] = ()
    """The tasks that it labels; by default all for which it has labels."""

    def pool(self, scenes: Sequence[Scene]) -> Pool:
        """See `WindowSource`."""
        return Pool(scenes, self.by)

    def sets(self, tasks: Sequence[Task], where: str) -> Mapping[str, set[Allowed]]:
        """By task, the sets of classes that its labels allow; LabelError, beginning with `where`, for unknown names."""
        return {}

    def wanted(self, tasks: Sequence[Task]) -> list[Task]:
        """The tasks that it may label; DataError if it names an unknown one."""
        _check_names(self.tasks, tasks)
        return [task for task in tasks if not self.tasks or task.name in self.tasks]


class _Files(_Source, LabelEncoding):
    weak: WeakSpec | None = None
    """Labels made by rules on near infrared or heights."""
    bands: tuple[str | int, ...] = ()
    """The bands of its images for those of the card, by name or number; by default by their names in the file."""

    @model_validator(mode="after")
    def _one_kind_of_labels(self) -> Self:
        if self._made and self.labels != LabelSpec():  # not whether it is stated: a stored recipe states all
            raise ValueError("labels and weak both state the labels; with weak.with_labels = true both apply")
        return self

    def main(self, tasks: Sequence[Task], also: Iterable[str]) -> Task | None:
        """The task of its main labels: the first one of classes that it may label and that is not in `also`.

        It is a task of values only if `tasks` names it. DataError if `also` names an unknown task.
        """
        _check_names(also, tasks)
        left = [task for task in self.wanted(tasks) if task.name not in also]
        named = left[:1] if self.tasks else []
        return next(iter([task for task in left if task.kind == "classes"] + named), None)

    def _sets(self, tasks: Sequence[Task], also: Mapping[str, LabelEncoding], where: str) -> Mapping[str, set[Allowed]]:
        """See `sets`; `also` has the labels of further tasks."""
        main = self.main(tasks, also)
        written = {name: (f"also.{name}.", each) for name, each in also.items()}
        if main is not None:
            written[main.name] = ("", self)
        found: dict[str, set[Allowed]] = {}
        for task in tasks:
            if task.kind == "classes" and task.name in written:
                before, encoding = written[task.name]
                encoding.labels.check(task, f"{where}{before}labels.")
                found[task.name] = encoding.labels.sets(task, f"{where}{before}labels.")
        if self.weak and main is not None and main.kind == "classes":
            found[main.name] = self.weak.sets(main, found[main.name], f"{where}weak.")
        return found

    @property
    def _made(self) -> bool:
        """Whether rules make all of its main labels."""
        return self.weak is not None and not self.weak.with_labels


class FolderSource(_Files):
    """Folders of images with label images of the same names."""

    kind: Literal["folder"] = "folder"
    path: tuple[str, ...] = Field(min_length=1)
    """Folders, searched recursively."""
    also: dict[str, FolderTruth] = Field(default_factory=dict)
    """Further labelled tasks, by name; the label images are for the first task of classes that is not listed here."""

    def sets(self, tasks: Sequence[Task], where: str) -> Mapping[str, set[Allowed]]:
        """See `_Source`."""
        return self._sets(tasks, self.also, where)

    def files(self, root: Path, tasks: Sequence[Task]) -> dict[Path, list[TruthFile]]:
        """Its images, each with the files of its labels."""
        found: dict[Path, list[TruthFile]] = {}
        main = self.main(tasks, self.also)
        for task in self.wanted(tasks):
            if (further := self.also.get(task.name)) or task == main:
                for image, path in self._pairs(root, further.name if further else None):
                    found.setdefault(image, []).append((further or self).file(task, path))
        _check_complete(found)
        return found

    def _pairs(self, root: Path, named: str | None) -> list[tuple[Path, Path]]:
        """Images with labels of one kind; see `find_pairs`. Where rules make the labels an image stands for them."""
        if named is None and self._made:
            return [(image, image) for folder in self.path for image in find_images(root / folder)]
        return [pair for folder in self.path for pair in find_pairs(root / folder, named)]


def _check_complete(found: dict[Path, list[TruthFile]]) -> None:
    """DataError unless all images of a source have labels of the same tasks."""
    every = {truth.task.name for truths in found.values() for truth in truths}
    for image, truths in found.items():
        if lack := every - {truth.task.name for truth in truths}:
            raise DataError(f"{image}: has no labels of {', '.join(sorted(lack))}, as other images of its source have")


class ScenesSource(_Files):
    """Large rasters with vectors or class rasters, read by windows."""

    kind: Literal["scenes"]
    images: tuple[str, ...] = Field(min_length=1)
    truth: tuple[str, ...] = ()
    """Label files, one per image in the same order, or one for all; none if `tasks` has only values."""
    also: dict[str, FilesTruth] = Field(default_factory=dict)
    """Further labelled tasks, by name; `truth` is for the first task of classes that is not listed here."""

    def sets(self, tasks: Sequence[Task], where: str) -> Mapping[str, set[Allowed]]:
        """See `_Source`."""
        return self._sets(tasks, self.also, where)

    def files(self, root: Path, tasks: Sequence[Task]) -> dict[Path, list[TruthFile]]:
        """Its images, each with the files of its labels."""
        main = self.main(tasks, self.also)
        truths: list[tuple[TruthFile, ...]] = []
        if main is not None:
            files = self.images if self._made else self.truth
            truths.append(tuple(self.file(main, root / path) for path in self._each(files)))
        truths += [
            tuple(further.file(task, root / path) for path in self._each(further.files))
            for task in self.wanted(tasks)
            if (further := self.also.get(task.name))
        ]
        return {root / image: list(ours) for image, *ours in zip(self.images, *truths, strict=True)}

    def _each(self, files: tuple[str, ...]) -> tuple[str, ...]:
        """A file for each image."""
        if len(files) not in (1, len(self.images)):
            raise DataError(
                f"{count(len(self.images), 'image')} but {count(len(files), 'file')} of truth; "
                "give one for each image, or one for all"
            )
        return files * len(self.images) if len(files) == 1 else files


DRAWN = "drawn scenes"
"""Their place, unless a source names it."""


class DrawnSource(_Source):
    """Drawn scenes with exact ground truth, for their five classes and heights."""

    kind: Literal["drawn"]
    seeds: tuple[int, ...] = Field(min_length=1)
    size: int = Field(1024, ge=64)
    """Side of each scene in pixels: of 0.3 m in the style `town`, of the sensor in the style `world`.
    Scenes are drawn in squares of 512 pixels: multiples take no time for what is not used."""
    style: Literal["town", "world"] | None = None
    """`town`, the default, or `world`, which has climates and sensors."""
    climate: str | None = None
    """Climate of the world, such as `desert` or `monsoon`; without it, by the seed."""
    sensor: str | None = None
    """`drone`, `aerial` or `satellite`; without it, by the seed."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        try:
            scenery(self.style, self.climate, self.sensor)
        except OptionError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def scenery(self) -> Scenery:
        """What its scenes look like."""
        return scenery(self.style, self.climate, self.sensor)

    def drawn(self, card: Card, tasks: Sequence[Task]) -> list[Task]:
        """The tasks that it can label: classes and heights. DataError if there is none, or a named one is not."""
        wanted = self.wanted(tasks)
        knows = [task for task in wanted if task.labels == CLASSES or _is_height(task)]
        unfit = [task for task in wanted if task not in knows] if self.tasks or not knows else []
        if unfit or card.dtype != "uint8" or len(card.bands) not in (3, 4):
            asked = "; ".join(", ".join(task.labels) or f"{task.name} in {task.unit or 'no unit'}" for task in wanted)
            raise DataError(
                f"drawn scenes have the classes {', '.join(CLASSES)} and the height in m, in 3 or 4 bands of bytes; "
                f"the card has {asked}, {len(card.bands)} bands, {card.dtype}"
            )
        return knows


def _is_height(task: Task) -> bool:
    return task.kind == "value" and task.quantity == "height" and task.unit == "m"


class DatasetSource(_Source):
    """A public dataset in its own layout; `smalti data` lists them with their splits."""

    kind: Literal["dataset"]
    name: str
    path: str
    """The folder it was unpacked into."""
    split: str
    borders: Borders = "full"
    """`eroded`: labels without borders, as provided by its authors."""
    classes: dict[str, Wanted] = Field(default_factory=dict)
    """Its classes that have another name here, each with a class of the task, a list of possible classes, or
    `ignore`."""
    also: dict[str, DatasetTruth] = Field(default_factory=dict)
    """The values that a task uses, by the task's name; by default the first ones of its `quantity`."""

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        try:
            find_split(find_dataset(self.name), self.split)
        except DataError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def role(self) -> Role:
        """What its split is meant for."""
        return find_dataset(self.name).splits[self.split].role

    def sets(self, tasks: Sequence[Task], where: str) -> Mapping[str, set[Allowed]]:
        """See `_Source`."""
        return {
            task.name: {
                class_set(task, wanted, f"{where}classes.{name}")
                for name, wanted in self.classes.items()
                if isinstance(wanted, tuple)
            }
            for task in [task for task in self.wanted(tasks) if task.kind == "classes"][:1]
        }

    def taken(self, tasks: Sequence[Task]) -> list[Selection]:
        """What the tasks use of it; DataError if that is nothing, or nothing for a named task."""
        _check_names(self.also, tasks)
        dataset = find_dataset(self.name)
        taken = select(
            dataset, self.wanted(tasks), {task: (each.name, each.values) for task, each in self.also.items()}
        )
        lacks = {*self.tasks, *self.also} - {each.task.name for each in taken}
        if lacks or not taken:
            names = sorted(lacks) or [task.name for task in tasks]
            has = f"; choose from its values with `also`: {', '.join(dataset.values)}" if dataset.values else ""
            raise DataError(f"{self.name} labels no task of {', '.join(names)}{has}")
        return taken

    def open(self, root: Path, card: Card, tasks: Sequence[Task]) -> tuple[Opener, tuple[Item, ...]]:
        """Its images and an opener for the tasks; DataError if an image or its ground truth is missing."""
        dataset, taken = find_dataset(self.name), self.taken(tasks)
        return open_split(dataset, root / self.path, self.split, card, taken, self.borders, self.classes)


Source = FolderSource | ScenesSource | DrawnSource | DatasetSource


FORMER = {"known": "dataset"}
"""Names of kinds in recipes and checkpoints of former versions, with the current ones."""


def _with_kind(source: Any) -> Any:
    """A source without a kind is a folder."""
    if not isinstance(source, dict):
        return source
    kind = source.get("kind", "folder")
    return source | {"kind": FORMER.get(kind, kind) if isinstance(kind, str) else kind}


AnySource = Annotated[Source, Field(discriminator="kind"), BeforeValidator(_with_kind)]
"""A source as a recipe writes it; without a `kind` it is a folder."""


def open_source(
    source: Source,
    root: Path,
    card: Card,
    tasks: Sequence[Task],
    wanted: Wish = every_place,
) -> list[Scene]:
    """The scenes of a source, with labels of the tasks that it labels; paths are relative to `root`.

    `wanted` says of which places. Raises DataError, and RasterError or LabelError for a file that cannot be used.
    """
    if isinstance(source, DrawnSource):
        drawn = source.drawn(card, tasks)
        seeds = source.seeds if wanted(source.place or DRAWN) else ()
        return [drawn_scene(seed, source.size, card, drawn, source.scenery) for seed in seeds]
    if isinstance(source, DatasetSource):
        opener, items = source.open(root, card, tasks)
        chosen = source.of_places(root, ((item.place, item) for item in items), wanted)
        return [DatasetScene(item, opener, source.borders, card) for item in chosen]
    files = labelled_files(source, root, card, tasks)
    chosen_files = source.of_places(root, zip(files, files.items(), strict=True), wanted)
    return [FileScene(image, truths, card, source.bands) for image, truths in chosen_files]


def labelled_files(
    source: FolderSource | ScenesSource, root: Path, card: Card, tasks: Sequence[Task]
) -> dict[Path, list[TruthFile]]:
    """The images of a source, each with the files of its labels; DataError if there are none."""
    found = source.files(root, tasks)
    if not any(found.values()):
        names = ", ".join(task.name for task in tasks)
        raise DataError(f"source {source.kind} labels no task of {names}; name one in `tasks` or `also`")
    main = source.main(tasks, source.also)
    if (weak := source.weak) is None or main is None:
        return found
    if main.kind != "classes":
        raise DataError(f"weak labels are classes, but {main.name} is a task of values")
    return {
        image: [weak_file(t, image, card, source.bands, weak) if t.task == main else t for t in truths]
        for image, truths in found.items()
    }


def _check_names(names: Iterable[str], tasks: Sequence[Task]) -> None:
    declared = [task.name for task in tasks]
    for name in names:
        if name not in declared:
            raise DataError(f"a source names the unknown task {name!r}; expected one of {', '.join(declared)}")
