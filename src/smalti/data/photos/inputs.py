"""The inputs of a ranker for series of photos, overviews and cues, cached in memory."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from smalti.data.photos.series import Collection, Truth
from smalti.data.photos.twin import twin
from smalti.photos.cues import CUES, cues
from smalti.photos.overview import SIDE, overview


@dataclass(frozen=True, slots=True, eq=False)
class SeriesInputs:
    """The overviews and cues of a series."""

    truth: Truth
    images: NDArray[np.uint8]
    """photos,3,SIDE,SIDE"""
    cues: NDArray[np.float32]
    """photos,K"""
    twin_images: NDArray[np.uint8]
    """photos,3,SIDE,SIDE: the same photos, slightly cropped or resized; see `twin`."""
    twin_cues: NDArray[np.float32]
    """photos,K"""


def series_inputs(collection: Collection, number: int) -> SeriesInputs:
    """Computes the inputs for a series, photo by photo; raises the errors of the collection."""
    truth = collection.truth(number)
    images, twin_images = np.empty((2, truth.photos, 3, SIDE, SIDE), np.uint8)
    numbers, twin_numbers = np.empty((2, truth.photos, len(CUES)), np.float32)
    rng = np.random.default_rng(number)
    for at, pixels in enumerate(collection.pixels(number)):
        same = twin(pixels, rng)
        images[at], numbers[at] = overview(pixels), cues(pixels)
        twin_images[at], twin_numbers[at] = overview(same), cues(same)
    return SeriesInputs(truth, images, numbers, twin_images, twin_numbers)


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """A series with its overviews compressed as PNG: those of the photos, then those of the twins."""

    inputs: SeriesInputs
    files: list[bytes]

    @classmethod
    def pack(cls, inputs: SeriesInputs) -> "_Packed":
        none = inputs.images[:0]
        files = [_png_of(image) for image in (*inputs.images, *inputs.twin_images)]
        return cls(replace(inputs, images=none, twin_images=none), files)

    def unpack(self) -> SeriesInputs:
        images, twins = np.split(np.stack([_picture_of(file) for file in self.files]), 2)
        return replace(self.inputs, images=images, twin_images=twins)

    @property
    def size(self) -> int:
        return sum(map(len, self.files))


class InputCache:
    """Collections with a cache of `budget` bytes; the least recently used series are dropped first."""

    def __init__(self, collections: Sequence[Collection], budget: int) -> None:
        self.collections = collections
        self._budget, self._used = budget, 0
        self._kept: OrderedDict[tuple[int, int], _Packed] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, collection: int, number: int) -> SeriesInputs:
        """A series of one of the collections."""
        key = collection, number
        with self._lock:
            kept = self._kept.get(key)
            if kept:
                self._kept.move_to_end(key)
        if kept:
            return kept.unpack()
        inputs = series_inputs(self.collections[collection], number)
        self._keep(key, _Packed.pack(inputs))
        return inputs

    def _keep(self, key: tuple[int, int], kept: _Packed) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = kept
                self._used += kept.size
            while self._used > self._budget:
                self._used -= self._kept.popitem(last=False)[1].size


def _png_of(image: NDArray[np.uint8]) -> bytes:
    done, file = cv2.imencode(".png", image.transpose(1, 2, 0), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done
    return file.tobytes()


def _picture_of(file: bytes) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8, copy=False).transpose(2, 0, 1)
