"""What a target's module hands back: the files it wrote, and a way to run them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from smalti.arrays import Floats, Pixels

Run = Callable[[Sequence[Pixels]], list[dict[str, Floats]]]
"""Tiles of raw pixels 1,C,H,W -> for each, per task float32 1,K,H,W, or 1,K of the whole image."""


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the graph."""

    name: str
    layout: str
    """Its axes: `N,C,H,W`, `N,H,W,C`, or `N,K`; without `N` where the engine takes no batches."""
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Built:
    """The files of a target in a temporary folder."""

    files: tuple[Path, ...]
    image: Port
    outputs: dict[str, Port]
    """By task."""
    run: Run
    more: dict[str, object] = field(default_factory=dict)
    """Further entries of the manifest."""


def by_task(names: Sequence[str], arrays: Sequence[np.ndarray]) -> dict[str, Floats]:
    """Outputs in the order of the tasks, by name."""
    return {name: np.asarray(array, np.float32) for name, array in zip(names, arrays, strict=True)}
