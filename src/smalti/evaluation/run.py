"""Whole images through a model, all its tasks scored in one pass."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats
from smalti.card import Task
from smalti.datasets.nyuv2_crop import CROPS
from smalti.errors import DataError
from smalti.evaluation.classes import ClassTally
from smalti.evaluation.maps import KeepMaps, MapKeeper
from smalti.evaluation.pairs import Pair
from smalti.evaluation.protocol import NOT_STATED, Stated
from smalti.evaluation.protocols import AveragedAndPlain
from smalti.evaluation.result import Evaluation
from smalti.evaluation.tally import ImageTally, Tally
from smalti.evaluation.values import ValueTally, threshold
from smalti.predicting import predict_reader
from smalti.raster.scaled import Scaled
from smalti.scene import Averaged, Predictor
from smalti.text import count
from smalti.tiling import Window


def evaluate(
    predict: Predictor,
    pairs: Iterable[Pair],
    *,
    data: str = NOT_STATED,
    split: str = NOT_STATED,
    chosen: str = NOT_STATED,
    tasks: Sequence[str] | None = None,
    leave_out: Sequence[str] = (),
    boundary: int | None = 3,
    above: Mapping[str, float] | None = None,
    crop: str | None = None,
    tta: bool = False,
    tiles: bool = False,
    by_place: bool = False,
    variants: Sequence[str] | None = None,
    keep: KeepMaps | None = None,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Scores a model's tasks on whole images, with the tiles and the overlap of its card.

    Args:
        predict: the model, with any engine.
        pairs: images with their ground truth, read one after the other.
        data: name of the data; goes into the protocol unchanged, as do `split` and `chosen`.
        split: the part of the data.
        chosen: how the checkpoint was chosen.
        tasks: the tasks to score; None is all tasks per pixel. A task without ground truth in any image is skipped.
        leave_out: classes that are excluded from the means.
        boundary: the tolerance of the boundary F1 in pixels; None leaves it out.
        above: by task, the ground truth from which on relative errors of values count; default `values.threshold`.
        crop: name of one of `CROPS`; of values, only the pixels inside count.
        tta: averages over flips and turns.
        tiles: whether results keep every tile with its ground truth and map.
        by_place: whether each place is scored by itself, too.
        variants: scores the first task of classes by all protocols; these classes are left out by some of them.
        keep: called with the whole maps of each image.
        progress: called with the number of pixels done.

    Returns:
        A `ClassResult` or `ValueResult` for each task, in the card's order.

    Raises:
        DataError: no pixel of any task has ground truth; and what the readers raise.
    """
    started = time.perf_counter()
    card = predict.card
    scored = [task for task in card.tasks if not task.per_image and (tasks is None or task.name in tasks)]
    main = next((task for task in scored if task.kind == "classes"), None)
    both = AveragedAndPlain(predict, main) if main and tta and variants is not None else None
    passes = both or (Averaged(predict) if tta else predict)

    def tally_of(task: Task) -> Tally:
        if task.kind == "classes":
            ways, plain = (variants, both.plain if both else None) if task == main else (None, None)
            return ClassTally(task, leave_out, boundary, tiles, by_place, ways, tta, plain)
        least = (above or {}).get(task.name, threshold(task))
        return ValueTally(task, least, CROPS[crop] if crop else None, tiles, by_place)

    tallies = [tally_of(task) for task in scored]
    scoring = _Scoring(passes, card.tasks, tallies, keep, progress)
    images = sum(1 for pair in pairs if scoring.score(pair))
    counted = [tally for tally in tallies if tally.counted]
    if not counted:
        raise DataError(f"{data}: no labelled pixel in {count(images, 'image')}; nothing to score")
    stated = Stated(data, split, chosen, card, tta, _said(scoring.resampled))
    return Evaluation(tuple(tally.result(stated) for tally in counted), time.perf_counter() - started)


@dataclass(frozen=True)
class _Scoring:
    """Sends one image after the other through the model and to all tallies."""

    predict: Predictor
    tasks: tuple[Task, ...]
    tallies: Sequence[Tally]
    keep: KeepMaps | None
    progress: Callable[[int], None] | None
    resampled: list[float] = field(default_factory=list)
    """The pixel size that the network saw, of each image that was resampled for it."""

    def score(self, pair: Pair) -> bool:
        """Counts one image; returns whether it had anything to count."""
        tallies = [tally for tally in self.tallies if tally.task.name in pair.truth]
        if not tallies and not self.keep:
            return False
        with ExitStack() as stack:
            image = stack.enter_context(closing(pair.open_image()))
            counts: list[ImageTally] = [tally.begin(pair, image.grid, stack) for tally in tallies]
            if isinstance(image, Scaled):
                self.resampled.append(image.metres)
            height, width = image.grid.height, image.grid.width
            maps = MapKeeper(self.tasks, height, width) if self.keep else None
            takers: list[ImageTally | MapKeeper] = [*counts, *([maps] if maps else [])]

            def write(window: Window, values: dict[str, Floats], valid: NDArray[np.bool_]) -> None:
                for taker in takers:
                    taker.write(window, values, valid)

            predict_reader(image, self.predict, write, progress=self.progress)
            for part in counts:
                part.close()
        if self.keep and maps:
            self.keep(pair.name, maps.maps)
        return bool(tallies)


def _said(resampled: Sequence[float]) -> str:
    """The protocol's words on images that were resampled for the network."""
    if not resampled:
        return ""
    sizes = ", ".join(f"{metres:g}" for metres in sorted(set(resampled)))
    return f"{count(len(resampled), 'image')} resampled to {sizes} m for the network, scored on their own pixels"
