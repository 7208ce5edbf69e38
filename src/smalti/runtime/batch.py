"""Shared by all engines: the form of a batch, and the number of threads."""

import os

import numpy as np

from smalti.card import Card
from smalti.errors import ModelError


def usable_cores() -> int:
    """Number of cores this process may run on; a container often has fewer than the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def network_input(batch: np.ndarray, card: Card, dtype: type[np.generic] = np.float32) -> np.ndarray:
    """Raw pixels N,C,H,W of any dtype as the contiguous numbers that a graph takes; ModelError for other shapes."""
    if batch.ndim != 4 or batch.shape[1] != len(card.bands) or 0 in batch.shape:
        wanted = f"N,{len(card.bands)},H,W ({', '.join(card.bands)})"
        raise ModelError(f"model {card.name} got a batch of shape {batch.shape}, but takes {wanted}")
    return np.ascontiguousarray(batch, dtype=dtype)
