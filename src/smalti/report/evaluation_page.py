"""The page of an evaluation: scores and sample tiles of each task, training curves, and the protocol."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smalti.card import Task
from smalti.evaluation import ClassResult, Evaluation, Pair, Result, ValueResult
from smalti.files import deliver
from smalti.raster.palette import RAMP, task_colors
from smalti.report.charts import read_records, training_charts
from smalti.report.class_section import class_section
from smalti.report.page import render
from smalti.report.value_section import value_section


def write_evaluation_page(
    out: Path,
    evaluation: Evaluation,
    pairs: Sequence[Pair] = (),
    records: Path | None = None,
) -> None:
    """Writes the page of an evaluation.

    Args:
        out: path of the HTML file.
        evaluation: the scores, and the tiles if they were kept.
        pairs: images and labels, from which the pictures of the best, median and worst tiles are read again.
        records: CSV of a training, with a column `step`.

    Raises:
        OutputError: the page cannot be written.
        DataError: `records` cannot be read. Errors of the readers pass through.
    """
    sections = [_section(result, pairs) for result in evaluation]
    stated = evaluation.results[0].protocol.stated
    page = render(
        "evaluation.html",
        title=f"{evaluation.card.name} on {stated.data}",
        subtitle=f"Quality of its maps of {' and of '.join(_content(result.task) for result in evaluation)}",
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


def _content(task: Task) -> str:
    """The content of a task's maps: its classes, or its name."""
    return ", ".join(task.labels) if task.labels else task.name
