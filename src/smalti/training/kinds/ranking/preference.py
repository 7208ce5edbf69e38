"""Losses of preferences between photos."""

import torch
import torch.nn.functional as F
from torch import Tensor

TEMPERATURE = 0.2
"""Of `group_loss`, in cosines."""


def pair_loss(preference: Tensor, chance: Tensor) -> Tensor:
    """Cross-entropy of the logits M that the first is better against the chance M that it is; 0 without pairs."""
    if not len(chance):
        return preference.sum()
    return F.binary_cross_entropy_with_logits(preference, chance)


def list_loss(score: Tensor, series: Tensor, place: Tensor) -> Tensor:
    """ListMLE (Xia et al., 2008): minus the log-likelihood of whole orders under Plackett and Luce, per choice.

    Args:
        score: P.
        series: P, the series each photo belongs to.
        place: P, 0 is best; photos at -1 have no known order and count nowhere.
    """
    total, choices = score.sum() * 0, 0
    for number in torch.unique(series[place >= 0]):
        mine = (series == number) & (place >= 0)
        best_first = score[mine][place[mine].argsort()]
        rest = best_first.flip(0).logcumsumexp(0).flip(0)  # log of the sum over what is left at each choice
        total = total + (rest - best_first)[:-1].sum()  # the last choice is none
        choices += len(best_first) - 1
    return total / max(1, choices)


def steady_loss(score: Tensor, twin: Tensor) -> Tensor:
    """Mean square of what a score P,1 moves when the same photo is kept otherwise: it should not."""
    return F.mse_loss(twin, score)


def group_loss(embedding: Tensor, series: Tensor) -> Tensor:
    """Supervised contrast (Khosla et al., 2020): photos of a series lie closer together than to others.

    Args:
        embedding: P,D of unit length.
        series: P; series of a single photo are only others' contrast.
    """
    alone = torch.eye(len(series), dtype=torch.bool, device=series.device)
    likeness = (embedding @ embedding.T / TEMPERATURE).masked_fill(alone, -torch.inf)
    log_share = likeness - likeness.logsumexp(1, keepdim=True)
    same = (series[:, None] == series[None]) & ~alone
    counts = same.sum(1)
    inside = log_share.masked_fill(~same, 0).sum(1) / counts.clamp_min(1)
    return -inside.sum() / (counts > 0).sum().clamp_min(1)
