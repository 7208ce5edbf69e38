"""Whole images through a model, all its tasks scored in one pass.

Every image is counted by itself, and its counts are added to those of the images before. So images may also be counted
elsewhere, as by the workers of a cluster, with the same scores to the last digit.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Floats
from smalti.averaged import Averaged
from smalti.card import Card, Task
from smalti.datasets.nyuv2_crop import CROPS
from smalti.errors import NothingToScoreError
from smalti.evaluation.class_tally import ClassTally
from smalti.evaluation.maps import KeepMaps, MapKeeper
from smalti.evaluation.pairs import Pair
from smalti.evaluation.protocol import NOT_STATED, Stated
from smalti.evaluation.protocols import AveragedAndPlain, name_of_plain
from smalti.evaluation.result import Evaluation
from smalti.evaluation.tally import ImageTally, Tally
from smalti.evaluation.values import ValueTally, threshold
from smalti.predicting import predict_reader
from smalti.raster.scaled import Scaled
from smalti.scene import Predictor
from smalti.text import count
from smalti.tiling import Window


@dataclass(frozen=True)
class Counts:
    """The counts of one image."""

    tallies: Sequence[Tally]
    """Of each task that is scored, in the card's order."""
    resampled: float | None
    """The pixel size in metres that the network saw, if the image was resampled for it."""


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What is counted, the same for all images; the fields are those of `evaluate`."""

    card: Card
    tasks: Sequence[str] | None
    leave_out: Sequence[str]
    boundary: int | None
    above: Mapping[str, float]
    crop: str | None
    tta: bool
    tiles: bool
    by_place: bool
    variants: Sequence[str] | None

    def passes(self, predict: Predictor) -> Predictor:
        """The model with the passes that the scores need."""
        main = self._main
        if main and self.tta and self.variants is not None:
            return AveragedAndPlain(predict, main)
        return Averaged(predict) if self.tta else predict

    def tallies(self) -> list[Tally]:
        """A tally without counts of each task, in the card's order."""
        return [self._tally(task) for task in self._scored]

    def count(
        self,
        passes: Predictor,
        pair: Pair,
        keep: KeepMaps | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Counts | None:
        """Sends one image through the model, of `passes`; None if it has nothing to count."""
        all_ = self.tallies()
        tallies = [tally for tally in all_ if tally.task.name in pair.truth]
        if not tallies and not keep:
            return None
        with ExitStack() as stack:
            image = stack.enter_context(closing(pair.open_image()))
            counts: list[ImageTally] = [tally.begin(pair, image.grid, stack) for tally in tallies]
            maps = MapKeeper(self.card.tasks, image.grid.height, image.grid.width) if keep else None
            takers: list[ImageTally | MapKeeper] = [*counts, *([maps] if maps else [])]

            def write(window: Window, values: Mapping[str, Floats], valid: NDArray[np.bool_]) -> None:
                found = dict(values)  # computed once for all
                for taker in takers:
                    taker.write(window, found, valid)

            predict_reader(image, passes, write, progress=progress)
            for part in counts:
                part.close()
        if keep and maps:
            keep(pair.name, maps.maps)
        return Counts(all_, image.metres if isinstance(image, Scaled) else None) if tallies else None

    @property
    def _scored(self) -> list[Task]:
        return [
            task for task in self.card.tasks if not task.per_image and (self.tasks is None or task.name in self.tasks)
        ]

    @property
    def _main(self) -> Task | None:
        return next((task for task in self._scored if task.kind == "classes"), None)

    def _tally(self, task: Task) -> Tally:
        if task.kind == "classes":
            variants = self.variants if task == self._main else None
            plain = name_of_plain(task) if self.tta and variants is not None else None
            return ClassTally(task, self.leave_out, self.boundary, self.tiles, self.by_place, variants, self.tta, plain)
        least = self.above.get(task.name, threshold(task))
        return ValueTally(task, least, CROPS[self.crop] if self.crop else None, self.tiles, self.by_place)


CountAll = Callable[[Scoring], Iterable[Counts | None]]
"""Gives the counts of each image, in their order."""


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
    count_all: CountAll | None = None,
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
        tta: averages over flips and turns, see `smalti.averaged`.
        tiles: whether results keep every tile with its ground truth and map.
        by_place: whether each place is scored by itself, too.
        variants: scores the first task of classes by all protocols; these classes are left out by some of them.
        keep: called with the whole maps of each image.
        progress: called with the number of pixels done.
        count_all: counts all images elsewhere; without it they are counted here, one after the other.

    Returns:
        A `ClassResult` or `ValueResult` for each task, in the card's order.

    Raises:
        NothingToScoreError: no pixel of any task has ground truth; and what the readers raise.
    """
    started = time.perf_counter()
    scoring = Scoring(
        card=predict.card, tasks=tasks, leave_out=leave_out, boundary=boundary, above=above or {}, crop=crop, tta=tta,
        tiles=tiles, by_place=by_place, variants=variants,
    )  # fmt: skip

    def here(scoring: Scoring) -> Iterator[Counts | None]:
        passes = scoring.passes(predict)
        return (scoring.count(passes, pair, keep, progress) for pair in pairs)

    tallies, images, resampled = scoring.tallies(), 0, []
    for each in (count_all or here)(scoring):
        if each is None:
            continue
        images += 1
        for tally, more in zip(tallies, each.tallies, strict=True):
            tally.add(more)
        if each.resampled is not None:
            resampled.append(each.resampled)
    counted = [tally for tally in tallies if tally.counted]
    if not counted:
        raise NothingToScoreError(f"{data}: no labelled pixel in {count(images, 'image')}; nothing to score")
    stated = Stated(data, split, chosen, predict.card, tta, _said(resampled))
    return Evaluation(tuple(tally.result(stated) for tally in counted), time.perf_counter() - started)


def _said(resampled: Sequence[float]) -> str:
    """The protocol's words on images that were resampled for the network."""
    if not resampled:
        return ""
    sizes = ", ".join(f"{metres:g}" for metres in sorted(set(resampled)))
    return f"{count(len(resampled), 'image')} resampled to {sizes} m for the network, scored on their own pixels"
