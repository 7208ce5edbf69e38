"""Weights by the learned uncertainty of each task."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from smalti.training.balance.balance import Backward, Balance, Losses


class Uncertainty(Balance):
    """Kendall, Gal and Cipolla, 2018 ("Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and
    Semantics"): the sum of L / v + log(v) / 2.

    v is the variance of a task's noise, s = log v the learned parameter, starting at 0. The paper halves the losses of
    values, which are squared errors there; here all losses have one form: a factor only shifts the best s.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__(weights)
        # One parameter per task: without a gradient, the optimizer's momentum does not move it either.
        self._logs = {task: nn.Parameter(torch.zeros(())) for task in self.tasks}

    def parameters(self) -> Sequence[nn.Parameter]:
        """The logarithms of the variances, in the order of the tasks."""
        return tuple(self._logs.values())

    def state_dict(self) -> dict[str, Any]:
        """See `Balance`."""
        return {task: log.item() for task, log in self._logs.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Balance`."""
        with torch.no_grad():
            for task, log in self._logs.items():
                log.fill_(state[task])

    def backward(self, losses: Losses, shared: Sequence[nn.Parameter], backward: Backward) -> dict[str, float]:
        """See `Balance`."""
        logs = {task: self._logs[task] for task in losses}
        backward(torch.stack([logs[task].neg().exp() * loss + logs[task] / 2 for task, loss in losses.items()]).sum())
        return {task: log.neg().exp().item() for task, log in logs.items()}
