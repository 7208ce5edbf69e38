"""Crops image files to square images with NVIDIA's DALI, if it is installed: JPEGs are decoded on the GPU.

The boxes are drawn here and not by DALI, so that a batch remains a function of its number. Pixels differ slightly from
OpenCV's, as the two resize differently. Files other than JPEGs are decoded by OpenCV.
"""

import threading
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from smalti.arrays import Picture
from smalti.data.images import decode
from smalti.data.images.augment import Box
from smalti.data.images.decode import Choose
from smalti.errors import MissingExtraError


@cache
def has_dali() -> bool:
    """Whether DALI is installed."""
    try:
        return find_spec("nvidia.dali") is not None
    except ModuleNotFoundError:  # its parent package is missing, too
        return False


class DaliCutter:
    """Crops a batch of files, one batch at a time. MissingExtraError if DALI is not installed."""

    def __init__(self, size: int, batch: int, threads: int, device: int | None) -> None:
        """At most `batch` files at once; `device` is the number of a GPU, None decodes on the CPU."""
        self._size, self._lock = size, threading.Lock()
        self._pipeline = _pipeline(size, batch, threads, device)

    def __call__(self, paths: Sequence[str], choices: Sequence[Choose]) -> list[Picture]:
        """See `stream.Cut`."""
        contents = [decode.read_file(path) for path in paths]
        sizes = [decode.upright_size(content) for content in contents]
        jpegs = [at for at, size in enumerate(sizes) if size]
        views = {at: choices[at](*size) for at, size in enumerate(sizes) if size}
        images = dict(zip(jpegs, self._run([contents[at] for at in jpegs], list(views.values())), strict=True))
        return [
            images[at] if at in images else decode.cut(path, choices[at], self._size) for at, path in enumerate(paths)
        ]

    def _run(self, contents: list[bytes], views: list[Box]) -> list[Picture]:
        if not contents:
            return []
        feeds = {
            "content": [np.frombuffer(content, np.uint8) for content in contents],
            "anchor": [np.array([view.top, view.left], np.float32) for view in views],
            "shape": [np.array([view.height, view.width], np.float32) for view in views],
            "mirror": [np.array(view.mirror, np.int32) for view in views],
        }
        with self._lock:
            for name, values in feeds.items():
                self._pipeline.feed_input(name, values)
            (images,) = self._pipeline.run()
            return list(np.array(images.as_cpu().as_array(), np.uint8))  # N,size,size,3, a copy


def _pipeline(size: int, batch: int, threads: int, device: int | None) -> Any:
    try:
        from nvidia.dali import Pipeline, fn, types
    except ImportError:
        raise MissingExtraError("nvidia.dali", "dali") from None
    pipeline = Pipeline(batch_size=batch, num_threads=threads, device_id=device, prefetch_queue_depth=1)
    with pipeline:
        content, anchor, shape, mirror = (
            fn.external_source(name=name) for name in ("content", "anchor", "shape", "mirror")
        )
        images = fn.decoders.image_slice(
            content, anchor, shape, axes=(0, 1), normalized_anchor=False, normalized_shape=False,
            output_type=types.RGB, device="cpu" if device is None else "mixed",
        )  # fmt: skip
        images = fn.resize(images, resize_x=size, resize_y=size)
        pipeline.set_outputs(fn.flip(images, horizontal=mirror))
    pipeline.build()
    return pipeline
