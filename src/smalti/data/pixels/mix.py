"""Two windows become one: a part of the second is laid over the first, with its labels and its validity.

CutMix (Yun et al., ICCV 2019) cuts a rectangle: a share of the area is drawn evenly, the rectangle has the shape of
the window, its centre lies anywhere, and what reaches beyond the border is cut off. There one label per image is
weighed by area; here every pixel keeps its own. ClassMix (Olsson et al., WACV 2021) cuts along classes: half of those
in the second window, rounded up, are drawn, and all their pixels are taken. There the classes are a net's guesses on
images without labels; here they are the labels, and what is ignored or not valid is never taken.

Which windows are mixed, and with which, is a function of the seed and the window's number: see `pixels.stream`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from smalti.arrays import Mask
from smalti.card import Task
from smalti.data.pixels.sample import Patch, known

Mix = Literal["none", "cutmix", "classmix"]


def mixed(below: Patch, above: Patch, mix: Mix, tasks: Sequence[Task], rng: np.random.Generator) -> Patch:
    """`below` with a part of `above`, a patch of the same size, over it; both have targets for all of the tasks."""
    taken = MASKS[mix](above, tasks, rng)
    return replace(
        below,
        image=np.where(taken[..., None], above.image, below.image),
        targets={name: np.where(taken, above.targets[name], target) for name, target in below.targets.items()},
        valid=np.where(taken, above.valid, below.valid),
        name=f"{below.name} under {above.name}",
    )


def _rectangle(above: Patch, tasks: Sequence[Task], rng: np.random.Generator) -> Mask:
    """A rectangle of the window's shape, cut off at its border."""
    shape = np.array(above.valid.shape)
    half = shape * math.sqrt(rng.random()) / 2
    middle = rng.random(2) * shape
    first, end = (np.clip(np.rint(side), 0, shape).astype(int) for side in (middle - half, middle + half))
    taken = np.zeros(above.valid.shape, bool)
    taken[first[0] : end[0], first[1] : end[1]] = True
    return taken


def _classes(above: Patch, tasks: Sequence[Task], rng: np.random.Generator) -> Mask:
    """All pixels of half of the classes of the first task that has some; none where there is no such task."""
    taken: Mask = np.zeros(above.valid.shape, bool)
    for task in [task for task in tasks if task.kind == "classes"][:1]:
        labels = above.targets[task.name]
        labelled = above.valid & known(task, labels)
        present = np.unique(labels[labelled])
        drawn = rng.permutation(present)[: math.ceil(len(present) / 2)]
        taken = labelled & np.isin(labels, drawn)
    return taken


MASKS: dict[Mix, Callable[[Patch, Sequence[Task], np.random.Generator], Mask]] = {
    "cutmix": _rectangle,
    "classmix": _classes,
}
"""What of the second window is taken, (H, W)."""
