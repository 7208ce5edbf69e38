"""Weights that bring the norms of the tasks' gradients in line with the tasks' progress."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from smalti.training.balance.balance import TINY, Backward, GradientBalance, Losses, add_gradient


class GradNorm(GradientBalance):
    """Chen et al., 2018 ("GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask Networks").

    With G_i = |gradient of w_i L_i|, l_i = L_i / L_i(first), r_i = l_i / mean(l): the weights descend on the sum of
    |G_i - mean(G) r_i ** alpha|, the second part held constant, and are scaled to keep their sum. The norms are over
    all shared parameters, not the last shared layer only: the backward passes are made anyway. The paper leaves the
    optimizer of the weights open; here it is Adam, which is invariant to the scale of gradients.
    """

    options = ("alpha", "lr")

    def __init__(self, weights: Mapping[str, float], alpha: float, lr: float) -> None:
        super().__init__(weights)
        self._alpha = alpha
        self._weights = {task: nn.Parameter(torch.ones((), dtype=torch.float64)) for task in self.tasks}
        self._first: dict[str, float] = {}
        self._adam = torch.optim.Adam(self._weights.values(), lr=lr)

    def state_dict(self) -> dict[str, Any]:
        """See `Balance`."""
        weights = {task: weight.item() for task, weight in self._weights.items()}
        return {"weights": weights, "first": dict(self._first), "adam": self._adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Balance`; the learning rate stays that of the current recipe."""
        rate = self._adam.param_groups[0]["lr"]
        self._adam.load_state_dict(state["adam"])
        self._adam.param_groups[0]["lr"] = rate
        self._first = dict(state["first"])
        with torch.no_grad():
            for task, weight in self._weights.items():
                weight.fill_(state["weights"][task])

    def backward(self, losses: Losses, shared: Sequence[nn.Parameter], backward: Backward) -> dict[str, float]:
        """See `Balance`. The gradients use the weights from before the weights' own update."""
        used = {task: self._weights[task].item() for task in losses}
        rows = self.rows({task: used[task] * loss for task, loss in losses.items()}, shared, backward)  # T,P
        add_gradient(shared, rows.sum(0))
        norms = dict(zip(losses, rows.norm(dim=1).tolist(), strict=True))
        self._learn({task: loss.item() for task, loss in losses.items()}, norms)
        return used

    def _learn(self, losses: dict[str, float], norms: dict[str, float]) -> None:
        """Updates the weights of the tasks given; their sum stays."""
        left = {task: loss / max(self._first.setdefault(task, loss), TINY) for task, loss in losses.items()}
        mean_left, mean_norm = (sum(of.values()) / len(losses) for of in (left, norms))
        came = [self._weights[task] for task in losses]
        total = sum(weight.item() for weight in came)
        self._adam.zero_grad()
        for task, weight in zip(losses, came, strict=True):
            target = mean_norm * (left[task] / max(mean_left, TINY)) ** self._alpha
            side = (norms[task] > target) - (norms[task] < target)
            weight.grad = torch.full_like(weight, side * norms[task] / weight.item())
        self._adam.step()
        with torch.no_grad():
            for weight in came:
                weight.clamp_min_(TINY)  # below 0 its task would be unlearned
            factor = total / sum(weight.item() for weight in came)
            for weight in came:
                weight.mul_(factor)
