"""Batch norms re-estimated for a place: weights stay, means and variances become those of its images.

AdaBN (Li et al., 2018: "Adaptive batch normalization for practical domain adaptation") replaces the statistics; a share
below 1 keeps a part of the former ones, as in Schneider et al., NeurIPS 2020, because a place may show few classes.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def reestimate(model: nn.Module, batches: Iterable[Tensor], share: float = 1.0) -> int:
    """Moves the statistics of all batch norms a share of the way to those of some images; returns how many there are.

    Args:
        model: Any model that is called with a batch; left in evaluation mode.
        batches: Raw pixels (N, C, H, W) float32, at least one batch. Every batch counts alike, so that each should be
            as mixed as the place; the mean of the batches' variances is less than that of all images together.
        share: 1 replaces the statistics, 0 keeps them.

    Raises:
        ValueError: `batches` is empty.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    before = [(norm.running_mean.clone(), norm.running_var.clone(), norm.momentum) for norm in norms]  # type: ignore[union-attr]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a mean over all batches
        norm.train()
    seen = 0
    for batch in batches:
        model(batch)
        seen += 1
    model.eval()
    for norm, (mean, variance, momentum) in zip(norms, before, strict=True):
        assert norm.running_mean is not None and norm.running_var is not None
        kept = 1.0 - share if seen else 1.0
        norm.running_mean.lerp_(mean, kept)
        norm.running_var.lerp_(variance, kept)
        norm.momentum = momentum
    if not seen:
        raise ValueError("no batch to re-estimate the statistics from; the model is as it was")
    return len(norms)
