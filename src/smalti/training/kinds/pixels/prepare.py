"""From a recipe to what the loop needs: sources opened and checked to be disjoint, the model built and initialised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from smalti.card import Card
from smalti.data.identity import Identity, digests, identity
from smalti.data.pixels.copies import check_copies
from smalti.data.pixels.leakage import Placed, check_apart
from smalti.data.pixels.scenes import Scene
from smalti.data.pixels.scored import scored_pairs
from smalti.data.pixels.sources import DRAWN, Pool, keep_in_memory, open_source
from smalti.data.pixels.stream import Stream
from smalti.errors import DataError, RecipeError
from smalti.evaluation import Pair
from smalti.nets.build import Model, build
from smalti.nets.cost import count
from smalti.text import count as counted
from smalti.training.kinds.pixels.edges import with_edges
from smalti.training.kinds.pixels.settings import Part, PixelRecipe
from smalti.training.warmstart import start_encoder
from smalti.watch import Watch, unwatched

MEGABYTE = 1 << 20


Scenes = list[list[Scene]]
"""By source."""


@dataclass(frozen=True)
class Split:
    """The scenes to train on, those that choose the checkpoint, and those that are only scored."""

    scenes: dict[str, Scenes]
    """By part: train, validation, test."""
    validation: list[Pair]
    test: list[Pair]
    judges: str
    """The images that choose the checkpoint, in words."""
    identity: dict[str, Identity]
    """Identity by content of the data that influence weights and checkpoint: train, validation."""

    @property
    def train(self) -> Scenes:
        """The scenes to train on, by source."""
        return self.scenes["train"]

    def lines(self) -> list[str]:
        """A summary, a line per part."""
        scenes = [scene for group in self.train for scene in group]
        pixels = sum(scene.grid.height * scene.grid.width for scene in scenes) / 1e6
        drawn = sum(scene.path is None for scene in scenes)
        files = len(scenes) - drawn
        parts = [counted(n, what) for n, what in ((files, "image"), (drawn, "drawn scene")) if n]
        return [
            f"train       {' and '.join(parts)}, {pixels:.1f} MPix",
            f"validation  {counted(len(self.validation), 'image')} (the checkpoint is chosen on {self.judges})",
            f"test        {counted(len(self.test), 'image')}",
        ]


def open_split(recipe: PixelRecipe, card: Card, watch: Watch = unwatched) -> Split:
    """Opens every source; DataError if the parts overlap on the ground, share files, or have copied images."""
    data, tasks = recipe.data, recipe.labelled(card)
    scenes: dict[str, Scenes] = {
        part: [
            open_source(source, recipe.root, card, tasks, partial(data.wants, part)) for source in data.sources(part)
        ]
        for part in PARTS
    }
    _check_unseen(recipe, scenes)
    places = {"train": [_place(scene) for group in scenes["train"] for scene in group if scene.path]}
    pairs: dict[str, list[Pair]] = {}
    scored: tuple[Part, ...] = ("validation", "test")
    for part in scored:
        pairs[part], places[part] = part_pairs(recipe, card, part)
    flat = {part: [scene for group in groups for scene in group] for part, groups in scenes.items()}
    known = digests([file for own in flat.values() for scene in own for file in scene.files], watch)
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if one == "train" or not data.select_on_test:
            names = WORDS[one], WORDS[other]
            check_apart(places[one], places[other], names)
            check_copies(flat[one], flat[other], known, names)
    scenes["train"] = keep_in_memory(scenes["train"], data.memory_mb * MEGABYTE)
    identities = {part: _identity(flat[part], known) for part in ("train", "validation")}
    return Split(scenes, pairs["validation"], pairs["test"], recipe.judges, identities)


PARTS: tuple[Part, ...] = ("train", "validation", "test")


def _check_unseen(recipe: PixelRecipe, scenes: Mapping[str, Scenes]) -> None:
    """DataError where unseen places are all there is to train on or to choose by, or a name of one is no place."""
    unseen = recipe.data.unseen
    if not unseen:
        return
    for part in ("train", "validation"):
        if not any(scenes[part]):
            raise DataError(f"data.unseen: no image is left for data.{part}; leave out fewer places")
    found = {
        source.place_of(recipe.root, scene.path) if scene.path else source.place or DRAWN
        for source, own in zip(recipe.data.sources("test"), scenes["test"], strict=True)
        for scene in own
    }
    if unknown := [name for name in unseen if name not in found]:
        raise DataError(f"data.unseen: no image is of {unknown[0]!r}; {_places(recipe, scenes)}")


def _places(recipe: PixelRecipe, scenes: Mapping[str, Scenes]) -> str:
    """The places of the images that are left, in words."""
    names = {
        source.place_of(recipe.root, scene.path)
        for source, own in zip(recipe.data.train, scenes["train"], strict=True)
        for scene in own
        if scene.path
    }
    return f"there are {', '.join(sorted(names))}"


WORDS = {"train": "training", "validation": "validation", "test": "test"}


def _identity(scenes: Sequence[Scene], known: Mapping[Path, str]) -> Identity:
    files = [[known[file] for file in scene.files] for scene in scenes]
    return identity(sum(map(bool, files)), (" ".join(own) for own in files))


def part_pairs(recipe: PixelRecipe, card: Card, part: Part) -> tuple[list[Pair], list[Placed]]:
    """The images of a recipe's part with their ground truth for every task of the card, and where they lie."""
    tasks, wanted = recipe.labelled(card), partial(recipe.data.wants, part)
    found = [scored_pairs(source, recipe.root, card, tasks, wanted) for source in recipe.data.sources(part)]
    pairs = [with_edges(pair, recipe.edges, card) for ours, _ in found for pair in ours]
    return pairs, [place for _, theirs in found for place in theirs]


def _place(scene: Scene) -> Placed:
    assert scene.path is not None
    return scene.path, scene.grid


def make_stream(recipe: PixelRecipe, card: Card, train: Sequence[list[Scene]]) -> Stream:
    """The stream of training windows."""
    pools = [
        (source.weight, Pool(scenes, source.by), source.augment(recipe.augment))
        for source, scenes in zip(recipe.data.train, train, strict=True)
        if scenes
    ]
    return Stream(pools, card, recipe.labelled(card), recipe.train.crop, recipe.train.seed)


def make_model(recipe: PixelRecipe, card: Card, stream: Stream) -> Model:
    """The model with its starting weights; the stream's first windows initialise batch norms that the weights lack."""
    model = build(card, recipe.train.seed)
    _check_batch(model, recipe)
    first = partial(stream.batch, 0, recipe.train.batch)
    start_encoder(model, recipe.net, recipe.root, lambda: model.normalise(first()["image"]))
    return model


def _check_batch(model: Model, recipe: PixelRecipe) -> None:
    """RecipeError if a process gets one image a step, and the net has batch norms on maps of one pixel."""
    if recipe.train.batch > recipe.train.devices * recipe.train.nodes:
        return
    try:
        count(model.train(), recipe.train.crop, recipe.train.crop, len(model.card.bands))
    except ValueError:  # torch raises it for a batch norm with a single value
        raise RecipeError(
            f"train.batch {recipe.train.batch} leaves one image per process and step; {recipe.net.name} needs two, "
            "because it has batch norms on maps of one pixel"
        ) from None
