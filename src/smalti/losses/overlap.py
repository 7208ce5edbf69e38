"""Losses of the overlap of each class's ground truth and prediction, over the whole batch.

A label that allows a set of classes decides that a pixel is none of the others, and leaves open which of these it is.
So each class is compared over the pixels that decide about it, as its IoU is measured: those whose label is the class,
and those whose label does not allow it. Pixels of sets that allow it count neither as found nor as truth. (The marginal
Dice of Shi et al., 2021, joins the classes of a set to one instead, which needs the same sets in the whole batch.) A
class is present if some label is the class.
"""

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from smalti.losses.labels import Labels, one_hot
from smalti.losses.term import Outputs, Term


@dataclass(frozen=True)
class Overlap:
    """Soft areas in pixels, one per class (K): of the intersection, of the ground truth, of the prediction."""

    both: Tensor
    truth: Tensor
    found: Tensor

    def mean_loss(self, scores: Tensor) -> Tensor:
        """1 - score (K), mean over the classes that are present in the ground truth."""
        present = self.truth > 0
        return ((1 - scores) * present).sum() / present.sum().clamp_min(1)


def overlap(logits: Tensor, labels: Labels) -> Overlap:
    """The areas of logits N,K,H,W."""
    truth = one_hot(labels, logits.shape[1])
    found = logits.float().softmax(1) * labels.decided(logits.shape[1])
    return Overlap((found * truth).sum((0, 2, 3)), truth.sum((0, 2, 3)), found.sum((0, 2, 3)))


class Dice(Term):
    """1 - soft Dice, mean over the classes present (Milletari et al., 2016, without squares)."""

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`."""
        areas = overlap(outputs[task], labels)
        return areas.mean_loss(2 * areas.both / (areas.truth + areas.found).clamp_min(1e-6))


class Jaccard(Term):
    """1 - soft intersection over union, mean over the classes present (Rahman and Wang, 2016)."""

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`."""
        areas = overlap(outputs[task], labels)
        return areas.mean_loss(areas.both / (areas.truth + areas.found - areas.both).clamp_min(1e-6))


class Tversky(Term):
    """1 - the soft Tversky index, mean over the classes present (Salehi et al., 2017).

    With alpha = beta = 0.5 it is Dice, with alpha = beta = 1 Jaccard.
    """

    alpha: float = Field(0.3, ge=0)
    """Weight of false positives."""
    beta: float = Field(0.7, ge=0)
    """Weight of false negatives: above `alpha`, small objects are missed less often."""

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`."""
        areas = overlap(outputs[task], labels)
        wrong = self.alpha * (areas.found - areas.both) + self.beta * (areas.truth - areas.both)
        return areas.mean_loss(areas.both / (areas.both + wrong).clamp_min(1e-6))


class Lovasz(Term):
    """Lovasz-softmax: the convex extension of each class's Jaccard loss (Berman et al., 2018), mean over those present.

    Over all pixels of the batch together, as the paper's "batch" variant. Pixels that do not decide about a class have
    no error for it: at the end of the order they add nothing.
    """

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`."""
        logits = outputs[task].float()  # N,K,H,W
        guess = logits.softmax(1).movedim(1, 0)[:, labels.usable]  # K,P
        ids = torch.arange(len(guess), device=guess.device)[:, None]
        truth = labels.classes[labels.usable] == ids  # K,P
        errors = (truth.float() - guess).abs()
        if labels.table is not None:
            errors = errors * labels.decided(len(guess)).movedim(1, 0)[:, labels.usable]
        errors, order = errors.sort(dim=1, descending=True)
        present = truth.any(1)
        losses = (errors * _jaccard_steps(truth.gather(1, order))).sum(1)  # K
        return (losses * present).sum() / present.sum().clamp_min(1)


@torch.no_grad()
def _jaccard_steps(truth: Tensor) -> Tensor:
    """By how much the Jaccard loss grows with each further wrong pixel; truth K,P bool, float32 of the same shape."""
    area = truth.sum(1, keepdim=True)
    left = area - truth.cumsum(1)
    union = area + (~truth).cumsum(1)
    loss = 1 - left / union.clamp_min(1)
    return torch.diff(loss, dim=1, prepend=loss.new_zeros(len(loss), 1))
