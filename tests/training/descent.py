"""Whether an update goes where the loss's gradient points: what can be said after one step, on any processor."""

import itertools
from typing import Any

import torch
from torch import nn

from smalti.training.loop import Training

PLAIN = ("optim.name=sgd", "optim.momentum=0", "optim.weight_decay=0", "train.clip=0")
"""Changes to a recipe with which a step is the rate times the gradient."""
SHARE = 2e-3
"""Of the loss, which the step is to take away: little enough for a straight line, and far above rounding."""


def keep_norms(model: nn.Module) -> None:
    """Batch norms stay with the statistics they have, and nothing is left out at random."""
    model.eval()
    model.train = lambda mode=True: model  # type: ignore[method-assign]


def settle(training: Training, batch: Any) -> None:
    """Gives batch norms the statistics of a batch: with those they start with, a deep net's answers are huge."""
    for module in training.model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    training.model.train()
    with torch.no_grad():
        training.work.terms(training.model, batch)


def descend(training: Training, batch: Any) -> tuple[float, float]:
    """By how much the gradient promises that an update lowers the loss of a batch, and by how much it does.

    The training is to be a `PLAIN` one.
    """
    settle(training, batch)
    keep_norms(training.model)

    def loss() -> torch.Tensor:
        return torch.stack(list(training.work.terms(training.model, batch).values())).sum()

    trained = [parameter for parameter in training.model.parameters() if parameter.requires_grad]
    before = loss()
    gradients = torch.autograd.grad(before, trained, allow_unused=True)
    square = sum(float(gradient.square().sum()) for gradient in gradients if gradient is not None)
    promised = SHARE * before.item()
    for group in training.optimizer.param_groups:
        group["lr"] = promised / square
    training.update(itertools.repeat(batch))
    with torch.no_grad():
        return promised, before.item() - loss().item()
