"""Reads all ground truth once before predicting, so that what cannot be scored is reported early."""

from collections.abc import Callable, Sequence
from contextlib import closing

from smalti.evaluation.pairs import Pair, TruthReader
from smalti.raster.grid import Grid
from smalti.tiling import strips


def check_truth(pairs: Sequence[Pair], progress: Callable[[int], object] = lambda _: None) -> None:
    """Reads the labels of all tasks of all images; raises what the readers raise, such as LabelError for a colour that
    is not a class. `progress` is called with 1 after each image."""
    for pair in pairs:
        with closing(pair.open_image()) as image:
            grid = image.grid
        for open_truth in (*pair.truth.values(), *([pair.open_others] if pair.open_others else [])):
            with closing(open_truth(grid)) as truth:
                read_through(truth, grid)
        progress(1)


def read_through(truth: TruthReader, grid: Grid) -> None:
    """Reads ground truth on a grid from top to bottom."""
    for strip in strips(grid.height, grid.width):
        truth.read(strip)
