"""Connected components: of pixels of one class, by their sides, and of ids, by pairs."""

import numpy as np
from numpy.typing import NDArray


def connected(classes: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Labels (H, W) of the areas of classes (H, W) from 0, connected by pixel sides; and the class of each area."""
    import cv2

    labels = np.zeros(classes.shape, np.int32)
    kinds: list[int] = []
    for value in np.flatnonzero(np.bincount(classes.ravel(), minlength=256)):
        mask = (classes == value).view(np.uint8)
        count, found = cv2.connectedComponents(mask, connectivity=4, ltype=cv2.CV_32S)
        found += len(kinds) - 1
        np.copyto(labels, found, where=mask.view(bool))
        kinds += [int(value)] * (count - 1)
    return labels, np.array(kinds, np.uint8)


def components(count: int, one: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.intp]:
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
