"""Thresholds of confidence by class, so that pseudo-labels are given to rare and hard classes, too.

Class-balanced self-training (CBST; Zou et al., ECCV 2018) takes the surest share of the pixels of each predicted class:
a class that is predicted with little confidence has a lower threshold, whatever its frequency. There the thresholds are
of all images at once, between rounds of training, with a share that grows; here each is a running quantile: every batch
adds its confidences to a histogram per class whose former counts fade. Limits keep a class that is hardly ever
predicted with confidence from teaching noise, and one that is nearly always certain from losing certain pixels.
"""

from typing import Any

import torch
from torch import Tensor

BINS = 200
FADING = 0.99
"""Factor on the counts of former batches."""


class Thresholds:
    """The running thresholds of a task's classes."""

    def __init__(self, classes: int, share: float, limits: tuple[float, float]) -> None:
        self._share, self._limits = share, limits
        self.counts = torch.zeros(classes, BINS, dtype=torch.float64)
        """By class and confidence, from 0 to 1."""

    def update(self, classes: Tensor, confidences: Tensor) -> None:
        """Adds the predicted classes (P, int64) and confidences (P, float) of a batch."""
        bins = (confidences * BINS).long().clamp_(0, BINS - 1)
        found = torch.bincount(classes * BINS + bins, minlength=self.counts.numel())
        self.counts = FADING * self.counts + found.view_as(self.counts).cpu()

    def values(self) -> Tensor:
        """The threshold of each class, (K) float32: the upper limit for one that was never predicted."""
        above = self.counts.flip(1).cumsum(1).flip(1)  # K,BINS: counts of a bin and those above it
        bins = (above >= self._share * above[:, :1]).sum(1) - 1  # the highest bin above which there are enough
        low, high = self._limits
        found = (bins.clamp_min(0).double() / BINS).clamp(low, high)
        return torch.where(above[:, 0] > 0, found, high).float()

    def state(self) -> dict[str, Any]:
        """All that a resumed training needs."""
        return {"counts": self.counts}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` gave."""
        self.counts = state["counts"]
