"""What every rule of balancing is: from one loss per task to the gradients of the parameters.

Two families: rules that weigh the losses need one pass back through the net for all tasks; rules that look at the
tasks' gradients need one for each task.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from smalti.training.distributed import ALONE, Team

Losses = Mapping[str, Tensor]
"""One scalar per task; a task without a valid label in the batch is not there."""
TINY = 1e-8
"""What stands for a loss or a norm of 0 where one is divided by."""


class Backward(Protocol):
    """Adds a loss's gradients to those of all parameters, as the loop wants them scaled."""

    def __call__(self, loss: Tensor, retain_graph: bool = False) -> None:
        """`retain_graph` where another loss of the same batch follows."""


class Balance:
    """A rule for some tasks, and what it remembers from batch to batch."""

    options: ClassVar[tuple[str, ...]] = ()
    """The settings that it takes."""
    per_task: ClassVar[bool] = False
    """Whether it looks at the gradient of each task, and so needs parameters that tasks share."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        """`weights` are the recipe's, of all tasks in their order."""
        self.tasks = tuple(weights)
        self.team: Team = ALONE

    def parameters(self) -> Sequence[nn.Parameter]:
        """What the loop's optimizer is to train together with the net."""
        return ()

    def state_dict(self) -> dict[str, Any]:
        """What is remembered besides the parameters' optimizer: numbers and tensors."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where `state_dict` was taken."""

    def backward(self, losses: Losses, shared: Sequence[nn.Parameter], backward: Backward) -> dict[str, float]:
        """Adds to the gradients of all parameters; answers the weight that each task had.

        Args:
            losses: at least one, scalars with a graph.
            shared: the trainable parameters that more than one task's loss reaches.
            backward: see there.
        """
        raise NotImplementedError


class Drawing(Balance):
    """A rule that draws by chance, and goes on with what it would have drawn."""

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
    """A rule that weighs the losses by numbers alone."""

    def weigh(self, losses: dict[str, float]) -> dict[str, float]:
        """The weight of each loss that came."""
        raise NotImplementedError

    def backward(self, losses: Losses, shared: Sequence[nn.Parameter], backward: Backward) -> dict[str, float]:
        """See `Balance`."""
        weights = self.weigh({task: loss.item() for task, loss in losses.items()})
        backward(torch.stack([weights[task] * loss for task, loss in losses.items()]).sum())
        return weights


class GradientBalance(Balance):
    """A rule that looks at each task's gradient of the shared parameters."""

    per_task = True

    def rows(self, losses: Losses, shared: Sequence[nn.Parameter], backward: Backward) -> Tensor:
        """Each task's gradient of the shared parameters, tasks x numbers, the mean over all processes.

        The shared parameters keep the gradients they had; all others get the losses' as usual.
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
    """Adds one long gradient, P numbers, to those of the parameters."""
    parts = torch.split(total, [parameter.numel() for parameter in shared])
    for parameter, part in zip(shared, parts, strict=True):
        gradient = part.view_as(parameter)
        parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


def softmax_weights(scores: Mapping[str, float]) -> dict[str, float]:
    """Weights above 0 whose mean is 1, so that the rate of learning means what it does with equal weights."""
    shares = torch.tensor(list(scores.values()), dtype=torch.float64).softmax(0) * len(scores)
    return dict(zip(scores, shares.tolist(), strict=True))


def _gradient(parameter: nn.Parameter) -> Tensor:
    gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    return gradient.flatten()
