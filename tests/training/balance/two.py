"""Two tasks over a vector of two numbers, small enough to do by hand.

At x = (1, 2), with a head of 0 per task:
    a:  L = |x - (0, 2)|^2 + head        = 1 + 0 + 0 = 1          gradient 2 (x - (0, 2)) = (2, 0)
    b:  L = 3/2 |x - p|^2 + head, p = (2, 1):  3/2 (1 + 1) = 3    gradient 3 (x - p) = (-3, 3): against a, product -6
                                  p = (0, 1):  3/2 (1 + 1) = 3    gradient 3 (x - p) = (3, 3): with a, product 6
Each loss has gradient 1 in its own head.
"""

import torch
from torch import Tensor, nn

from smalti.training.balance import Balance

WEIGHTS = {"a": 1.0, "b": 1.0}


class Two:
    def __init__(self, agreeing: bool = False) -> None:
        self.x = nn.Parameter(torch.tensor([1.0, 2.0]))
        self.heads = {task: nn.Parameter(torch.zeros(())) for task in WEIGHTS}
        self.point = torch.tensor([0.0, 1.0] if agreeing else [2.0, 1.0])

    def losses(self) -> dict[str, Tensor]:
        a = (self.x - torch.tensor([0.0, 2.0])).square().sum() + self.heads["a"]
        b = 1.5 * (self.x - self.point).square().sum() + self.heads["b"]
        return {"a": a, "b": b}

    def pull(self, balance: Balance, *tasks: str, scales: tuple[float, float] = (1.0, 1.0)) -> dict[str, float]:
        """Adds the gradients of the losses, or of some tasks' only; a loss may be scaled to be another one."""
        losses = {task: loss * scale for (task, loss), scale in zip(self.losses().items(), scales, strict=True)}
        came = {task: losses[task] for task in tasks or losses}
        return balance.backward(came, [self.x], backward)

    def gradient(self) -> list[float]:
        """Of x, and of the heads of a and b."""
        parameters = (self.x, *self.heads.values())
        return torch.cat(
            [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
        ).tolist()


def backward(loss: Tensor, retain_graph: bool = False) -> None:
    loss.backward(retain_graph=retain_graph)
