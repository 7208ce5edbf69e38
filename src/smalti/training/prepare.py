"""From a recipe to what the loop works with: sources opened and found apart, the model built and started."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from smalti.card import Card
from smalti.data.apart import Place, check_apart
from smalti.data.scenes import Scene
from smalti.data.scored import scored_pairs
from smalti.data.sources import Pool, keep_in_memory, open_source
from smalti.data.stream import Stream
from smalti.errors import RecipeError
from smalti.evaluation import Pair
from smalti.nets.build import Model, build
from smalti.nets.cost import count
from smalti.nets.weights import load_encoder
from smalti.training.encoder import encoder_of
from smalti.training.segmentation_settings import SegmentationRecipe

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Split:
    """What is trained on, what chooses the checkpoint, and what is only scored."""

    train: list[list[Scene]]
    """Scenes by source."""
    validation: list[Pair]
    test: list[Pair]
    judges: str
    """What chooses the checkpoint, in words."""

    def lines(self) -> list[str]:
        """What a person wants to know about it."""
        scenes = [scene for group in self.train for scene in group]
        pixels = sum(scene.grid.height * scene.grid.width for scene in scenes) / 1e6
        drawn = sum(scene.path is None for scene in scenes)
        return [
            f"train       {len(scenes) - drawn} images and {drawn} drawn scenes, {pixels:.1f} MPix",
            f"validation  {len(self.validation)} images (the checkpoint is chosen on {self.judges})",
            f"test        {len(self.test)} images",
        ]


def open_split(recipe: SegmentationRecipe, card: Card) -> Split:
    """Opens every source; DataError if ground or files of the parts overlap."""
    task = card.tasks[0]
    train = [open_source(source, recipe.root, card, card.tasks) for source in recipe.data.train]
    pairs, places = {}, {"training": [_place(s) for group in train for s in group if s.path]}
    for name, sources in (("validation", recipe.data.validation), ("test", recipe.data.test)):
        found = [scored_pairs(source, recipe.root, card, task) for source in sources]
        pairs[name] = [pair for ours, _ in found for pair in ours]
        places[name] = [place for _, theirs in found for place in theirs]
    for one, other in (("training", "validation"), ("training", "test"), ("validation", "test")):
        if one == "training" or not recipe.data.select_on_test:
            check_apart(places[one], places[other], (one, other))
    held = keep_in_memory(train, recipe.data.memory_mb * MEGABYTE)
    return Split(held, pairs["validation"], pairs["test"], recipe.judges)


def _place(scene: Scene) -> Place:
    assert scene.path is not None
    return scene.path, scene.grid


def make_stream(recipe: SegmentationRecipe, card: Card, train: Sequence[list[Scene]]) -> Stream:
    """The stream of training windows."""
    pools = [
        (source.weight, Pool(scenes, source.by), source.augment(recipe.augment))
        for source, scenes in zip(recipe.data.train, train, strict=True)
    ]
    return Stream(pools, card, card.tasks, recipe.train.crop, recipe.train.seed)


def make_model(recipe: SegmentationRecipe, card: Card, stream: Stream) -> Model:
    """The model with its starting weights; the stream's first windows start batch norms where the weights lack them."""
    torch.manual_seed(recipe.train.seed)
    model = build(card)
    _check_batch(model, recipe)
    if recipe.net.encoder_weights:
        with torch.no_grad():
            images = model.normalise(stream.batch(0, recipe.train.batch)["image"])
        source = recipe.net.encoder_weights
        path = source if source.startswith("hub:") else recipe.root / Path(source).expanduser()
        encoder = encoder_of(model, "net.encoder_weights")
        load_encoder(encoder, path, recipe.net.encoder_sha256, images)
    return model


def _check_batch(model: Model, recipe: SegmentationRecipe) -> None:
    """RecipeError if a process gets one image a step, and the net has batch norms on maps of one pixel."""
    if recipe.train.batch > recipe.train.devices * recipe.train.nodes:
        return
    try:
        count(model.train(), recipe.train.crop, recipe.train.crop, len(model.card.bands))
    except ValueError:  # torch's word for a batch norm that is given one value
        raise RecipeError(
            f"train.batch {recipe.train.batch} leaves one image per process and step; {recipe.net.name} needs two, "
            "for it has batch norms on maps of one pixel"
        ) from None
