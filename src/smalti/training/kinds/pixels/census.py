"""All labels of a recipe counted before the first step: a part without labels is an error, so is a class without a
training pixel, unless the recipe allows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smalti.card import Card, Task
from smalti.data.pixels.label_stats import LabelCounts, census, total_counts
from smalti.data.pixels.scenes import Scene
from smalti.errors import DataError, RecipeError
from smalti.label_sets import words
from smalti.raster.label_doubts import doubt_lines
from smalti.text import some
from smalti.training.kinds.pixels.settings import PixelRecipe
from smalti.watch import Watch, unwatched

ANY = "*"
"""In `data.absent`: any class."""
NAMED_AT_ONCE = 5
SILENT = 0.05
"""Share of ignored pixels from which on an error about a class mentions them."""


@dataclass(frozen=True)
class Census:
    """What was counted of all labels."""

    warnings: list[str]
    """A line each."""
    validation: dict[str, LabelCounts]
    """The counts of the validation data, by task."""


def take_census(
    recipe: PixelRecipe, card: Card, scenes: Mapping[str, Sequence[Sequence[Scene]]], watch: Watch = unwatched
) -> Census:
    """Reads all labels of all parts (train, validation, test), each by source.

    DataError where a source, or a part other than the test, has no label of a task, or no training pixel is of a class
    that is not in `data.absent`; RecipeError for a class in there that does not exist; and what the readers raise.
    """
    data, tasks = recipe.data, recipe.labelled(card)
    _check_absent(data.absent, tasks)
    lines: list[str] = []
    counts: dict[str, dict[str, LabelCounts]] = {}
    for part, sources in scenes.items():
        counts[part], own = _take_part(part, sources, tasks, data.absent, watch)
        lines += own
    return Census(lines, counts["validation"])


def _take_part(
    part: str, sources: Sequence[Sequence[Scene]], tasks: Sequence[Task], absent: Sequence[str], watch: Watch
) -> tuple[dict[str, LabelCounts], list[str]]:
    """The counts of a part by task, and its warnings."""
    files = (each for scenes in sources for scene in scenes for each in scene.doubts.items())
    doubtful = [f"data.{part}: {line}" for line in doubt_lines(files)]
    try:
        each = [census(scenes, tasks, watch) if scenes else {} for scenes in sources]
        found = total_counts(each)
        if part == "test":
            return found, doubtful
        _check_tasks(part, found, tasks)
        return found, (
            doubtful
            + _check_classes(part, found, tasks, absent)
            + _silent(part, sources, each)
            + _open(part, sources, each, tasks)
            + _flat(part, found, tasks)
        )
    except DataError as error:
        raise DataError("; ".join([str(error), *doubtful])) from None


def _silent(part: str, sources: Sequence[Sequence[Scene]], counts: Sequence[Mapping[str, LabelCounts]]) -> list[str]:
    """Lines about sources that have files for a task, but not one pixel with a label in them."""
    return [
        f"data.{part}.{number}: no pixel of {some([scene.name for scene in scenes], 1)} has a label of {name}"
        for number, (scenes, found) in enumerate(zip(sources, counts, strict=True))
        for name, own in found.items()
        if not own.known
    ]


def _open(
    part: str,
    sources: Sequence[Sequence[Scene]],
    counts: Sequence[Mapping[str, LabelCounts]],
    tasks: Sequence[Task],
) -> list[str]:
    """Lines about sources whose labels allow sets of classes everywhere, and so decide for no pixel."""
    return [
        f"data.{part}.{number}: no pixel of {some([scene.name for scene in scenes], 1)} has one class of {task.name}: "
        f"{_sets(found[task.name], task)}; it teaches only what is not there"
        for number, (scenes, found) in enumerate(zip(sources, counts, strict=True))
        for task in tasks
        if task.name in found and found[task.name].of_sets.any() and not found[task.name].pixels.any()
    ]


def _sets(found: LabelCounts, task: Task) -> str:
    """The pixels of each set that occurs, and the ignored ones."""
    texts = [
        f"{pixels:,} are {words(task.labels, classes)}"
        for classes, pixels in zip(task.sets, found.of_sets.tolist(), strict=True)
        if pixels
    ]
    return ", ".join([*texts, f"{found.unknown:,} are ignored"])


def _flat(part: str, found: Mapping[str, LabelCounts], tasks: Sequence[Task]) -> list[str]:
    """Lines about values that are 0 everywhere."""
    flat = [task.name for task in tasks if task.kind == "value" and not found[task.name].pixels[1:].any()]
    return [
        f"data.{part}: every value of {name} is 0; check the files, or give `nodata` if 0 means unknown"
        for name in flat
    ]


def _check_absent(absent: Sequence[str], tasks: Sequence[Task]) -> None:
    labels = [ANY, *(label for task in tasks for label in task.labels)]
    if unknown := [name for name in absent if name not in labels]:
        raise RecipeError(f"data.absent: {unknown[0]!r} is not a class; the classes are {', '.join(labels[1:])}")


def _check_tasks(part: str, found: Mapping[str, LabelCounts], tasks: Sequence[Task]) -> None:
    if lacking := [task.name for task in tasks if task.name not in found or not found[task.name].known]:
        raise DataError(f"data.{part}: no source has a label of {', '.join(lacking)}; add one, or drop the task")


def _check_classes(
    part: str, found: Mapping[str, LabelCounts], tasks: Sequence[Task], absent: Sequence[str]
) -> list[str]:
    """Lines about classes without a pixel; DataError if they are to be learned."""
    lines = []
    for task in (task for task in tasks if task.kind == "classes"):
        here = found[task.name]
        lacking = np.flatnonzero(here.pixels == 0).tolist()
        missing = [task.labels[i] for i in lacking]
        if part == "train" and ANY not in absent and (wrong := [name for name in missing if name not in absent]):
            sure = "certainly " if here.of_sets.any() else ""
            raise DataError(
                f"data.train: no pixel is {sure}{_few(wrong)}{_silence(here, task)}; give the encoding of the labels "
                f"(labels.ids of the source, or label_colors), or, if this is intended, data.absent = {_absent(wrong)}"
            )
        if part == "validation":
            allowed = _allowed(here, task)
            lines += _lacking("a certain pixel", part, [task.labels[i] for i in lacking if i in allowed], UNDECIDED)
            missing = [task.labels[i] for i in lacking if i not in allowed]
        lines += _lacking("a pixel", part, missing, CONSEQUENCE[part])
    return lines


def _lacking(what: str, part: str, missing: Sequence[str], so: str) -> list[str]:
    image = "training" if part == "train" else part
    return [f"no {image} image has {what} of {', '.join(missing)}: {so}"] if missing else []


def _allowed(found: LabelCounts, task: Task) -> set[int]:
    """The classes of the sets that occur."""
    return {i for classes, pixels in zip(task.sets, found.of_sets.tolist(), strict=True) if pixels for i in classes}


CONSEQUENCE = {
    "train": "it is not learned",
    "validation": "where it is predicted, it counts with an IoU of 0 in the score that chooses the checkpoint",
}
UNDECIDED = "labels only allow it, so that it is in no mean of the scores that choose the checkpoint"


def _silence(found: LabelCounts, task: Task) -> str:
    """The part of a message about ignored pixels, where there are many."""
    share = 1 - found.share
    if share <= SILENT:
        return ""
    return f", and {share:.0%} of the pixels are ignored (value {task.ignore}, or no data for the file)"


def _few(names: Sequence[str]) -> str:
    more = len(names) - NAMED_AT_ONCE
    return " or ".join(names[:NAMED_AT_ONCE]) + (f" or {more} others" if more > 0 else "")


def _absent(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in (names if len(names) <= NAMED_AT_ONCE else [ANY])) + "]"
