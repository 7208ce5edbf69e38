"""The data that a model is scored on: pairs from folders, public datasets and recipes."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from smalti.card import Card, Task
from smalti.datasets.index import find_items
from smalti.datasets.reader import lacking, open_found
from smalti.datasets.registry import find_dataset
from smalti.datasets.selection import select
from smalti.errors import DataError, DataWarning, GeoreferenceWarning, RecipeError, SmaltiWarning, warn
from smalti.evaluation.dataset_pairs import dataset_pairs
from smalti.evaluation.first_look import check_truth, read_through
from smalti.evaluation.pairs import OpenTruth, Pair, find_pairs, label_sets
from smalti.evaluation.places import place_of
from smalti.evaluation.protocol import NOT_STATED
from smalti.label_sets import with_sets
from smalti.mapping.fit import Resolution, check_kind, open_fitting
from smalti.raster.label_doubts import Doubts, doubt_lines, doubts
from smalti.raster.labels import LabelSpec, open_labels
from smalti.raster.read import open_raster
from smalti.raster.reader import Reader
from smalti.raster.values import ValueSpec, open_values
from smalti.text import count
from smalti.workflows.evaluate_options import without_part
from smalti.workflows.extras import of_training
from smalti.workflows.progress import Meter, Show


@dataclass(frozen=True)
class Scored:
    """Images to score on, and their description in the protocol."""

    pairs: list[Pair]
    data: str
    split: str = NOT_STATED
    leave_out: tuple[str, ...] = ()
    """Classes that part of the literature excludes."""


@dataclass(frozen=True)
class Specs:
    """Encoding of images and ground truth in files."""

    labels: LabelSpec = field(default_factory=LabelSpec)
    values: Mapping[str, ValueSpec] = field(default_factory=dict)
    """By the name of the task."""
    bands: Sequence[str] | None = None
    """The bands of images to give to the model; None chooses them by name."""
    resolution: Resolution = "auto"
    """The pixel size that the network sees."""
    place: str | None = None
    """A regular expression that names an image's place."""


LABELS = "labels"
"""Title of the progress of reading ground truth."""
PARTS = {
    **dict.fromkeys(("train", "training", "trn"), "training"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Names of folders that hold a part of a split."""


def parts_of(names: Iterable[str]) -> dict[str, int]:
    """The number of images in folders of each part, by their paths."""
    folders = ((PARTS[part.lower()] for part in Path(name).parts[:-1] if part.lower() in PARTS) for name in names)
    return dict(Counter(part for found in folders if (part := next(found, ""))))


def folder_split(folder: Path, card: Card, specs: Specs, show: Show | None = None) -> Scored:
    """The images of a folder; warns if they are of several parts of a split, or training images."""
    pairs = folder_pairs(folder, card, specs, show)
    parts = parts_of(pair.name for pair in pairs)
    named = ", ".join(f"{part} ({count(number, 'image')})" for part, number in parts.items())
    if len(parts) > 1:
        _warn(
            f"{folder}: has folders of {named}, scored together as one; give the folder of one part for its own score"
        )
    elif "training" in parts:
        _warn(f"{folder}: has a folder of {named}; scores on training images are too good")
    return Scored(pairs, data_name(folder), f"{' and '.join(parts)} together" if len(parts) > 1 else NOT_STATED)


def data_name(path: Path) -> str:
    """The last two parts of a path: enough to identify the data, and nothing about the machine."""
    return "/".join(path.resolve().parts[-2:]).lstrip("/")


def folder_pairs(folder: Path, card: Card, specs: Specs, show: Show | None = None) -> list[Pair]:
    """The pairs of a folder, ready to be opened for a model: bands chosen by its card, ground truth on the image grid.

    The first task of classes has the usual folders and endings, others those of their names; warns of tasks without
    ground truth. DataError if no task has any.
    """
    tasks = [task for task in card.tasks if not task.per_image]
    main = next((task for task in tasks if task.kind == "classes"), None)
    found: dict[Path, dict[str, Path]] = {}
    failed: list[DataError] = []
    for task in tasks:
        try:
            for image, path in find_pairs(folder, None if task == main else task.name):
                found.setdefault(image, {})[task.name] = path
        except DataError as error:
            failed.append(error)
    if not found:
        raise failed[0]
    for lack in failed:
        _warn(str(lack))
    _look(found, card, specs, Meter(show, LABELS, len(found), "images"))
    return [
        file_pair(image.relative_to(folder).as_posix(), image, truths, card, specs)
        for image, truths in sorted(found.items())
    ]


def _look(found: Mapping[Path, Mapping[str, Path]], card: Card, specs: Specs, progress: Meter) -> None:
    """Opens all images and reads all ground truth once, so that errors are raised before the first image is scored."""
    doubtful: list[tuple[Path, Doubts]] = []
    for image, truths in found.items():
        opened = partial(open_raster, image)
        with open_fitting(str(image), opened, card, specs.bands, "native", lambda _: None) as reader:
            for name, path in truths.items():
                with closing(_truth(path, _labelled(card.task(name), specs), specs)(reader.grid)) as truth:
                    doubtful.append((path, doubts(truth)))
                    read_through(truth, reader.grid)
        progress(1)
    for line in doubt_lines(doubtful):
        _warn(line)


def file_pair(name: str, image: Path, truths: Mapping[str, Path], card: Card, specs: Specs) -> Pair:
    """One image file and its files of ground truth by task."""

    def open_image() -> Reader:
        opened = partial(open_raster, image)
        return open_fitting(str(image), opened, card, specs.bands, specs.resolution, _warn_of_scene)

    tasks = [_labelled(card.task(name), specs) for name in truths]
    opened = {task.name: _truth(truths[task.name], task, specs) for task in tasks}
    return Pair(name, open_image, opened, sets=label_sets(tasks), place=place_of(Path(name), specs.place))


def _labelled(task: Task, specs: Specs) -> Task:
    """The task with the sets that its labels allow."""
    return with_sets(task, specs.labels.sets(task)) if task.kind == "classes" else task


def _truth(path: Path, task: Task, specs: Specs) -> OpenTruth:
    if task.kind == "classes":
        return lambda grid: open_labels(path, grid, task, specs.labels)
    return lambda grid: open_values(path, grid, task, specs.values.get(task.name, ValueSpec()))


def dataset_split(text: str, folder: Path, card: Card, show: Show | None = None, place: str | None = None) -> Scored:
    """A split `NAME:SPLIT` of a public dataset, with ground truth for those tasks of the card that it has.

    DataError if it is unknown, incomplete or does not match; warns of missing values.
    """
    name, _, split = text.partition(":")
    dataset = find_dataset(name)
    search = find_items(dataset, folder, split, card.bands)
    taken = []
    for each in select(dataset, [task for task in card.tasks if not task.per_image], {}):
        lack = lacking(dataset, search.items, each.name)
        if lack:
            _warn(f"{each.task.name} is not scored: {lack}")
        else:
            taken.append(each)
    if not taken:
        raise DataError(f"{name} has no ground truth for the tasks {', '.join(task.name for task in card.tasks)}")
    opener, items = open_found(dataset, search, card, taken)
    for item in items:
        with closing(opener.image(item)) as image:
            check_kind(item.id, str(image.dtype), card)
    pairs = dataset_pairs(opener, items, place=lambda path: place_of(path.relative_to(folder), place))
    check_truth(pairs, Meter(show, LABELS, len(pairs), "images"))
    return Scored(pairs, dataset.title, dataset.words(split), dataset.leave_out)


def recipe_pairs(
    path: Path, changes: Sequence[str], part: Literal["test", "validation"], card: Card, show: Show | None = None
) -> Scored:
    """The pairs of a recipe's part `test` or `validation`, with ground truth for the card's tasks that it labels."""
    with of_training():
        from smalti.training.kinds.pixels.prepare import part_pairs  # torch is imported for recipes only
        from smalti.training.recipe import read_pixels

    recipe = read_pixels(path, changes)
    sources = recipe.data.sources(part)
    if not sources:
        raise without_part(path, part)
    pairs, _ = part_pairs(recipe, card, part)
    check_truth(pairs, Meter(show, LABELS, len(pairs), "images"))
    if part == "test" and recipe.data.unseen:
        return Scored(_distinct(pairs), ", ".join(recipe.data.unseen), f"unseen places of {path.name}")
    named = [_source_name(source.model_dump()) for source in sources]
    datasets = [find_dataset(source.name) for source in sources if source.kind == "dataset"]
    leave_out = tuple(dict.fromkeys(name for one in datasets for name in one.leave_out))
    return Scored(_distinct(pairs), ", ".join(dict.fromkeys(named)), f"{part} of {path.name}", leave_out)


def _source_name(source: dict[str, object]) -> str:
    if source["kind"] == "drawn":
        look = [str(source[key]) for key in ("style", "climate", "sensor") if source.get(key)]
        what = f" ({', '.join(look)})" if look else ""
        return f"drawn scenes{what} of {source['size']} px, seeds {', '.join(map(str, _listed(source['seeds'])))}"
    if source["kind"] == "dataset":
        return find_dataset(str(source["name"])).words(str(source["split"]))
    return ", ".join(map(str, _listed(source["path" if source["kind"] == "folder" else "images"])))


def _listed(values: object) -> list[object]:
    return list(values) if isinstance(values, tuple | list) else [values]


def _distinct(pairs: list[Pair]) -> list[Pair]:
    """The same pairs, with a number before equal names."""
    often = Counter(pair.name for pair in pairs)
    return [
        replace(pair, name=f"{k}: {pair.name}") if often[pair.name] > 1 else pair for k, pair in enumerate(pairs, 1)
    ]


def read_specs(path: Path) -> Specs:
    """The encoding of labels, and in tables `[values.TASK]` of values, from a TOML file.

    RecipeError if it cannot be read or is invalid.
    """
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        rest = dict(written.get("values", {}))  # tables belong to tasks, all else to an attribute
        tasks = {name: rest.pop(name) for name in list(rest) if isinstance(rest[name], dict)}
        values = TypeAdapter(dict[str, ValueSpec]).validate_python(tasks)
        return Specs(LabelSpec.model_validate(written | {"values": rest}), values)
    except ValidationError as error:
        first = error.errors()[0]
        known = f"{', '.join(LabelSpec.model_fields)}; for values {', '.join(ValueSpec.model_fields)}"
        raise RecipeError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; the keys are {known}") from None
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: cannot be read as TOML: {error}") from None


def _warn(text: str) -> None:
    warn(DataWarning(text))


def _warn_of_scene(warning: SmaltiWarning) -> None:
    if not isinstance(warning, GeoreferenceWarning):  # scores need no place on the ground
        warn(warning)
