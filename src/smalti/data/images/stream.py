"""Batches of images: an endless stream to train on, the n-th a function of the seed and n alone, and single passes.

Each pass over the training images has all of them, in an order of its own; a batch may lie in two passes.
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
from smalti.data.images.augment import ImageAugment, change_light, middle_view, random_view
from smalti.data.images.decode import Choose, cut
from smalti.data.images.labelled import Labelled

Cut = Callable[[Sequence[str], Sequence[Choose]], list[Picture]]
"""From files, and the box to take of each, to square RGB images of one size."""

VIEW, ORDER, MIX = range(3)
"""What a stream of random numbers is for."""


class ImageBatch(TypedDict):
    """Images of one size with what is known about each."""

    image: Tensor
    """N,3,SIZE,SIZE uint8"""
    targets: dict[str, Tensor]
    """N by task: int64 class ids with -1 where unknown, float32 values with NaN where unknown."""
    share: Tensor
    """N float32: how much of each image is to be its own; the rest is its neighbour's (0 with 1, 2 with 3, ...)."""
    names: list[str]


class OpenCvCutter:
    """See `Cut`: one file after the other, in the thread that asks."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, paths: Sequence[str], choices: Sequence[Choose]) -> list[Picture]:
        """See `Cut`."""
        return [cut(path, choose, self._size) for path, choose in zip(paths, choices, strict=True)]


class ImageStream:
    """Random views of all images, pass by pass; an image comes as often in each as its source says."""

    def __init__(self, images: Labelled, repeats: Sequence[int], augment: ImageAugment, cutter: Cut, seed: int) -> None:
        """`repeats` is how often each image comes in a pass."""
        self._images, self._augment, self._cut, self._seed = images, augment, cutter, seed
        self._places: NDArray[np.int64] = np.repeat(np.arange(len(images.files)), repeats)
        self._orders: dict[int, NDArray[np.int64]] = {}

    @property
    def length(self) -> int:
        """Images in one pass."""
        return len(self._places)

    def place(self, number: int) -> int:
        """Which image the n-th one of the stream is."""
        lap, at = divmod(number, self.length)
        order = self._orders.get(lap)
        if order is None:
            order = np.random.default_rng([self._seed, ORDER, lap]).permutation(self._places)
            self._orders = {old: kept for old, kept in self._orders.items() if old == lap - 1} | {lap: order}
        return int(order[at])

    def batch(self, number: int, size: int, share: range | None = None) -> ImageBatch:
        """The n-th batch of `size` images, or those of its images that `share` names."""
        numbers = [number * size + at for at in share or range(size)]
        places = [self.place(at) for at in numbers]
        rngs = [np.random.default_rng([self._seed, VIEW, at]) for at in numbers]
        choices = [partial(random_view, augment=self._augment, rng=rng) for rng in rngs]
        images = self._cut([self._images.files[place] for place in places], choices)
        images = [change_light(image, self._augment, rng) for image, rng in zip(images, rngs, strict=True)]
        return to_batch(images, self._images, places, [self._share(at) for at in numbers])

    def _share(self, number: int) -> float:
        """How much of the n-th image is its own; the same for it and its neighbour."""
        alpha = self._augment.mixup
        return float(np.random.default_rng([self._seed, MIX, number // 2]).beta(alpha, alpha)) if alpha else 1.0

    def batches(
        self, start: int, size: int, workers: int, share: range | None = None
    ) -> Generator[ImageBatch, None, None]:
        """Batches, or a share of each, from the `start`-th on, made by `workers` threads ahead of time."""
        return run_ahead((partial(self.batch, number, size, share) for number in count(start)), workers)


def one_pass(
    images: Labelled, places: range, size: int, share: float, cutter: Cut, workers: int
) -> Generator[ImageBatch, None, None]:
    """The images at some places, the middle of each, in batches of at most `size`.

    `share` is the side of the square in the middle by the image's shorter side.
    """
    choose = partial(middle_view, share=share)

    def make(part: range) -> ImageBatch:
        cuts = cutter([images.files[place] for place in part], [choose] * len(part))
        return to_batch(cuts, images, part, [1.0] * len(part))

    return run_ahead((partial(make, places[at : at + size]) for at in range(0, len(places), size)), workers)


def to_batch(pixels: Sequence[Picture], images: Labelled, places: Sequence[int], shares: Sequence[float]) -> ImageBatch:
    """Images SIZE,SIZE,3 with the answers of their places."""
    return ImageBatch(
        image=torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous(),
        targets={task: torch.from_numpy(answers[list(places)]) for task, answers in images.answers.items()},
        share=torch.tensor(shares, dtype=torch.float32),
        names=[images.files[place] for place in places],
    )
