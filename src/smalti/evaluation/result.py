"""The scores of an evaluation, each with the protocol it was measured under."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple, Protocol

from smalti.card import Card, Score, Task
from smalti.errors import DataError
from smalti.evaluation.protocol import Conditions
from smalti.text import defined


class Main(NamedTuple):
    """The main score of a task, by which it is compared."""

    name: str
    value: float
    higher_is_better: bool


@dataclass(frozen=True)
class Result(ABC):
    """The results of one task over a dataset; one class for each kind of task.

    Each has `scores`, the numbers by attribute, for example `scores.miou`. Its text is the table with the protocol.
    """

    task: Task
    protocol: Conditions
    scores: Any

    @property
    @abstractmethod
    def main(self) -> Main:
        """The main score, by which the task is compared."""

    @abstractmethod
    def figures(self) -> list[tuple[str, float]]:
        """The main numbers, (name, value); NaN where one is not defined."""

    @abstractmethod
    def table(self) -> list[str]:
        """All scores as aligned lines of plain text."""

    @abstractmethod
    def details(self) -> dict[str, Any]:
        """Further JSON fields beside task, scores and protocol."""

    def more(self) -> list[str]:
        """Lines below the protocol."""
        return []

    def card_scores(self, of_task: bool = False) -> tuple[Score, ...]:
        """The main numbers as a model's card keeps them, with the protocol; `of_task` puts the task's name first."""
        before = f"{self.task.name} " if of_task else ""
        return tuple(
            Score(name=before + name, value=round(value, 4), protocol=str(self.protocol))
            for name, value in self.figures()
            if math.isfinite(value)
        )

    def to_dict(self) -> dict[str, Any]:
        """The whole result, ready for JSON; undefined scores are None."""
        return {
            "task": self.task.name,
            "main": {**self.main._asdict(), "value": defined(self.main.value)},
            "scores": [score.model_dump() for score in self.card_scores()],
            "protocol": dict(self.protocol.lines()),
            **self.details(),
        }

    def __str__(self) -> str:
        return "\n".join([*self.table(), "", *self.protocol.table(), *self.more()])

    @classmethod
    def text(cls, results: Sequence["Result"]) -> str:
        """Several tasks of this kind as plain text: one after the other."""
        return "\n\n\n".join(f"{_heading(result.task)}\n\n{result}" for result in results)


def _heading(task: Task) -> str:
    return f"{task.name}{f' in {task.unit}' if task.unit else ''}"


class Compared(Protocol):
    """A comparison with other scores; its text stands below the table."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        ...


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The results of a model on one dataset: one for each task, in the card's order.

    Its text is the table of all scores, with the protocol under it.
    """

    results: tuple[Result, ...]
    seconds: float
    """Duration of the evaluation."""
    compared: Compared | None = None
    """Delta_m against stored scores, if requested."""

    @property
    def card(self) -> Card:
        """The model's card."""
        return self.results[0].protocol.card

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks that were scored."""
        return tuple(result.task.name for result in self.results)

    @property
    def scores(self) -> Any:
        """The scores of the only task, by attribute; DataError if there are several."""
        if len(self.results) > 1:
            raise DataError(f"the model was scored on several tasks; choose one: {', '.join(self.tasks)}")
        return self.results[0].scores

    def __getitem__(self, task: str) -> Result:
        """The result of a task by its name; KeyError for one that was not scored."""
        for result in self.results:
            if result.task.name == task:
                return result
        raise KeyError(f"no task {task!r} was scored; there are {', '.join(self.tasks)}")

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __str__(self) -> str:
        first = self.results[0]
        table = type(first).text(self.results) if self._several else str(first)
        return table if self.compared is None else f"{table}\n\n{self.compared}"

    def __repr__(self) -> str:
        figures = ", ".join(f"{one.task.name} {one.main.name} {one.main.value:.4g}" for one in self.results)
        return f"Evaluation({self.card.name}: {figures})"

    def _repr_html_(self) -> str:
        """The table, for notebooks."""
        return f"<pre>{escape(str(self))}</pre>"

    @property
    def _several(self) -> bool:
        """Whether scores stand under their tasks' names: those of whole images always do."""
        return len(self.results) > 1 or (self.results[0].task.per_image and self.results[0].task.kind != "score")

    def card_scores(self) -> tuple[Score, ...]:
        """The main numbers as a model's card keeps them, each with its protocol."""
        return tuple(score for result in self.results for score in result.card_scores(of_task=self._several))

    def to_dict(self) -> dict[str, Any]:
        """All results, ready for JSON: of a single task as they are, of several tasks by name in `tasks`."""
        model, seconds = {"model": self.card.name}, {"seconds": round(self.seconds, 3)}
        compared = self.compared.to_dict() if self.compared else {}
        if not self._several:
            return model | self.results[0].to_dict() | seconds | compared
        found: dict[str, Any] = {"scores": [score.model_dump() for score in self.card_scores()]}
        first = self.results[0].protocol
        if all(result.protocol is first for result in self.results):
            found["protocol"] = dict(first.lines())
        return model | found | {"tasks": {one.task.name: one.to_dict() for one in self.results}} | seconds | compared

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)
