"""Losses of predictions for whole images, also with mixed neighbours (Zhang et al., 2018: mixup)."""

import torch.nn.functional as F
from torch import Tensor

from smalti.evaluation.images import UNKNOWN


def neighbours(x: Tensor) -> Tensor:
    """Swaps 0 with 1, 2 with 3, ... along the first axis, whose length is even."""
    return x.reshape(-1, 2, *x.shape[1:]).flip(1).reshape(x.shape)


def mix(x: Tensor, share: Tensor) -> Tensor:
    """Each of N,... weighted by its share (N), plus its neighbour by the rest; float32."""
    own = share.reshape(-1, *[1] * (x.ndim - 1))
    return x.float() * own + neighbours(x).float() * (1 - own)


def class_loss(
    logits: Tensor, ids: Tensor, share: Tensor | None, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy, a mean by the weights of the images' classes; 0, with a gradient of 0, where no class is known.

    Args:
        logits: N,K.
        ids: N int64, -1 where unknown.
        share: N, mixup weight of each image's own class; its neighbour's class has the rest. None if images are not
            mixed.
        weights: K, weights of the classes; None weights all equally.
        smoothing: share of each target that is spread over all classes (Szegedy et al., 2016).
    """
    logits = logits.float()
    weights = logits.new_ones(logits.shape[1]) if weights is None else weights.to(logits)
    total, counted = _weighted(logits, ids, weights, smoothing)
    if share is not None:
        others, counted_others = _weighted(logits, neighbours(ids), weights, smoothing)
        total = total * share + others * (1 - share)
        counted = counted * share + counted_others * (1 - share)
    return total.sum() / counted.sum().clamp_min(1e-6)


def _weighted(logits: Tensor, ids: Tensor, weights: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Each image's loss times its weight, and its weight, N each; 0 where its class is unknown."""
    losses = F.cross_entropy(
        logits, ids, weights, ignore_index=UNKNOWN, reduction="none", label_smoothing=smoothing
    )  # fmt: skip
    return losses, weights[ids.clamp_min(0)] * (ids != UNKNOWN)
