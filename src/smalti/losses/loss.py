"""Weighted sums of terms by name."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel
from torch import Tensor

from smalti.card import Task
from smalti.losses.boundary import BoundaryRelaxation, Edge, Light
from smalti.losses.entropy import Auxiliary, CrossEntropy, Focal, HardPixels
from smalti.losses.labels import Labels
from smalti.losses.overlap import Dice, Jaccard, Lovasz, Tversky
from smalti.losses.term import Outputs, Term, Terms


class LossSettings(Terms):
    """The terms of the loss, summed. Each is a weight, or a table: `focal = { weight = 0.5, gamma = 3.0 }`."""

    base: ClassVar[type[BaseModel]] = Term

    cross_entropy: CrossEntropy | None = None
    focal: Focal | None = None
    ohem: HardPixels | None = None
    dice: Dice | None = None
    jaccard: Jaccard | None = None
    tversky: Tversky | None = None
    lovasz: Lovasz | None = None
    edge: Edge | None = None
    boundary_relaxation: BoundaryRelaxation | None = None
    light: Light | None = None
    aux: Auxiliary | None = None

    def terms(self) -> dict[str, Term]:
        """The terms with a weight, by name."""
        return self.given()


class Loss:
    """A weighted sum of terms for one task; call it to get each term, already weighted, by name."""

    def __init__(self, terms: Mapping[str, Term], task: Task) -> None:
        self.terms = dict(terms)
        self.task = task

    def __call__(self, outputs: Outputs, targets: Mapping[str, Tensor], valid: Tensor) -> dict[str, Tensor]:
        """Scalars by name of the term.

        Args:
            outputs: logits N,K,H,W by task, and the outputs of auxiliary heads in training.
            targets: ids of classes, or of the task's sets of them, N,H,W int64 by task.
            valid: N,H,W bool. Without a single valid pixel every term is 0 (and still has a gradient, 0 everywhere).
        """
        labels, logits = Labels.of(targets[self.task.name], valid, self.task), outputs[self.task.name]
        return {
            name: LossSettings.weighted(name, term, logits, outputs, labels, self.task.name)
            for name, term in self.terms.items()
        }


def make_loss(settings: LossSettings, task: Task) -> Loss:
    """A loss for a task; `light` adds its three terms.

    Raises:
        ValueError: the settings do not fit the task.
    """
    spread: dict[str, Term] = {}
    for name, term in settings.terms().items():
        with LossSettings.calling(name, ValueError):
            term.check(task)
        for part, whole in (term.parts() if isinstance(term, Light) else {name: term}).items():
            weight = whole.weight + (spread[part].weight if part in spread else 0.0)
            spread[part] = spread.get(part, whole).model_copy(update={"weight": weight})
    return Loss(spread, task)
