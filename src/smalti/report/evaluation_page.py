"""The page of an evaluation: for each task scores and telling tiles; the training's curves, and the protocol."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smalti.card import Task
from smalti.evaluation import Evaluation, Pair, TaskResult
from smalti.files import deliver
from smalti.raster.palette import task_colors
from smalti.report.charts import read_records, training_charts
from smalti.report.class_section import class_section
from smalti.report.page import render
from smalti.report.relief import RAMP
from smalti.report.value_section import value_section


def write_evaluation_page(
    out: Path,
    results: Sequence[TaskResult],
    pairs: Sequence[Pair] = (),
    tiles: Mapping[str, Sequence[Any]] | None = None,
    records: Path | None = None,
) -> None:
    """Writes the page to `out`.

    `tiles` are those that `evaluate_tasks` kept, by task; the pictures of the best, median and worst are read again
    from `pairs`. `records` is the CSV of a training, with a column `step`. Raises OutputError, DataError and what the
    readers raise.
    """
    sections = [_section(result, pairs, (tiles or {}).get(result.task.name, [])) for result in results]
    facts = results[0].facts
    page = render(
        "evaluation.html",
        title=f"{facts.card.name} on {facts.stated.data}",
        subtitle=f"How good its maps of {' and of '.join(_answer(result.task) for result in results)} are",
        colors=next((task_colors(r.task) for r in results if isinstance(r, Evaluation)), RAMP),
        sections=sections,
        charts=training_charts(read_records(records)) if records else [],
        card=facts.card,
    )
    deliver(out, page.encode())


def _section(result: TaskResult, pairs: Sequence[Pair], tiles: Sequence[Any]) -> dict[str, Any]:
    if isinstance(result, Evaluation):
        return class_section(result, pairs, tiles)
    return value_section(result, pairs, tiles)


def _answer(task: Task) -> str:
    """What a task's maps show."""
    return ", ".join(task.labels) if task.labels else task.name
