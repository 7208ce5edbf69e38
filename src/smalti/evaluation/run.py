"""Whole images through a model, all its tasks scored in one pass."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from smalti.blend import Floats
from smalti.card import Task
from smalti.datasets.nyuv2_crop import CROPS
from smalti.errors import DataError
from smalti.evaluation.classes import ClassTally, Evaluation
from smalti.evaluation.maps import Keep, MapKeeper
from smalti.evaluation.pairs import Pair
from smalti.evaluation.protocol import NOT_STATED, Stated
from smalti.evaluation.protocols import Both
from smalti.evaluation.tiles import ClassTile
from smalti.evaluation.values import ValueEvaluation, ValueTally, threshold
from smalti.scene import Averaged, Predictor, predict_scene
from smalti.text import count
from smalti.tiling import Window

TaskResult: TypeAlias = Evaluation | ValueEvaluation
Tiles = dict[str, list[Any]]
"""By task: `ClassTile` of classes, `ValueTile` of values."""


def evaluate(
    predict: Predictor, pairs: Iterable[Pair], *, tiles: list[ClassTile] | None = None, **options: Any
) -> Evaluation:
    """Scores the first task of kind classes of a model alone; `tiles` is filled with its tiles.

    Takes the options of `evaluate_tasks` and raises what it raises, and ModelError for a model without classes.
    """
    task = predict.card.class_task()
    kept: Tiles | None = None if tiles is None else {task.name: tiles}
    [found] = evaluate_tasks(predict, pairs, tasks=[task.name], tiles=kept, **options).values()
    assert isinstance(found, Evaluation)
    return found


def evaluate_tasks(
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
    tiles: Tiles | None = None,
    variants: Sequence[str] | None = None,
    keep: Keep | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, TaskResult]:
    """Scores a model's tasks on whole images, with the tiles and the overlap of its card; one result per task.

    `data`, `split` and `chosen` (how the checkpoint was chosen) go into the protocol as they are. `tasks` names those
    to score; by default all that answer each pixel. A task for which no image has a pixel of truth is left out.

    Of classes: those named in `leave_out` are out of the means. `boundary` is the tolerance of the boundary F1 in
    pixels. `variants` asks for all ways to score at once, of the first task of classes, and names the classes that some
    of them leave out. Of values: `above` is the truth, by task, from which on relative errors count (see `threshold`).
    `crop` names one of `CROPS`.

    `tta` averages over flips and turns. A dict given as `tiles` gets every tile of the tasks that it has a list for.
    `keep` gets the whole maps of each image. `progress` gets the number of pixels done.

    Raises DataError if no pixel of any task can be counted, and what the readers raise.
    """
    started = time.perf_counter()
    card = predict.card
    kept = tiles or {}
    main = next((task for task in card.tasks if task.kind == "classes"), None)

    def tally_of(task: Task) -> ClassTally | ValueTally:
        if task.kind == "classes":
            ways = variants if task == main else None
            return ClassTally(task, leave_out, boundary, kept.get(task.name), ways, tta)
        least = (above or {}).get(task.name, threshold(task))
        return ValueTally(task, least, CROPS[crop] if crop else None, kept.get(task.name))

    tallies = [tally_of(task) for task in _scored(card.tasks, tasks)]
    scoring = _Scoring(_passes(predict, tallies, tta), card.tasks, tallies, keep, progress)
    images = sum(1 for pair in pairs if scoring.score(pair))
    counted = [tally for tally in tallies if tally.counted]
    if not counted:
        raise DataError(f"{data}: no pixel with a label among {count(images, 'image')}; nothing to score")
    stated = Stated(data, split, chosen, card, tta)
    seconds = time.perf_counter() - started
    return {tally.task.name: tally.result(stated, seconds) for tally in counted}


def _scored(tasks: Sequence[Task], names: Sequence[str] | None) -> list[Task]:
    """The tasks to score, in the card's order."""
    return [task for task in tasks if not task.per_image and (names is None or task.name in names)]


def _passes(predict: Predictor, tallies: Sequence[ClassTally | ValueTally], tta: bool) -> Predictor:
    """The predictor with as many passes as the scores need."""
    if not tta:
        return predict
    in_every_way = [tally.task.name for tally in tallies if isinstance(tally, ClassTally) and tally.ways]
    return Both(predict, in_every_way[0]) if in_every_way else Averaged(predict)


@dataclass(frozen=True)
class _Scoring:
    """Sends one image after the other through the model and to all that count."""

    predict: Predictor
    tasks: tuple[Task, ...]
    tallies: Sequence[ClassTally | ValueTally]
    keep: Keep | None
    progress: Callable[[int], None] | None

    def score(self, pair: Pair) -> bool:
        """Counts one image; answers whether it had anything to count."""
        tallies = [tally for tally in self.tallies if tally.task.name in pair.truth]
        if not tallies and not self.keep:
            return False
        with ExitStack() as stack:
            image = stack.enter_context(closing(pair.open_image()))
            counts = [tally.begin(pair, image.grid, stack) for tally in tallies]
            height, width = image.grid.height, image.grid.width
            maps = MapKeeper(self.tasks, height, width) if self.keep else None

            def write(window: Window, values: dict[str, Floats], valid: NDArray[np.bool_]) -> None:
                for part in (*counts, *([maps] if maps else [])):
                    part.write(window, values, valid)

            predict_scene(image.read, self.predict, write, height, width, progress=self.progress)
            for part in counts:
                part.close()
        if self.keep and maps:
            self.keep(pair.name, maps.maps)
        return bool(tallies)
