"""Two windows become one: a part of the second is laid over the first, with its labels and its validity.

CutMix (Yun et al., ICCV 2019) cuts a rectangle: a share of the area is drawn evenly, the rectangle has the shape of
the window, its centre lies anywhere, and what reaches beyond the border is cut off. There one label per image is
weighed by area; here every pixel keeps its own. ClassMix (Olsson et al., WACV 2021) cuts along classes: half of those
in the second window, rounded up, are drawn, and all their pixels are taken. There the classes are a net's guesses on
images without labels; here they are the labels, and what is ignored or not valid is never taken.

Which windows are mixed, and with which, is a function of the seed and the window's number: see `smalti.data.stream`.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from smalti.data.sample import Patch

Mask = NDArray[np.bool_]
Mix = Literal["none", "cutmix", "classmix"]


def mixed(below: Patch, above: Patch, mix: Mix, ignore: int, rng: np.random.Generator) -> Patch:
    """`below` with a part of `above`, a patch of the same size, over it."""
    taken = MASKS[mix](above, ignore, rng)
    return replace(
        below,
        image=np.where(taken[..., None], above.image, below.image),
        labels=np.where(taken, above.labels, below.labels),
        valid=np.where(taken, above.valid, below.valid),
        name=f"{below.name} under {above.name}",
    )


def _rectangle(above: Patch, ignore: int, rng: np.random.Generator) -> Mask:
    """A rectangle of the window's shape, cut off at its border."""
    shape = np.array(above.labels.shape)
    half = shape * math.sqrt(rng.random()) / 2
    middle = rng.random(2) * shape
    first, end = (np.clip(np.rint(side), 0, shape).astype(int) for side in (middle - half, middle + half))
    taken = np.zeros(above.labels.shape, bool)
    taken[first[0] : end[0], first[1] : end[1]] = True
    return taken


def _classes(above: Patch, ignore: int, rng: np.random.Generator) -> Mask:
    """All pixels of half of the classes."""
    known = above.valid & (above.labels != ignore)
    present = np.unique(above.labels[known])
    drawn = rng.permutation(present)[: math.ceil(len(present) / 2)]
    taken: Mask = known & np.isin(above.labels, drawn)
    return taken


MASKS: dict[Mix, Callable[[Patch, int, np.random.Generator], Mask]] = {"cutmix": _rectangle, "classmix": _classes}
"""What of the second window is taken, (H, W)."""
