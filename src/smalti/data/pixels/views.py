"""Two views of each window to learn from without labels: a weak one for the teacher, a strong one for the student.

Both show the same pixels. The weak view has the colours of the image, the strong one has changed colours, blur and,
where the recipe mixes styles, the style of a labelled window. The n-th window depends only on the seed and n.
Augmentations of other packages are for labelled windows alone: they may move pixels.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from smalti.card import Card, Task
from smalti.data.pixels.augment import finished
from smalti.data.pixels.colours import Colours, change_colours, to_white
from smalti.data.pixels.sample import Patch, Views, completed, to_sample
from smalti.data.pixels.style import styled
from smalti.data.pixels.windows import Pools, Windows

VIEWS = 3
"""Third part of the seed, beside those of `stream`."""


class ViewStream:
    """Random windows of several sources in two views."""

    def __init__(
        self, pools: Pools, strong: Colours, card: Card, task: Task, *, crop: int, seed: int, size: int, looks: Windows
    ) -> None:
        """`pools` may have labels of the task; `looks` are the windows whose styles are mixed in.

        A batch has `size` windows.
        """
        self._windows = Windows(pools, card, crop)
        self._strong, self._card, self._task = strong, card, task
        self._seed, self._size, self._looks = seed, size, looks

    def batch(self, number: int) -> Views:
        """The n-th batch."""
        return _stacked([self._views(number * self._size + k) for k in range(self._size)])

    def _views(self, number: int) -> Views:
        rng = np.random.default_rng([self._seed, number, VIEWS])
        source = self._windows.choose(rng)
        weak = self._windows.plain(source, rng)
        strong = replace(weak, image=change_colours(weak.image, self._strong, to_white(self._card), rng))
        style = self._windows.augment(source).style
        if style and rng.random() < style.chance:
            look = self._looks.window(self._looks.choose(rng), rng)
            strong = styled(strong, look, style, self._card, rng)
        return self._pair(weak, strong, rng)

    def _pair(self, weak: Patch, strong: Patch, rng: np.random.Generator) -> Views:
        """One window, with a leading axis of 1."""
        plain, changed = (to_sample(completed(finished(patch, self._card), [self._task])) for patch in (weak, strong))
        classes = len(self._task.labels)
        return Views(
            weak=plain["image"][None],
            strong=changed["image"][None],
            labels=plain["targets"][self._task.name][None],
            valid=plain["valid"][None],
            order=torch.from_numpy(rng.random((1, classes), np.float32)),
            chance=torch.from_numpy(rng.random(1, np.float32)),
            names=[f"{weak.name} (without labels)"],
        )


def _stacked(each: Sequence[Views]) -> Views:
    """Windows joined along the first axis."""
    return Views(
        weak=torch.cat([one["weak"] for one in each]),
        strong=torch.cat([one["strong"] for one in each]),
        labels=torch.cat([one["labels"] for one in each]),
        valid=torch.cat([one["valid"] for one in each]),
        order=torch.cat([one["order"] for one in each]),
        chance=torch.cat([one["chance"] for one in each]),
        names=[name for one in each for name in one["names"]],
    )
