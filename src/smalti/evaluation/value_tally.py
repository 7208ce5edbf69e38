"""Values counted strip by strip: memory does not grow with an image's height."""

from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smalti.blend import Floats
from smalti.card import Task
from smalti.evaluation.conditions import Stated
from smalti.evaluation.crop import Crop
from smalti.evaluation.pairs import Pair, TruthReader
from smalti.evaluation.tally import open_truth
from smalti.evaluation.tiles import ValueTile, ValueTileKeeper
from smalti.evaluation.value_result import ValueConditions, ValueEvaluation, ValueRow
from smalti.raster.grid import Grid
from smalti.raster.values import METRES
from smalti.tiling import Window
from smalti.value_metrics import IGNORED, PIXELS, ValueCounts

LEAST_HEIGHT = 1.0
"""Metres: where the truth is lower, relative errors of heights say nothing."""


def threshold(task: Task) -> float:
    """From which truth on relative errors count, in the task's unit: 1 m of a height, anything above 0 of others."""
    return LEAST_HEIGHT / METRES.get(task.unit, 1.0) if task.quantity == "height" else 0.0


@dataclass
class ValueTally:
    """The sums of a whole data set for one task of values; a `Tally`."""

    task: Task
    above: float
    crop: Crop | None = None
    tiles: list[ValueTile] | None = None
    """Is filled with every tile, its truth and its answer, where there is one."""
    counts: ValueCounts = field(init=False)
    images: list[ValueRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = ValueCounts(self.above)

    @property
    def counted(self) -> bool:
        """See `Tally`."""
        return bool(self.counts.counts[PIXELS])

    def begin(self, pair: Pair, grid: Grid, stack: ExitStack) -> "ImageValueTally":
        """See `Tally`; DataError where the crop is made for images of another size."""
        if self.crop:
            self.crop.check(pair.name, grid.height, grid.width)
        return ImageValueTally(pair.name, grid.width, open_truth(pair, self.task, grid, stack), self)

    def finish(self, name: str, counts: ValueCounts) -> None:
        """Adds what one image gave."""
        self.counts.merge(counts)
        scores = counts.scores()
        self.images.append(ValueRow(name, scores.rmse, scores.delta1, scores.pixels))

    def result(self, stated: Stated, seconds: float) -> ValueEvaluation:
        """See `Tally`."""
        scores = self.counts.scores()
        facts = ValueConditions(
            stated=stated, images=len(self.images), pixels=scores.pixels, ignored=int(self.counts.counts[IGNORED]),
            task=self.task, scores=scores, crop=self.crop,
        )  # fmt: skip
        return ValueEvaluation(self.task, self.counts, scores, tuple(self.images), facts, seconds)


class ImageValueTally:
    """Counts the values of one image; see `ImageTally`."""

    def __init__(self, name: str, width: int, truth: TruthReader, tally: ValueTally) -> None:
        self._name, self._width, self._truth, self._tally = name, width, truth, tally
        self._counts = ValueCounts(tally.above)
        self._keeper = None if tally.tiles is None else ValueTileKeeper(name, tally.tiles)
        self._strip: Floats = np.empty((0, 0), np.float32)

    def write(self, window: Window, values: dict[str, Floats], valid: NDArray[np.bool_]) -> None:
        """See `ImageTally`."""
        if window.col == 0:
            self._strip = np.empty((window.height, self._width), np.float32)
        found = np.where(valid, values[self._tally.task.name][0], np.float32(np.nan))
        self._strip[:, window.col : window.right] = found
        if window.right == self._width:
            self._count(Window(window.row, 0, window.height, self._width))

    def _count(self, window: Window) -> None:
        truth = self._truth.read(window)
        if self._tally.crop:
            truth = self._tally.crop.cut(truth, window)
        self._counts.add(truth, self._strip)
        if self._keeper:
            self._keeper.add(truth, self._strip)

    def close(self) -> None:
        """See `ImageTally`."""
        if self._keeper:
            self._keeper.close()
        self._tally.finish(self._name, self._counts)
