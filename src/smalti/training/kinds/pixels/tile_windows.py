"""Windows of a recipe's training data as a net sees them when it maps: of the size of its tiles, and not augmented."""

from collections.abc import Iterator
from functools import partial
from itertools import count

from smalti.card import Card
from smalti.data.pixels.augment import Augment
from smalti.data.pixels.sample import Patch
from smalti.data.pixels.scenes import keep_in_memory
from smalti.data.pixels.sources import open_source
from smalti.data.pixels.stream import Stream
from smalti.training.kinds.pixels.prepare import MEGABYTE, Scenes
from smalti.training.kinds.pixels.settings import Part, PixelRecipe


def part_scenes(recipe: PixelRecipe, card: Card, part: Part) -> Scenes:
    """The scenes of a part, by source; raises what the sources raise."""
    wanted, tasks = partial(recipe.data.wants, part), recipe.labelled(card)
    return [open_source(source, recipe.root, card, tasks, wanted) for source in recipe.data.sources(part)]


def tile_windows(recipe: PixelRecipe, card: Card) -> Iterator[Patch]:
    """Windows of the training data, without end, zoomed as in the training; always the same ones."""
    plain = Augment(preset="none", scale=recipe.augment.scale)
    scenes = keep_in_memory(part_scenes(recipe, card, "train"), recipe.data.memory_mb * MEGABYTE)
    pools = [
        (source.weight, source.pool(own), source.augment(plain))
        for source, own in zip(recipe.data.train, scenes, strict=True)
        if own
    ]
    stream = Stream(pools, card, recipe.labelled(card), card.tile, recipe.train.seed)
    yield from map(stream.patch, count())
