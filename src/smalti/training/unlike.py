"""Finds the numbers by which a card tells what is unlike its training (see `smalti.nets.unlike`).

Windows of the training data, every second one changed harshly, are sent through the net as tiles of a map. A logistic
regression learns in which of them less than `RIGHT` of the labelled pixels have a class that their label allows. The
means of the deepest map are reduced to `AXES` principal components first. The threshold comes from plain tiles of the
validation images alone: of those that are right, `FALSE_ALARMS` are above it.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from smalti.arrays import Mask
from smalti.card import Card, Task, Unlike
from smalti.data.pixels.harsh import harsh
from smalti.data.pixels.sample import Patch
from smalti.data.pixels.scenes import Scene
from smalti.errors import DataError
from smalti.label_sets import allowed_table
from smalti.nets.build import Model
from smalti.nets.unlike import find_encoder, kept_maps, summary
from smalti.tiling import Window, plan_tiles
from smalti.training.kinds.pixels.settings import PixelRecipe
from smalti.training.kinds.pixels.tile_windows import part_scenes, tile_windows
from smalti.watch import Watch, unwatched

RIGHT = 0.6
"""A tile with a smaller share of right pixels is wrong."""
ENOUGH = 0.02
"""The share of labelled pixels of a tile that counts."""
WINDOWS = 600
"""Windows of the training data."""
TILES = 300
"""Tiles of the validation data, at most, evenly spread over each of its sources."""
FALSE_ALARMS = 0.05
FEWEST = 10
"""Wrong and right windows, and right tiles of the validation data, that are needed."""
AXES = 16
SHRINKAGE = 30.0
"""Weight of the squared factors of the logistic regression, of features of deviation 1."""
_NEWTON_STEPS = 30
_LEAST = 1e-3
Doubles = NDArray[np.float64]


def find_unlike(model: Model, recipe: PixelRecipe, watch: Watch = unwatched) -> Unlike:
    """The numbers for the card of a model that was trained with the recipe.

    ModelError for a net without an encoder; DataError if too few tiles are right, or wrong; what the sources raise.
    """
    card = model.card
    judge = _Judge(model.eval(), next(task for task in recipe.labelled(card) if task.name == card.class_task().name))
    seen, wrong = judge.all(_windows(recipe, card), watch("unlike, training", WINDOWS, "windows"))
    for count, what in ((wrong.sum(), "less than"), ((~wrong).sum(), "at least")):
        if count < FEWEST:
            raise DataError(
                f"unlike: {count} of {len(wrong)} windows of the training have {what} {RIGHT:.0%} right pixels; "
                f"{FEWEST} are needed, half of the windows being changed: train longer, or export without it"
            )
    factors = fit(seen, wrong, len(card.class_task().labels))
    tiles = _tiles(recipe, card)
    judged, failed = judge.all(
        (scene.read(at) for scene, at in tiles), watch("unlike, validation", len(tiles), "tiles")
    )
    if (right := int((~failed).sum())) < FEWEST:
        raise DataError(
            f"unlike: {right} of {len(failed)} tiles of the validation images have at least {RIGHT:.0%} right pixels; "
            f"{FEWEST} are needed for a threshold: give more validation images"
        )
    values = _sigmoid(judged[~failed] @ factors[:-1] + factors[-1])
    threshold = float(np.quantile(values, 1 - FALSE_ALARMS))
    return _numbers(factors, len(card.class_task().labels), min(max(threshold, _LEAST), 1 - _LEAST))


def fit(features: Doubles, wrong: NDArray[np.bool_], classes: int) -> Doubles:
    """Factors of the features, and the bias at the end: F + 1.

    Args:
        features: N,F: channels of the deepest map, `classes` classes, entropy, confidence.
        wrong: N; both kinds occur.
        classes: their number.
    """
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    plain = (features - mean) / deviation  # N,F
    maps = plain.shape[1] - classes - 2
    _, sizes, rows = np.linalg.svd(plain[:, :maps], full_matrices=False)
    kept = min(AXES, int((sizes > 1e-6 * sizes[0]).sum()))
    turn = np.zeros((plain.shape[1], kept + classes + 2))  # F, reduced
    turn[:maps, :kept] = rows[:kept].T / sizes[:kept] * np.sqrt(len(plain))
    turn[maps:, kept:] = np.eye(classes + 2)
    reduced = _regression(plain @ turn, wrong.astype(np.float64))
    factors = turn @ reduced[:-1] / deviation
    return np.append(factors, reduced[-1] - factors @ mean)


def _regression(x: Doubles, y: Doubles) -> Doubles:
    """Logistic regression with squared factors added to the loss, by Newton's method: from N,D to D + 1 factors."""
    x = np.column_stack([x, np.ones(len(x))])
    shrink = np.full(x.shape[1], SHRINKAGE)
    shrink[-1] = 1e-6
    factors = np.zeros(x.shape[1])
    for _ in range(_NEWTON_STEPS):
        p = _sigmoid(x @ factors)
        slope = x.T @ (p - y) + shrink * factors
        factors -= np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + np.diag(shrink), slope)
    return factors


def _sigmoid(x: Doubles) -> Doubles:
    return np.asarray(1 / (1 + np.exp(-x)))


def _numbers(factors: Doubles, classes: int, threshold: float) -> Unlike:
    """What a card holds, in as many digits as matter."""
    *rest, bias = (float(f"{factor:.6g}") for factor in factors)
    maps = len(rest) - classes - 2
    return Unlike(
        maps=tuple(rest[:maps]),
        classes=tuple(rest[maps:-2]),
        entropy=rest[-2],
        confidence=rest[-1],
        bias=bias,
        threshold=float(f"{threshold:.4g}"),
    )


def _windows(recipe: PixelRecipe, card: Card) -> Iterator[Patch]:
    """Windows of the training data, every second one changed harshly."""
    for number, patch in enumerate(islice(tile_windows(recipe, card), WINDOWS)):
        yield harsh(patch, card, np.random.default_rng([recipe.train.seed, number])) if number % 2 else patch


def _tiles(recipe: PixelRecipe, card: Card) -> list[tuple[Scene, Window]]:
    """Tiles of the validation images, as they are mapped."""
    every = [
        [
            (scene, tile.read)
            for scene in scenes
            for tile in plan_tiles(scene.grid.height, scene.grid.width, card.tile, card.overlap, card.stride)
        ]
        for scenes in part_scenes(recipe, card, "validation")
    ]
    some = [tiles for tiles in every if tiles]  # all images of a source may be kept apart
    most = max(1, TILES // max(1, len(some)))
    return [tile for tiles in some for tile in tiles[:: -(-len(tiles) // most)]]


class _Judge:
    """What a net sees in tiles, and whether it is wrong there."""

    def __init__(self, model: Model, task: Task) -> None:
        self._model, self._task = model, task
        self._encoder = find_encoder(model, model.card)
        self._allowed = allowed_table(task)
        self._decided: Mask = np.asarray(self._allowed.any(axis=1))

    def all(self, patches: Iterable[Patch], done: Callable[[float], object]) -> tuple[Doubles, NDArray[np.bool_]]:
        """Features N,F and whether less than `RIGHT` is right, N, of those tiles with enough labels."""
        features, wrong = [], []
        for patch in patches:
            seen, best = self._look(patch)
            done(1)
            if self._task.name not in patch.targets:
                continue
            target = patch.targets[self._task.name]
            known = patch.valid & self._decided[target]
            if known.mean() >= ENOUGH:
                features.append(seen)
                wrong.append(bool(self._allowed[target, best][known].mean() < RIGHT))
        return np.array(features).reshape(len(wrong), -1 if wrong else 0), np.array(wrong, bool)

    @torch.inference_mode()
    def _look(self, patch: Patch) -> tuple[Doubles, NDArray[np.uint8]]:
        """The features of a tile, and the most probable class of each pixel (H, W)."""
        image = torch.from_numpy(np.ascontiguousarray(patch.image.transpose(2, 0, 1)[None], np.float32))
        with kept_maps(self._encoder) as maps:
            probabilities = self._model(image)[self._task.name].softmax(1)
        best = probabilities[0].argmax(0).numpy().astype(np.uint8)
        return summary(maps[0], probabilities)[0].double().numpy(), best
