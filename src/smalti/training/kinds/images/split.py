"""The images of a recipe by part, checked to be disjoint, and the cropping to the net's size."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, combinations
from pathlib import Path

import torch

from smalti.card import Card, Task
from smalti.data.identity import Identity, identity, marks
from smalti.data.images.copies import check_copies
from smalti.data.images.dali import DaliCutter, has_dali
from smalti.data.images.labelled import Labelled, label
from smalti.data.images.listing import Listing, check_apart, check_files
from smalti.data.images.stream import Cut, OpenCvCutter
from smalti.errors import DataError, RecipeError
from smalti.text import count
from smalti.training.kinds.images.settings import ImageSource, ImagesRecipe
from smalti.training.kinds.pixels.census import ANY
from smalti.watch import Watch, unwatched


@dataclass(frozen=True)
class ImagesSplit:
    """The images to train on, those that choose the checkpoint, and those that are only scored."""

    train: Labelled
    repeats: list[int]
    """How often each training image is seen in one pass."""
    validation: Labelled
    test: Labelled | None
    identity: dict[str, Identity]
    """Identity by content of the data that influence weights and checkpoint: train, validation."""

    def lines(self) -> list[str]:
        """A summary, a line per part."""
        return [
            f"train       {count(len(self.train.files), 'image')}",
            f"validation  {count(len(self.validation.files), 'image')} (they choose the checkpoint)",
            f"test        {count(len(self.test.files) if self.test else 0, 'image')} (scored only)",
        ]


def open_split(recipe: ImagesRecipe, card: Card, watch: Watch = unwatched) -> ImagesSplit:
    """Lists every source; DataError if parts share files, subjects or copies, files are damaged, or labels missing."""
    data = recipe.data
    listed = {
        part: [source.open(recipe.root, recipe.card.tasks) for source in sources]
        for part, sources in (("training", data.train), ("validation", data.validation), ("test", data.test))
    }
    for one, other in (("training", "validation"), ("training", "test"), ("validation", "test")):
        check_apart(listed[one], listed[other], (one, other))
    found = {part: label(listings, card.tasks) for part, listings in listed.items() if listings}
    _check_labels(found, card.tasks)
    _check_classes(recipe, card, found["training"])
    if data.check:
        check_files([listing for listings in listed.values() for listing in listings])
        for one, other in combinations(found, 2):
            check_copies(found[one].files, found[other].files, (one, other), watch)
    return ImagesSplit(
        found["training"],
        _repeats(data.train, listed["training"]),
        found["validation"],
        found.get("test"),
        {
            "train": _identity(found["training"], watch),
            "validation": _identity(found["validation"], watch),
        },
    )


def _identity(images: Labelled, watch: Watch) -> Identity:
    """The identity of the files and of their labels."""
    known = marks(list(map(Path, images.files)), watch)
    targets = (f"{task} {hashlib.sha256(values.tobytes()).hexdigest()}" for task, values in images.targets.items())
    return identity(len(images.files), chain(known, targets))


def open_part(recipe: ImagesRecipe, card: Card, part: str) -> Labelled | None:
    """The images of the part `validation` or `test` alone; None where the recipe has none."""
    sources = recipe.data.test if part == "test" else recipe.data.validation
    listings = [source.open(recipe.root, recipe.card.tasks) for source in sources]
    return label(listings, card.tasks) if listings else None


def data_name(sources: Sequence[ImageSource]) -> str:
    """The name of the data of some sources, for reports."""
    names = []
    for source in sources:
        if source.kind == "adience":
            names.append(f"Adience ({source.crops}), folds {', '.join(map(str, source.folds))}")
        else:
            names.append(source.file if source.kind == "table" else source.path)
    return "; ".join(names)


def make_cutter(recipe: ImagesRecipe, size: int) -> Cut:
    """Makes square images of files; MissingExtraError where DALI is requested but not installed."""
    gpu = recipe.train.accelerator != "cpu" and torch.cuda.is_available()
    decoder = recipe.data.decoder
    if decoder == "dali" or (decoder == "auto" and gpu and has_dali()):
        device = torch.cuda.current_device() if gpu else None
        return DaliCutter(size, recipe.train.batch, recipe.train.workers, device)
    return OpenCvCutter(size)


def _repeats(sources: Sequence[ImageSource], listings: Sequence[Listing]) -> list[int]:
    pairs = zip(sources, listings, strict=True)
    return [repeat for source, listing in pairs for repeat in [source.repeat] * len(listing.files)]


def _check_labels(found: dict[str, Labelled], tasks: Sequence[Task]) -> None:
    for task in tasks:
        if not found["training"].known(task.name):
            raise DataError(f"training: no image has a label for {task.name}; add a source that has one")
    for part, images in found.items():
        if not any(images.known(task.name) for task in tasks):
            raise DataError(f"{part}: no image has a label for any task; nothing to score")


def _check_classes(recipe: ImagesRecipe, card: Card, train: Labelled) -> None:
    """DataError for a class that the recipe names but no training image has.

    Where the classes come from the data, a part of the data may lack some.
    """
    named = {task.name for task in recipe.card.tasks if task.kind == "image_classes" and task.labels}
    _check_absent(recipe, card)
    if ANY in recipe.data.absent:
        return
    for task in (task for task in card.tasks if task.name in named):
        images = zip(task.labels, train.counts(task), strict=True)
        if wrong := [name for name, count in images if not count and name not in recipe.data.absent]:
            raise DataError(
                f"data.train: no image is of class {', '.join(wrong)} of {task.name}; add some, or list in data.absent "
                "the classes that may be missing"
            )


def _check_absent(recipe: ImagesRecipe, card: Card) -> None:
    labels = [ANY, *(label for task in card.tasks for label in task.labels)]
    if unknown := [name for name in recipe.data.absent if name not in labels]:
        near = get_close_matches(unknown[0], labels, 1, 0)
        raise RecipeError(f"data.absent: {unknown[0]!r} is not a class; did you mean {near[0]}?")
