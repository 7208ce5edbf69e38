"""What an evaluation found of one task, and the protocol under which every number of it stands."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from smalti.card import Score, Task
from smalti.evaluation.protocol import Conditions


class Main(NamedTuple):
    """The one number that a task is compared by."""

    name: str
    value: float
    higher_is_better: bool


class Result(Protocol):
    """The scores of one task over a data set; one class for each kind of task."""

    @property
    def task(self) -> Task:
        """The task."""

    @property
    def facts(self) -> Conditions:
        """The protocol."""

    @property
    def seconds(self) -> float:
        """How long the evaluation of all tasks took."""

    @property
    def main(self) -> Main:
        """The number that the task is compared by."""

    def figures(self) -> list[tuple[str, float]]:
        """The main numbers, (name, value); NaN where one is not defined."""
        ...

    def shown(self) -> list[tuple[str, str, str]]:
        """The numbers to be seen first: (name, text, unit)."""
        ...

    def table(self) -> list[str]:
        """All scores as aligned lines of plain text."""
        ...

    def more(self) -> list[str]:
        """Lines that stand below the protocol."""
        ...

    def details(self) -> dict[str, Any]:
        """What JSON holds beside task, scores and protocol."""
        ...


def card_scores(result: Result, of_task: bool = False) -> tuple[Score, ...]:
    """The main numbers as a model's card keeps them, each with the protocol; `of_task` puts the task's name first."""
    before = f"{result.task.name} " if of_task else ""
    return tuple(
        Score(name=before + name, value=round(value, 4), protocol=str(result.facts))
        for name, value in result.figures()
        if math.isfinite(value)
    )


def plain(results: tuple[Result, ...]) -> dict[str, Any]:
    """All that was found, ready for JSON: of one task as it is, of several each under its name in `tasks`."""
    first = results[0]
    if len(results) == 1:
        whole = {"model": first.facts.card.name, **_plain_task(first), "seconds": round(first.seconds, 3)}
        return whole
    return {
        "model": first.facts.card.name,
        "scores": [score.model_dump() for result in results for score in card_scores(result, of_task=True)],
        "tasks": {result.task.name: _plain_task(result) for result in results},
        "seconds": round(first.seconds, 3),
    }


def _plain_task(result: Result) -> dict[str, Any]:
    return {
        "task": result.task.name,
        "main": {**result.main._asdict(), "value": result.main.value if math.isfinite(result.main.value) else None},
        "scores": [score.model_dump() for score in card_scores(result)],
        "protocol": dict(result.facts.lines()),
        **result.details(),
    }


def to_json(*results: Result, more: Mapping[str, Any] | None = None) -> str:
    """All of it as JSON, and `more` behind it; what is not defined is null."""
    return json.dumps({**plain(results), **(more or {})}, indent=2, ensure_ascii=False)


def text_table(*results: Result) -> str:
    """The scores as aligned plain text, with the protocol under them; of several tasks one after the other."""
    several = len(results) > 1
    return "\n\n\n".join("\n".join([*_heading(result.task, several), *_told(result)]) for result in results)


def _heading(task: Task, several: bool) -> list[str]:
    return [f"{task.name}{f' in {task.unit}' if task.unit else ''}", ""] if several else []


def _told(result: Result) -> list[str]:
    lines = result.facts.lines()
    width = max(len(what) for what, _ in lines)
    protocol = [f"  {what:<{width}}  {text}" for what, text in lines]
    return [*result.table(), "", "protocol", *protocol, *result.more()]
