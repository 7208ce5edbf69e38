"""The interface to the loop: one protocol, so that one loop trains pixels, pairs of photos and several tasks."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from smalti.card import Card
from smalti.data.identity import Identity


@dataclass(frozen=True)
class Conclusion:
    """The results of a finished training: a text report, and the main scores as `part/score`."""

    text: str
    scores: dict[str, float]


class Pupil(Protocol):
    """What a work that learns from its own averaged weights has as `self_training`."""

    teacher: nn.Module
    """The average of the weights, in evaluation mode; set by the loop before the first batch."""
    noted: dict[str, float]
    """Numbers of the last batch for the records, by names that begin with `confident`."""

    def state(self) -> dict[str, Any]:
        """All that a resumed training needs besides the teacher, for state.pt."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` gave."""
        ...


class Work(Protocol):
    """A model, the data it learns from, its losses and its scores.

    `training.recipe.WORKS` makes one from a recipe and its card. It has everything except what the loop does (steps,
    rates, checkpoints, devices). A work with an attribute `beside`, a torch module, has its parameters trained with the
    model, and kept to resume from; they are no part of the model.
    """

    @property
    def card(self) -> Card:
        """The model's card."""

    @property
    def model(self) -> nn.Module:
        """The model with its starting weights; its encoder, if it has one, is `model.net.encoder`."""

    @property
    def identity(self) -> dict[str, Identity]:
        """Identity by content of the data that influence weights and checkpoint: `train` and `validation`."""

    @property
    def selectable(self) -> tuple[str, ...]:
        """Scores of `validate` that may choose a checkpoint, higher is better; the first one is the default."""

    @property
    def undefined(self) -> Mapping[str, str]:
        """Why the validation data cannot define some of the selectable scores, by score, as far as labels tell."""

    def images(self) -> Tensor:
        """The images of the first batch, raw (N, C, H, W): batch norms that starting weights lack begin with them."""
        ...

    def batches(self, first: int) -> Generator[Any, None, None]:
        """Batches `first`, `first` + 1, ...; each is a function of the seed and its number alone."""
        ...

    def names(self, batch: Any) -> list[str]:
        """The sources of the parts of a batch, for messages."""
        ...

    def terms(self, model: Callable[..., Any], batch: Any) -> dict[str, Tensor]:
        """The terms of the loss by name, scalars, already weighted; their sum is minimised.

        A work with an attribute `balance` (`training.balance.Balance`) names them `TASK` or `TASK/TERM`, skips those of
        a task without a valid label in the batch, and its balance computes the gradients of each task's sum.
        """
        ...

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Scores on the data that choose the checkpoint; `model` has the type of the work's own model."""
        ...

    def report(self, scores: dict[str, float]) -> str:
        """A line with scores of `validate`."""
        ...

    def introduction(self) -> list[str]:
        """Lines to print before the first step."""
        ...

    def warnings(self) -> list[str]:
        """Warnings to print before the training starts, which may take hours."""
        ...

    def conclude(self, folder: Path) -> Conclusion:
        """Scores the checkpoint in `folder` on all validation and test data."""
        ...
