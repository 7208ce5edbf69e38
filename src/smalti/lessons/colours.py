"""A further map of features: the image's own colours, their means and spreads in windows of several sizes.

Networks forget what does not help their classes; a place is often told apart by colours alone. The map is computed in
the graph, by pooling, so that a taught model is one file.
"""

import numpy as np

from smalti.card import Card
from smalti.lessons.made import Made

STEP = 4
"""Pixels of a cell of this map, in both directions."""
WINDOWS = (3, 7, 15)
"""Sides of the windows, in cells."""
_LEAST = 1e-4
"""Added to variances, of standardised pixels, before their root."""


def colour_map(made: Made, image: str, card: Card) -> str:
    """The name of a map 1,C,h,w with 2 + 2 * len(WINDOWS) values for each band of the image 1,bands,H,W."""
    factors = np.broadcast_to(card.scale / np.array(card.std), len(card.bands))
    shifts = (np.array(card.mean) / np.array(card.std)).astype(np.float32)[None, :, None, None]
    pixels = made.node("Sub", [made.scaled(image, factors), made.constant(shifts)])
    cell = {"kernel_shape": [STEP, STEP], "strides": [STEP, STEP]}
    mean = made.node("AveragePool", [pixels], **cell)
    squares = made.node("AveragePool", [made.node("Mul", [pixels, pixels])], **cell)
    found = [mean, _spread(made, mean, squares)]
    for side in WINDOWS:
        window = {"kernel_shape": [side, side], "pads": [side // 2] * 4}
        wide, wide_squares = (made.node("AveragePool", [each], **window) for each in (mean, squares))
        found += [wide, _spread(made, wide, wide_squares)]
    return made.node("Concat", found, axis=1)


def _spread(made: Made, mean: str, squares: str) -> str:
    """The standard deviation."""
    variance = made.node("Relu", [made.node("Sub", [squares, made.node("Mul", [mean, mean])])])
    return made.node("Sqrt", [made.node("Add", [variance, made.constant(np.array([_LEAST], np.float32))])])
