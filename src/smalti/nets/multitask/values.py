"""Scales the output of a head to the values of a task, by the mean and deviation of its data."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.card import Task
from smalti.errors import DataError


class Values(nn.Module):
    """`centre` + `spread` x; for a task with a minimum, that minimum + `spread` softplus(x), which is never below it.

    The output x of a head starts near 0 and changes by about 1. `begin` sets both numbers so that the values start at
    the mean of the data, in any unit. They are stored with the weights, but not learned.
    """

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task
        self.centre: Tensor
        self.spread: Tensor
        self.register_buffer("centre", torch.tensor(task.minimum or 0.0))
        self.register_buffer("spread", torch.tensor(1.0))

    def begin(self, known: Tensor) -> None:
        """Sets them from the mean and deviation of known values, of any shape, NaN where unknown.

        Does nothing if all values are equal. DataError where their mean is not above the task's minimum.
        """
        values = known[known.isfinite()].double()
        if not len(values) or values.min() == values.max():
            return
        mean, deviation = values.mean(), values.std()
        if self.task.minimum is None:
            self.centre.copy_(mean)
            self.spread.copy_(deviation)
        else:
            if mean <= self.task.minimum:
                text = f"known values have a mean of {float(mean):.4g}, but none is below {self.task.minimum:g}"
                mend = "give the task a lower minimum, or mark what is unknown as no data"
                raise DataError(f"task {self.task.name}: its first {text} by the recipe; {mend}")
            self.spread.copy_((mean - self.task.minimum) / math.log(2))  # softplus(0) is log 2

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        return self.centre + self.spread * (x if self.task.minimum is None else F.softplus(x))


def output_of(task: Task) -> nn.Module:
    """The module after a head, `answers` in state dicts: identity for logits, `Values` for values."""
    return nn.Identity() if task.has_classes else Values(task)


def begin_values(net: nn.Module, task: str, known: Tensor) -> None:
    """Initialises a net's output for a task of values by known values; see `Values`."""
    for module in net.modules():
        if isinstance(module, Values) and module.task.name == task:
            module.begin(known)
