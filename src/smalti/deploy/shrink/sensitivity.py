"""What each layer costs in accuracy when it alone is in 8 bits."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from smalti.arrays import Floats, Pixels
from smalti.deploy.shrink.quantize import Quantizer
from smalti.scene import Predictor

TILES = 4
"""Tiles on which layers are compared."""


def sensitivity(
    quantizer: Quantizer, start: Callable[[bytes], Predictor], exact: Predictor, tiles: Sequence[Pixels]
) -> Iterator[tuple[str, float]]:
    """Each layer with the mean difference of the predictions, relative to the spread of those of the exact model.

    `start` runs a graph, `tiles` are raw pixels 1,C,H,W.
    """
    chosen = [tiles[int(at)] for at in np.linspace(0, len(tiles) - 1, min(len(tiles), TILES))]
    expected = [exact(tile) for tile in chosen]
    for layer in quantizer.layers:
        predict = start(quantizer.with_one(layer))
        yield layer, float(np.mean([_apart(one, predict(tile)) for one, tile in zip(expected, chosen, strict=True)]))


def _apart(expected: dict[str, Floats], found: dict[str, Floats]) -> float:
    """The mean over the tasks of the mean difference, relative to the standard deviation."""
    return float(
        np.mean([np.abs(one - found[name]).mean() / max(float(one.std()), 1e-6) for name, one in expected.items()])
    )
