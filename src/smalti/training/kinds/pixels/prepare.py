"""From a recipe to what the loop needs: sources opened and checked to be disjoint, the model built and initialised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from smalti.card import Card
from smalti.data.identity import Identity, digests, identity
from smalti.data.pixels.augment import Augment
from smalti.data.pixels.copies import check_copies
from smalti.data.pixels.leakage import Placed, check_apart
from smalti.data.pixels.pool import Pool
from smalti.data.pixels.scenes import Scene, keep_in_memory
from smalti.data.pixels.scored import scored_pairs
from smalti.data.pixels.sources import DRAWN, open_source
from smalti.data.pixels.stream import Stream
from smalti.data.pixels.views import ViewStream
from smalti.data.pixels.window_source import WindowSource
from smalti.data.pixels.windows import Pools, Windows
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
WITHOUT_LABELS = 1
"""Second part of the seed of the windows without labels that a teacher answers for."""

Scenes = list[list[Scene]]
"""By source."""


@dataclass(frozen=True)
class Split:
    """The scenes to train on, those that choose the checkpoint, and those that are only scored."""

    scenes: dict[str, Scenes]
    """By part: train, validation, test."""
    unlabelled: Scenes
    """To learn from without labels."""
    validation: list[Pair]
    test: list[Pair]
    judges: str
    """The images that choose the checkpoint, in words."""
    identity: dict[str, Identity]
    """Identity by content of the data that influence weights and checkpoint: train, validation, unlabelled."""

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

    @property
    def unlabelled_text(self) -> str:
        """The images without labels, as text."""
        scenes = [scene for group in self.unlabelled for scene in group]
        pixels = sum(scene.grid.height * scene.grid.width for scene in scenes) / 1e6
        return f"{counted(len(scenes), 'image')}, {pixels:.1f} MPix"


def open_split(recipe: PixelRecipe, card: Card, watch: Watch = unwatched) -> Split:
    """Opens every source; DataError if the parts overlap on the ground, share files, or have copied images."""
    data, tasks = recipe.data, recipe.labelled(card)
    scenes: dict[str, Scenes] = {
        part: [
            open_source(source, recipe.root, card, tasks, partial(data.wants, part)) for source in data.sources(part)
        ]
        for part in PARTS
    }
    unlabelled = [source.open(recipe.root, card, partial(data.wants, "train")) for source in data.unlabelled]
    _check_unseen(recipe, scenes, unlabelled)
    places = {
        part: [_place(scene) for group in groups for scene in group if scene.path]
        for part, groups in (("train", scenes["train"]), ("unlabelled", unlabelled))
    }
    pairs: dict[str, list[Pair]] = {}
    scored: tuple[Part, ...] = ("validation", "test")
    for part in scored:
        pairs[part], places[part] = part_pairs(recipe, card, part)
    parts = scenes | {"unlabelled": unlabelled}
    flat = {part: [scene for group in groups for scene in group] for part, groups in parts.items()}
    known = digests([file for own in flat.values() for scene in own for file in scene.files], watch)
    for one, other in APART:
        if one != "validation" or not data.select_on_test:
            names = WORDS[one], WORDS[other]
            check_apart(places[one], places[other], names)
            check_copies(flat[one], flat[other], known, names)
    kept = keep_in_memory([*scenes["train"], *unlabelled], data.memory_mb * MEGABYTE)
    scenes["train"], unlabelled = kept[: len(data.train)], kept[len(data.train) :]
    which = ("train", "validation", *(["unlabelled"] if unlabelled else []))
    identities = {part: _identity(flat[part], known) for part in which}
    return Split(scenes, unlabelled, pairs["validation"], pairs["test"], recipe.judges, identities)


PARTS: tuple[Part, ...] = ("train", "validation", "test")
APART = (
    ("train", "validation"),
    ("train", "test"),
    ("unlabelled", "validation"),
    ("unlabelled", "test"),
    ("validation", "test"),
)
"""Parts that must not show the same ground."""


def _check_unseen(recipe: PixelRecipe, scenes: Mapping[str, Scenes], unlabelled: Scenes) -> None:
    """DataError where unseen places are all there is to learn from or to choose by, or a name of one is no place."""
    unseen = recipe.data.unseen
    if not unseen:
        return
    for part in ("train", "validation"):
        if not any(scenes[part]):
            raise DataError(f"data.unseen: no image is left for data.{part}; leave out fewer places")
    if unlabelled and not any(unlabelled):
        raise DataError("data.unseen: no image is left for data.unlabelled; leave out fewer places")
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


WORDS = {"train": "training", "unlabelled": "training without labels", "validation": "validation", "test": "test"}


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


def make_stream(recipe: PixelRecipe, card: Card, split: Split) -> Stream:
    """The stream of training windows, with those without labels if the recipe learns from such."""
    t, tasks = recipe.train, recipe.labelled(card)
    pools = [_pool(recipe, *own) for own in zip(recipe.data.train, split.train, strict=True) if own[1]]
    further = [_pool(recipe, *own) for own in zip(recipe.data.unlabelled, split.unlabelled, strict=True) if own[1]]
    looks = Windows([*pools, *further], card, t.crop)
    views = None
    if ours := recipe.self_training:
        sources = [source for source, scenes in zip(recipe.data.train, split.train, strict=True) if scenes]
        partly = [pool for source, pool in zip(sources, pools, strict=True) if any(source.sets(tasks, "").values())]
        own = _shared(further, partly, ours.partial)
        views = ViewStream(own, ours.strong, card, tasks[0], crop=t.crop, seed=t.seed, size=ours.batch, looks=looks)
    without = None
    if recipe.distilled:
        seed = int(np.random.SeedSequence([t.seed, WITHOUT_LABELS]).generate_state(1, np.uint64)[0])
        styles = Windows([*further, *pools], card, t.crop)
        without = Stream(further, card, tasks, t.crop, seed, looks=styles), recipe.distilled
    return Stream(pools, card, tasks, t.crop, t.seed, looks=looks, views=views, further=without)


def _pool(recipe: PixelRecipe, source: WindowSource, scenes: list[Scene]) -> tuple[float, Pool, Augment]:
    return source.weight, source.pool(scenes), source.augment(recipe.augment)


def _shared(unlabelled: Pools, partial: Pools, share: float) -> Pools:
    """Both, with weights such that the second ones have a share of the windows; RecipeError if there are none."""
    if share and not partial:
        raise RecipeError("unlabelled.partial: no source of data.train has labels that leave classes open; set it to 0")
    return [*_scaled(unlabelled, 1 - share), *_scaled(partial, share)]


def _scaled(pools: Pools, total: float) -> Pools:
    """The pools, with weights of this sum; none for a sum of 0."""
    every = sum(weight for weight, _, _ in pools)
    return [(weight * total / every, pool, augment) for weight, pool, augment in pools] if total else []


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
