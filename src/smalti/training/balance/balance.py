"""The base of every balancing rule: from one loss per task to the gradients of the parameters.

Two families: rules that weight the losses need one backward pass for all tasks; rules that look at the tasks'
gradients need one for each task.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from smalti.training.distributed import ALONE, Team

Losses = Mapping[str, Tensor]
"""One scalar per task; a task without a valid label in the batch is missing."""
TINY = 1e-8
"""Replaces a loss or a norm of 0 in a division."""


class Backward(Protocol):
    """Adds a loss's gradients to those of all parameters, scaled as the loop needs them."""

    def __call__(self, loss: Tensor, retain_graph: bool = False) -> None:
        """`retain_graph` if another loss of the same batch follows."""


class Balance:
    """A balancing rule for some tasks, with its state between batches."""

    options: ClassVar[tuple[str, ...]] = ()
    """The settings that it takes."""
    per_task: ClassVar[bool] = False
    """Whether it uses the gradient of each task, and so needs parameters that tasks share."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        """`weights` are those of the recipe, by task, of all tasks in order."""
        self.tasks = tuple(weights)
        self.team: Team = ALONE

    def parameters(self) -> Sequence[nn.Parameter]:
        """The parameters that the loop's optimizer trains together with the net."""
        return ()

    def state_dict(self) -> dict[str, Any]:
        """The state besides the parameters' optimizer: numbers and tensors."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""

    def backward(self, losses: Losses, shared: Sequence[nn.Parameter], backward: Backward) -> dict[str, float]:
        """Adds to the gradients of all parameters; returns the weight of each task.

        Args:
            losses: at least one, scalars with a graph, by task.
            shared: the trainable parameters that get a gradient from more than one task.
            backward: computes the gradients of one loss; see `Backward`.
        """
        raise NotImplementedError


class Seeded(Balance):
    """A rule with random draws; a resumed training gets the draws it would have had."""

    options = ("seed",)

    def __init__(self, weights: Mapping[str, float], seed: int) -> None:
        super().__init__(weights)
        self.random = torch.Generator().manual_seed(seed)

    def state_dict(self) -> dict[str, Any]:
        """See `Balance`."""
        return {"random": self.random.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Balance`."""
        self.random.set_state(state["random"])


class LossBalance(Balance):
    """A rule that weights the losses by their values alone."""

    def weigh(self, losses: dict[str, float]) -> dict[str, float]:
        """The weight of each loss given, by task."""
        raise NotImplementedError

    def backward(self, losses: Losses, shared: Sequence[nn.Parameter], backward: Backward) -> dict[str, float]:
        """See `Balance`."""
        weights = self.weigh({task: loss.item() for task, loss in losses.items()})
        backward(torch.stack([weights[task] * loss for task, loss in losses.items()]).sum())
        return weights


class GradientBalance(Balance):
    """A rule that uses each task's gradient of the shared parameters."""

    per_task = True

    def rows(self, losses: Losses, shared: Sequence[nn.Parameter], backward: Backward) -> Tensor:
        """Each task's gradient of the shared parameters, tasks x values, averaged over all processes.

        The shared parameters keep their gradients from before; all others get those of the losses as usual.
        """
        before = [parameter.grad for parameter in shared]
        rows = []
        for number, loss in enumerate(losses.values(), 1):
            for parameter in shared:
                parameter.grad = None
            backward(loss, retain_graph=number < len(losses))
            rows.append(torch.cat([_gradient(parameter) for parameter in shared]))
        for parameter, gradient in zip(shared, before, strict=True):
            parameter.grad = gradient
        matrix = torch.stack(rows)  # T,P
        self.team.average([matrix])
        return matrix


def add_gradient(shared: Sequence[nn.Parameter], total: Tensor) -> None:
    """Adds one flat gradient, P values, to those of the parameters."""
    parts = torch.split(total, [parameter.numel() for parameter in shared])
    for parameter, part in zip(shared, parts, strict=True):
        gradient = part.view_as(parameter)
        parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


def softmax_weights(scores: Mapping[str, float]) -> dict[str, float]:
    """Weights above 0 whose mean is 1, so that the learning rate means the same as with equal weights."""
    shares = torch.tensor(list(scores.values()), dtype=torch.float64).softmax(0) * len(scores)
    return dict(zip(scores, shares.tolist(), strict=True))


def _gradient(parameter: nn.Parameter) -> Tensor:
    gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    return gradient.flatten()
