"""Batches of images: an endless stream for training, the n-th of which depends only on the seed and n; single passes.

Each pass visits all training images in a new random order; a batch may span two passes.
"""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from itertools import count
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smalti.ahead import run_ahead
from smalti.arrays import Picture
from smalti.data.images.augment import ImageAugment, centre_box, change_light, random_box
from smalti.data.images.decode import Choose, cut
from smalti.data.images.labelled import Labelled

Cut = Callable[[Sequence[str], Sequence[Choose]], list[Picture]]
"""Crops files to square RGB images of one size, each by its function that returns the box."""

VIEW, ORDER, MIX = range(3)
"""The purpose of a stream of random numbers; part of its seed."""


class ImageBatch(TypedDict):
    """Images of one size with their targets."""

    image: Tensor
    """N,3,SIZE,SIZE uint8"""
    targets: dict[str, Tensor]
    """N by task: int64 class ids with -1 where unknown, float32 values with NaN where unknown."""
    share: Tensor
    """N float32: mixup weight of each image; its neighbour (0 with 1, 2 with 3, ...) has the rest."""
    names: list[str]


class OpenCvCutter:
    """Crops one file after the other in the caller's thread; a `Cut`."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, paths: Sequence[str], choices: Sequence[Choose]) -> list[Picture]:
        """See `Cut`."""
        return [cut(path, choose, self._size) for path, choose in zip(paths, choices, strict=True)]


class ImageStream:
    """Random crops of all images, pass by pass; each image occurs in a pass as often as its source states."""

    def __init__(self, images: Labelled, repeats: Sequence[int], augment: ImageAugment, cutter: Cut, seed: int) -> None:
        """`repeats` is how often each image occurs in a pass."""
        self._images, self._augment, self._cut, self._seed = images, augment, cutter, seed
        self._places: NDArray[np.int64] = np.repeat(np.arange(len(images.files)), repeats)
        self._orders: dict[int, NDArray[np.int64]] = {}

    @property
    def length(self) -> int:
        """Number of images in one pass."""
        return len(self._places)

    def place(self, number: int) -> int:
        """The index of the n-th image of the stream."""
        lap, at = divmod(number, self.length)
        order = self._orders.get(lap)
        if order is None:
            order = np.random.default_rng([self._seed, ORDER, lap]).permutation(self._places)
            self._orders = {old: kept for old, kept in self._orders.items() if old == lap - 1} | {lap: order}
        return int(order[at])

    def batch(self, number: int, size: int, share: range | None = None) -> ImageBatch:
        """The n-th batch of `size` images, or only its images at the indices in `share`."""
        numbers = [number * size + at for at in share or range(size)]
        places = [self.place(at) for at in numbers]
        rngs = [np.random.default_rng([self._seed, VIEW, at]) for at in numbers]
        choices = [partial(random_box, augment=self._augment, rng=rng) for rng in rngs]
        images = self._cut([self._images.files[place] for place in places], choices)
        images = [change_light(image, self._augment, rng) for image, rng in zip(images, rngs, strict=True)]
        return to_batch(images, self._images, places, [self._mixup_weight(at) for at in numbers])

    def _mixup_weight(self, number: int) -> float:
        """The mixup weight of the n-th image, equal for both images of a pair."""
        alpha = self._augment.mixup
        return float(np.random.default_rng([self._seed, MIX, number // 2]).beta(alpha, alpha)) if alpha else 1.0

    def batches(
        self, start: int, size: int, workers: int, share: range | None = None
    ) -> Generator[ImageBatch, None, None]:
        """Batches, or a share of each, from number `start` on, prefetched by `workers` threads."""
        return run_ahead((partial(self.batch, number, size, share) for number in count(start)), workers)


def one_pass(
    images: Labelled, places: range, size: int, share: float, cutter: Cut, workers: int
) -> Generator[ImageBatch, None, None]:
    """Centre crops of the images at some indices, in batches of at most `size`.

    `share` is the side of the crop divided by the image's shorter side.
    """
    choose = partial(centre_box, share=share)

    def make(part: range) -> ImageBatch:
        cuts = cutter([images.files[place] for place in part], [choose] * len(part))
        return to_batch(cuts, images, part, [1.0] * len(part))

    return run_ahead((partial(make, places[at : at + size]) for at in range(0, len(places), size)), workers)


def to_batch(pixels: Sequence[Picture], images: Labelled, places: Sequence[int], shares: Sequence[float]) -> ImageBatch:
    """A batch of images SIZE,SIZE,3 with the targets at their indices."""
    return ImageBatch(
        image=torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous(),
        targets={task: torch.from_numpy(targets[list(places)]) for task, targets in images.targets.items()},
        share=torch.tensor(shares, dtype=torch.float32),
        names=[images.files[place] for place in places],
    )
