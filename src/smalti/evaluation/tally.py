"""Counts of the predictions of one task, image by image, over a dataset."""

from contextlib import ExitStack, closing
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats
from smalti.card import Task
from smalti.evaluation.pairs import Pair, TruthReader
from smalti.evaluation.protocol import Stated
from smalti.evaluation.result import Result
from smalti.raster.grid import Grid
from smalti.tiling import Window


class ImageTally(Protocol):
    """Takes the blended windows of one image, as `predict_scene` writes them, and counts whole strips."""

    def write(self, window: Window, values: dict[str, Floats], valid: NDArray[np.bool_]) -> None:
        """The next window: from left to right, then down."""
        ...

    def close(self) -> None:
        """Ends the image: adds its counts to the dataset's."""
        ...


class Tally(Protocol):
    """The counts of a whole dataset for one task."""

    @property
    def task(self) -> Task:
        """The task."""

    @property
    def counted(self) -> bool:
        """Whether there was any pixel to count."""

    def begin(self, pair: Pair, grid: Grid, stack: ExitStack) -> ImageTally:
        """Begins an image with ground truth for the task; files that it opens are closed by `stack`."""
        ...

    def add(self, other: Self) -> None:
        """Adds the counts of further images."""

    def result(self, stated: Stated) -> Result:
        """The scores of all images so far."""
        ...


def open_truth(pair: Pair, task: Task, grid: Grid, stack: ExitStack) -> TruthReader:
    """The ground truth of a task on the grid of its image, open until the stack is left."""
    return stack.enter_context(closing(pair.truth[task.name](grid)))
