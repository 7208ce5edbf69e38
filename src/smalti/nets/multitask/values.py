"""From what a head says to the values of a task: in steps as large as its data have them."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.card import Task


class Values(nn.Module):
    """`centre` + `spread` x; of a task with a minimum that minimum + `spread` softplus(x), so never below it.

    A head begins with x about 0 and learns steps of about 1. `begin` sets both numbers so that it begins at the mean of
    the data, whatever their unit. They are kept with the weights, not learned.
    """

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task
        self.centre: Tensor
        self.spread: Tensor
        self.register_buffer("centre", torch.tensor(task.minimum or 0.0))
        self.register_buffer("spread", torch.tensor(1.0))

    def begin(self, known: Tensor) -> None:
        """Takes mean and deviation of values of the data, of any shape, NaN where unknown.

        Leaves all as it is where no two of them differ.
        """
        values = known[known.isfinite()].double()
        if not len(values) or values.min() == values.max():
            return
        mean, deviation = values.mean(), values.std()
        if self.task.minimum is None:
            self.centre.copy_(mean)
            self.spread.copy_(deviation)
        else:
            self.spread.copy_((mean - self.task.minimum) / math.log(2))  # softplus(0) is log 2

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same."""
        return self.centre + self.spread * (x if self.task.minimum is None else F.softplus(x))


def answers_of(task: Task) -> nn.Module:
    """What stands behind a head: nothing for logits, `Values` for values."""
    return nn.Identity() if task.has_classes else Values(task)


def begin_values(net: nn.Module, task: str, known: Tensor) -> None:
    """Lets a net's answer to a task of values begin where its data lie; see `Values`."""
    for module in net.modules():
        if isinstance(module, Values) and module.task.name == task:
            module.begin(known)
