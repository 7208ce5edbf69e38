"""The endless stream of batches of series: the n-th depends only on the seed and n."""

from collections.abc import Generator, Sequence
from functools import partial
from itertools import count
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from smalti.ahead import run_ahead
from smalti.data.photos.augment import PhotoAugment, augmented
from smalti.data.photos.inputs import InputCache, SeriesInputs


class Comparison(TypedDict):
    """Photos of several series, and the known order of pairs of them."""

    image: Tensor
    """P,3,SIDE,SIDE uint8"""
    cues: Tensor
    """P,K"""
    twin_image: Tensor
    """P,3,SIDE,SIDE uint8: the same photos, slightly cropped or resized; see `twin`."""
    twin_cues: Tensor
    """P,K"""
    pairs: Tensor
    """M,2: indices in the batch."""
    chance: Tensor
    """M: probability that the first photo of the pair is better."""
    series: Tensor
    """P: index of the series in the batch."""
    place: Tensor
    """P: rank in the series, 0 is best; -1 if the order is not completely known."""
    names: list[str]


class PhotoStream:
    """Random series of several collections; large series are sampled."""

    def __init__(
        self,
        cache: InputCache,
        weights: Sequence[float],
        augment: PhotoAugment,
        *,
        photos: int,
        hard: bool,
        seed: int,
        variants: int = 0,
    ) -> None:
        """At most `photos` of a series; `hard` rounds probabilities to 0 or 1 and skips pairs of 0.5.

        A series is augmented in one of `variants` ways, the same for every seed, or differently each time if that is 0.
        """
        self._cache, self._augment, self._photos, self._hard, self._seed = cache, augment, photos, hard, seed
        self._variants = variants
        self._chances = np.array(weights) / sum(weights)

    def batch(self, number: int, size: int) -> Comparison:
        """The n-th batch of `size` series."""
        return joined([self._part(at) for at in range(number * size, (number + 1) * size)])

    def _place(self, number: int) -> tuple[int, int]:
        """The collection of the n-th series, and its number in there."""
        rng = np.random.default_rng([self._seed, number])
        collection = int(rng.choice(len(self._chances), p=self._chances))
        return collection, int(rng.integers(len(self._cache.collections[collection])))

    def batches(self, start: int, size: int, workers: int) -> Generator[Comparison, None, None]:
        """Batches from number `start` on, prefetched by `workers` threads."""
        return run_ahead((partial(self.batch, number, size) for number in count(start)), workers)

    def _part(self, at: int) -> Comparison:
        collection, number = self._place(at)
        inputs, rng = self._cache.take(collection, number), np.random.default_rng([self._seed, at, 1])
        keep = rng.permutation(inputs.truth.photos)[: self._photos]
        how = rng
        if self._variants:
            how = np.random.default_rng([collection, number, int(rng.integers(self._variants))])
        images = augmented(np.concatenate((inputs.images[keep], inputs.twin_images[keep])), self._augment, how)
        return compared(inputs, keep, images, self._hard, rng)


def compared(
    inputs: SeriesInputs, keep: np.ndarray, images: np.ndarray, hard: bool, rng: np.random.Generator
) -> Comparison:
    """Some photos of a series as a batch: their indices in `keep`, the overviews and those of the twins in `images`.

    About half of the pairs are swapped, so that a net that is not antisymmetric sees both orders.
    """
    truth = inputs.truth
    place = {int(photo): at for at, photo in enumerate(keep)}
    known = [(place[a], place[b], c) for a, b, c in truth.preferences if a in place and b in place]
    if hard:
        known = [(a, b, float(chance > 0.5)) for a, b, chance in known if chance != 0.5]
    known = [(b, a, 1 - c) if rng.random() < 0.5 else (a, b, c) for a, b, c in known]
    ranks = {photo: rank for rank, photo in enumerate(photo for photo in truth.order if photo in place)}
    return Comparison(
        image=torch.from_numpy(images[: len(keep)]),
        cues=torch.from_numpy(inputs.cues[keep]),
        twin_image=torch.from_numpy(images[len(keep) :]),
        twin_cues=torch.from_numpy(inputs.twin_cues[keep]),
        pairs=torch.tensor([pair[:2] for pair in known], dtype=torch.long).reshape(-1, 2),
        chance=torch.tensor([pair[2] for pair in known], dtype=torch.float32),
        series=torch.zeros(len(keep), dtype=torch.long),
        place=torch.tensor([ranks.get(int(photo), -1) for photo in keep]),
        names=[truth.name],
    )


def joined(parts: Sequence[Comparison]) -> Comparison:
    """Several series as one batch."""
    counts = [len(part["image"]) for part in parts]
    starts = np.cumsum([0, *counts[:-1]]).tolist()
    return Comparison(
        image=torch.cat([part["image"] for part in parts]),
        cues=torch.cat([part["cues"] for part in parts]),
        twin_image=torch.cat([part["twin_image"] for part in parts]),
        twin_cues=torch.cat([part["twin_cues"] for part in parts]),
        pairs=torch.cat([part["pairs"] + start for part, start in zip(parts, starts, strict=True)]),
        chance=torch.cat([part["chance"] for part in parts]),
        series=torch.arange(len(parts)).repeat_interleave(torch.tensor(counts)),
        place=torch.cat([part["place"] for part in parts]),
        names=[name for part in parts for name in part["names"]],
    )
