"""Connected components: of pixels of one class, by their sides, and of ids, by pairs."""

import numpy as np
from numpy.typing import NDArray


def connected(classes: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Labels (H, W) of the areas of classes (H, W) from 0, connected by pixel sides; and the class of each area.

    Areas are numbered by their class, those of one class in the order of their first pixels, row by row. What is
    connected are runs, the pixels of one class side by side in a row, of which there are far fewer than pixels.
    """
    height, width = classes.shape
    begins = np.ones((height, width), bool)  # H,W: where a run begins
    np.not_equal(classes[:, 1:], classes[:, :-1], out=begins[:, 1:])
    runs = np.cumsum(begins, dtype=np.int32)  # H*W: the run of each pixel, from 1
    first = np.flatnonzero(begins)  # R: the first pixel of each run
    # Of two runs below each other the first column that both have is one where either begins.
    touch = np.flatnonzero((classes[1:] == classes[:-1]) & (begins[1:] | begins[:-1]))
    root = components(len(first), runs[touch] - 1, runs[touch + width] - 1)  # R
    areas = np.flatnonzero(root == np.arange(len(first)))  # A: the first run of each area
    kinds = classes.ravel()[first[areas]]  # A
    order = np.argsort(kinds, kind="stable")
    number = np.empty(len(first), np.int32)
    number[areas[order]] = np.arange(len(areas), dtype=np.int32)
    lengths = np.diff(first, append=height * width)  # R
    return np.repeat(number[root], lengths).reshape(height, width), kinds[order]


def components(count: int, one: NDArray[np.integer], other: NDArray[np.integer]) -> NDArray[np.intp]:
    """For each of `count` ids the smallest id that the pairs `one`, `other` connect it with."""
    root = np.arange(count)
    while len(one):
        a, b = root[one], root[other]
        least = np.minimum(a, b)
        np.minimum.at(root, a, least)
        np.minimum.at(root, b, least)
        while not np.array_equal(root, up := root[root]):
            root = up
        apart = root[one] != root[other]
        one, other = one[apart], other[apart]
    return root
