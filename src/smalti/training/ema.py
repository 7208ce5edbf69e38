"""The mean of the weights over the steps of a training."""

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


class Mean(Generic[M]):
    """The exponential mean of a model's weights and batch-norm statistics (Polyak and Juditsky, 1992).

    The decay grows to `decay` over the first steps, as (1 + step) / (10 + step), so that the random start is forgotten.
    """

    def __init__(self, model: M, decay: float) -> None:
        self.model = copy.deepcopy(model)
        self.model.eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Takes in the weights after a step (from 0)."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        own, new = self.model.state_dict(), model.state_dict()
        floats = [name for name, value in own.items() if value.is_floating_point()]
        torch._foreach_lerp_([own[name] for name in floats], [new[name] for name in floats], share)
        for name in own.keys() - set(floats):
            own[name].copy_(new[name])
