"""Mixes two windows: pastes a part of the second one into the first, with its labels and validity.

CutMix (Yun et al., ICCV 2019) pastes a rectangle: its share of the area is drawn uniformly, it has the aspect ratio of
the window, its centre lies anywhere, and it is clipped at the border. The paper weights one label per image by area;
here every pixel keeps its own label. ClassMix (Olsson et al., WACV 2021) pastes all pixels of half of the second
window's classes, rounded up. The paper uses predicted classes of unlabelled images; here the classes are the labels,
and ignored or invalid pixels are never pasted.

Which windows are mixed, and with which others, depends only on the seed and the window's number: see `pixels.stream`.
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
    """Pastes a part of `above` into `below`; both patches have the same size and targets for all tasks."""
    taken = MASKS[mix](above, tasks, rng)
    return replace(
        below,
        image=np.where(taken[..., None], above.image, below.image),
        targets={name: np.where(taken, above.targets[name], target) for name, target in below.targets.items()},
        valid=np.where(taken, above.valid, below.valid),
        name=f"{below.name} under {above.name}",
    )


def _rectangle(above: Patch, tasks: Sequence[Task], rng: np.random.Generator) -> Mask:
    """The mask (H, W) of a rectangle with the window's aspect ratio, clipped at its border."""
    shape = np.array(above.valid.shape)
    half = shape * math.sqrt(rng.random()) / 2
    middle = rng.random(2) * shape
    first, end = (np.clip(np.rint(side), 0, shape).astype(int) for side in (middle - half, middle + half))
    taken = np.zeros(above.valid.shape, bool)
    taken[first[0] : end[0], first[1] : end[1]] = True
    return taken


def _classes(above: Patch, tasks: Sequence[Task], rng: np.random.Generator) -> Mask:
    """The mask (H, W) of half of the classes of the first task of classes; empty if there is no such task."""
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
"""Returns the mask (H, W) of the pixels of the second window to paste."""
