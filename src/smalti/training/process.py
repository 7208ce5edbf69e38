"""What a training changes in its process, and gives back when it ends: torch's random numbers, threads of libraries."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch

from smalti.errors import BusyError

_TRAINS = threading.Lock()


@contextmanager
def sole_training(device: torch.device) -> Iterator[None]:
    """A training on a device; afterwards torch's random numbers and the threads of torch and OpenCV are as before.

    BusyError while another training runs in this process: both would draw from torch's one generator.
    """
    if not _TRAINS.acquire(blocking=False):
        raise BusyError("another training runs in this process; wait for it, or train in another process")
    opencv, gpus = cv2.getNumThreads(), [device.index or 0] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(gpus), torch_threads(None):
            yield
    finally:
        cv2.setNumThreads(opencv)
        _TRAINS.release()


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Torch computes with `count` threads, None for as many as before; afterwards again with as many as before."""
    before = torch.get_num_threads()
    try:
        if count:
            torch.set_num_threads(count)
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)
