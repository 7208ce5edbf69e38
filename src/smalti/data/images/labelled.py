"""Converts annotations of images to the targets of tasks: numbers, with a mark for unknown ones."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.card import Task
from smalti.data.images.listing import Listing
from smalti.datasets.folder import one_form
from smalti.errors import DataError
from smalti.evaluation.images import UNKNOWN

Targets = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images of a part, and by task one int64 class id or float32 value per image."""

    files: list[str]
    targets: Targets

    def known(self, task: str) -> int:
        """Number of images with a known target."""
        targets = self.targets[task]
        return int((targets != UNKNOWN).sum() if targets.dtype == np.int64 else np.isfinite(targets).sum())

    def counts(self, task: Task) -> NDArray[np.int64]:
        """Number of images of each class."""
        ids = self.targets[task.name]
        return np.bincount(ids[ids != UNKNOWN], minlength=len(task.labels))


def label(listings: Sequence[Listing], tasks: Sequence[Task]) -> Labelled:
    """All images of several listings; DataError for a class that the task does not have, or an invalid number."""
    files = [os.path.join(listing.root, name) for listing in listings for name in listing.files]  # noqa: PTH118 - millions of files
    targets: Targets = {}
    for task in tasks:
        read = _ids if task.has_classes else _values
        targets[task.name] = np.concatenate([read(listing, task) for listing in listings])
    return Labelled(files, targets)


def _ids(listing: Listing, task: Task) -> NDArray[np.int64]:
    cells = listing.columns.get(task.name)
    if cells is None:
        return np.full(len(listing.files), UNKNOWN, np.int64)
    cells = [one_form(cell) for cell in cells]
    ids = {one_form(name): number for number, name in enumerate(task.labels)} | {"": UNKNOWN}
    for at, cell in enumerate(cells):
        if cell not in ids:
            near = get_close_matches(cell, task.labels, 1, 0)
            raise DataError(
                f"{listing.root / listing.files[at]}: {cell!r} is none of the {len(task.labels)} classes of "
                f"{task.name} in the training (nearest: {near[0]})"
            )
    return np.array([ids[cell] for cell in cells], np.int64)


def _values(listing: Listing, task: Task) -> NDArray[np.float32]:
    cells = listing.columns.get(task.name)
    if cells is None:
        return np.full(len(listing.files), np.nan, np.float32)
    return np.array([_value(cell, listing, at, task) for at, cell in enumerate(cells)], np.float32)


def _value(cell: str, listing: Listing, at: int, task: Task) -> float:
    try:
        value = float(cell) if cell else math.nan
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise DataError(f"{listing.root / listing.files[at]}: {cell!r} is not a number for {task.name}")
    if task.minimum is not None and value < task.minimum:
        raise DataError(f"{listing.root / listing.files[at]}: {task.name} {cell} is below its minimum {task.minimum}")
    return value
