"""The page of an evaluation: for each task scores and telling tiles; the training's curves, and the protocol."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smalti.card import Task
from smalti.evaluation import ClassResult, Evaluation, Pair, Result, ValueResult
from smalti.files import deliver
from smalti.raster.palette import task_colors
from smalti.report.charts import read_records, training_charts
from smalti.report.class_section import class_section
from smalti.report.page import render
from smalti.report.relief import RAMP
from smalti.report.value_section import value_section


def write_evaluation_page(
    out: Path,
    evaluation: Evaluation,
    pairs: Sequence[Pair] = (),
    records: Path | None = None,
) -> None:
    """Writes the page to `out`.

    The pictures of the best, median and worst tiles, where the evaluation kept them, are read again from `pairs`.
    `records` is the CSV of a training, with a column `step`. Raises OutputError, DataError and what the readers raise.
    """
    sections = [_section(result, pairs) for result in evaluation]
    stated = evaluation.results[0].protocol.stated
    page = render(
        "evaluation.html",
        title=f"{evaluation.card.name} on {stated.data}",
        subtitle=f"How good its maps of {' and of '.join(_answer(result.task) for result in evaluation)} are",
        colors=next((task_colors(r.task) for r in evaluation if isinstance(r, ClassResult)), RAMP),
        sections=sections,
        charts=training_charts(read_records(records)) if records else [],
        card=evaluation.card,
    )
    deliver(out, page.encode())


def _section(result: Result, pairs: Sequence[Pair]) -> dict[str, Any]:
    if isinstance(result, ClassResult):
        return class_section(result, pairs)
    assert isinstance(result, ValueResult)
    return value_section(result, pairs)


def _answer(task: Task) -> str:
    """What a task's maps show."""
    return ", ".join(task.labels) if task.labels else task.name
