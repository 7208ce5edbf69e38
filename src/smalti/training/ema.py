"""Averaged weights over the steps of a training."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def average_of(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of a model, the exponential moving average of its weights and batch norms (Polyak and Juditsky, 1992).

    The decay grows to `decay` over the first steps, as (1 + step) / (10 + step), so that the random start is forgotten.
    `update_parameters` takes the weights after a step; `module` is the average.
    """

    def average(own: list[Tensor], new: list[Tensor], n: Tensor | int) -> None:
        if not own[0].is_floating_point():  # counts
            torch._foreach_copy_(own, new)
            return
        kept = min(decay, int(n) / (9 + int(n)))  # n is 1 + step
        torch._foreach_lerp_(own, new, 1 - kept)

    averaged = AveragedModel(model, multi_avg_fn=average, use_buffers=True)  # type: ignore[arg-type]
    averaged.module.eval().requires_grad_(False)
    resume_at(averaged, 0)
    return averaged


def resume_at(averaged: AveragedModel, step: int) -> None:
    """Resumes after so many steps; the start counts as one, for torch would copy the first weights unaveraged."""
    averaged.n_averaged.fill_(1 + step)
