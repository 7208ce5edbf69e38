"""What the loop trains: one protocol, so that one loop serves pixels, pairs of photos and several tasks."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from smalti.card import Card
from smalti.data.identity import Identity


@dataclass(frozen=True)
class Conclusion:
    """What is found out once a training is done: a text for people, and the main numbers as `part/score`."""

    text: str
    scores: dict[str, float]


class Work(Protocol):
    """A model, the data it learns from, its losses and its scores.

    `training.recipe.WORKS` makes one of a recipe and its card. Everything that the loop does not know of (steps, rates,
    checkpoints, devices) is here.
    """

    @property
    def card(self) -> Card:
        """The model's card."""

    @property
    def model(self) -> nn.Module:
        """The model with its starting weights; its encoder, where it has one, is `model.net.encoder`."""

    @property
    def identity(self) -> dict[str, Identity]:
        """The data that decide about the weights and the checkpoint, by content: of `train` and `validation`."""

    @property
    def selectable(self) -> tuple[str, ...]:
        """Scores of `validate` that a checkpoint may be chosen by, higher is better; the first one is the default."""

    def batches(self, first: int) -> Generator[Any, None, None]:
        """Batches `first`, `first` + 1, ...; each is a function of the seed and its number alone."""
        ...

    def names(self, batch: Any) -> list[str]:
        """Where the parts of a batch come from, for people."""
        ...

    def terms(self, model: Callable[..., Any], batch: Any) -> dict[str, Tensor]:
        """The terms of the loss by name, scalars, already weighted; their sum is trained on.

        A work that has an attribute `balance` (`training.balance.Balance`) names them `TASK` or `TASK/TERM`, leaves out
        those of a task without a valid label in the batch, and its balance makes the gradients of each task's sum.
        """
        ...

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Scores on the data that choose the checkpoint; `model` has the type of the work's own."""
        ...

    def report(self, scores: dict[str, float]) -> str:
        """The line about scores of `validate`."""
        ...

    def introduction(self) -> list[str]:
        """Lines that are said before the first step."""
        ...

    def warnings(self) -> list[str]:
        """What a person should know before the training takes hours."""
        ...

    def conclude(self, folder: Path) -> Conclusion:
        """Scores the checkpoint in `folder` on all data that are there for it."""
        ...
