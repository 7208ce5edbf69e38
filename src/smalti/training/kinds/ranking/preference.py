"""Losses of preferences between photos."""

import torch
import torch.nn.functional as F
from torch import Tensor

TEMPERATURE = 0.2
"""Of `group_loss`, for cosine similarities."""


def pair_loss(preference: Tensor, chance: Tensor) -> Tensor:
    """Cross-entropy of the logits M that the first is better against the probability M that it is; 0 without pairs."""
    if not len(chance):
        return preference.sum()
    return F.binary_cross_entropy_with_logits(preference, chance)


def list_loss(score: Tensor, series: Tensor, place: Tensor) -> Tensor:
    """ListMLE (Xia et al., 2008): negative log-likelihood of whole orders under the Plackett-Luce model, per choice.

    Args:
        score: P, higher is better.
        series: P, the series each photo belongs to.
        place: P, 0 is best; photos at -1 have no known order and are ignored.
    """
    total, choices = score.sum() * 0, 0
    for number in torch.unique(series[place >= 0]):
        mine = (series == number) & (place >= 0)
        best_first = score[mine][place[mine].argsort()]
        rest = best_first.flip(0).logcumsumexp(0).flip(0)  # log of the sum over what is left at each choice
        total = total + (rest - best_first)[:-1].sum()  # the last one is not a choice
        choices += len(best_first) - 1
    return total / max(1, choices)


def steady_loss(score: Tensor, twin: Tensor) -> Tensor:
    """Mean squared difference between the scores P,1 of photos and of the same photos saved differently."""
    return F.mse_loss(twin, score)


def group_loss(embedding: Tensor, series: Tensor) -> Tensor:
    """Supervised contrastive loss (Khosla et al., 2020): photos of a series lie closer together than to others.

    Args:
        embedding: P,D of unit length.
        series: P, the series each photo belongs to; single photos serve only as negatives.
    """
    alone = torch.eye(len(series), dtype=torch.bool, device=series.device)
    likeness = (embedding @ embedding.T / TEMPERATURE).masked_fill(alone, -torch.inf)
    log_share = likeness - likeness.logsumexp(1, keepdim=True)
    same = (series[:, None] == series[None]) & ~alone
    counts = same.sum(1)
    inside = log_share.masked_fill(~same, 0).sum(1) / counts.clamp_min(1)
    return -inside.sum() / (counts > 0).sum().clamp_min(1)
