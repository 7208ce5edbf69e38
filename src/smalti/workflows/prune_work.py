"""The steps that prune a model: its weights, tiles, search and checkpoint. Needs torch."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from smalti.arrays import Pixels
from smalti.card import Card, Origin
from smalti.deploy.calibration_tiles import calibration_tiles, drawn_tiles, spread
from smalti.deploy.prune.search import BySize, prune
from smalti.errors import ModelError
from smalti.files import beside, guarded
from smalti.nets.build import Model, build
from smalti.runtime.models import find_model, verify
from smalti.training.checkpoint import load_checkpoint, save_checkpoint
from smalti.training.model_file import ModelWeights
from smalti.watch import Say
from smalti.workflows.models import checkpoint_folder

SEEDS = range(4001, 4017)
"""Drawn scenes, where no images are given."""
MOST = 16
"""Tiles of given images, spread over all of them."""


def prune_to(
    model: str, out: Path, times: float, tiles_for: Callable[[Card], list[Pixels]], say: Say, *, by_size: bool = False
) -> tuple[float, float, int, int]:
    """Prunes a model into the folder of a checkpoint; raises the errors of `smalti.workflows.prune`.

    Args:
        model: See there.
        out: The folder.
        times: How many times as fast it is to be, or as small.
        tiles_for: Gives tiles of raw pixels 1,C,H,W that it is meant for.
        say: Called before each round.
        by_size: Channels go that matter least for their parameters, not for their time.

    Returns milliseconds, or thousands of parameters, before and after, and the numbers of parameters before and after.
    """
    checkpoint = checkpoint_folder(model)
    found = ModelWeights(verify(find_model(model))) if checkpoint is None else load_checkpoint(checkpoint)
    card = found.card if isinstance(found, ModelWeights) else found[0]
    if any(task.kind == "score" or task.per_image for task in card.tasks):
        raise ModelError(f"{model}: predicts no map; only models of pixels are pruned", value=model)
    tiles = tiles_for(card)
    weights = found.unfolded(_batch(tiles)) if isinstance(found, ModelWeights) else found[1]
    net = build(card.model_copy(update={"unlike": None}), seed=0)
    net.load_state_dict(weights, strict=not isinstance(found, ModelWeights))  # a file lacks auxiliary heads
    before = _parameters(net)
    done = prune(net, times, tiles, say, BySize(net) if by_size else None)
    what = f"{done.before / done.after:.2f} times {'as small' if by_size else 'the speed'}"
    pruned = _card(card, card.narrowed | done.sizes, what)
    folder = beside(out, "partial")
    with guarded(out):
        shutil.rmtree(folder, ignore_errors=True)
        save_checkpoint(folder, pruned, net.state_dict())
        folder.rename(out)
    return done.before, done.after, before, _parameters(net)


def image_tiles(images: Sequence[str], card: Card) -> list[Pixels]:
    """Tiles of given images, or of drawn scenes."""
    if not images:
        return drawn_tiles(card, SEEDS)
    return spread([tile for each in images for tile in calibration_tiles(each, card)], MOST)


def _batch(tiles: Sequence[Pixels]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([np.ascontiguousarray(tile) for tile in tiles[:4]]))


def _parameters(net: Model) -> int:
    return sum(value.numel() for value in net.parameters())


def _card(card: Card, sizes: dict[str, tuple[int, ...]], what: str) -> Card:
    """Scores, temperatures and what is unlike the training were measured on the whole net."""
    tasks = tuple(task.model_copy(update={"temperature": None}) for task in card.tasks)
    origin = Origin(
        data=card.origin.data,
        licence=card.origin.licence,
        recipe=f"{card.name}, pruned to {what}",
        good_for="training further",
        not_for="maps: it was not trained since it was pruned",
    )
    return card.model_copy(update={"narrowed": sizes, "tasks": tasks, "unlike": None, "origin": origin})
