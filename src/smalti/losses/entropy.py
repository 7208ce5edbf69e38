"""Losses that look at each pixel by itself: cross-entropy and its variants."""

import math

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from smalti.card import Task
from smalti.errors import RecipeError
from smalti.losses.labels import Labels
from smalti.losses.term import Outputs, Term, check_length


class CrossEntropy(Term):
    """Cross-entropy; mean by the weights of the pixels' classes."""

    classes: tuple[float, ...] = ()
    """A weight per class; without any, class c weighs 1 + (1 - its frequency in the batch)."""
    smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of each target that is spread over all classes (Szegedy et al., 2016)."""

    def check(self, task: Task) -> None:
        """See `Term`."""
        check_length(self.classes, "classes", task)
        if self.classes and (min(self.classes) < 0 or not sum(self.classes)):
            raise ValueError("classes must be weights of 0 or more, not all of them 0")

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`. With smoothing, each class's share of a target weighs as that class."""
        logits = outputs[task].float()  # N,K,H,W
        classes = logits.shape[1]
        ids = labels.ids(classes)
        counts = torch.bincount(ids.flatten(), minlength=classes + 1)[:classes].float()  # K
        weights = logits.new_tensor(self.classes) if self.classes else 2 - counts / counts.sum().clamp_min(1)
        total = F.cross_entropy(
            logits, ids, weights, ignore_index=classes, reduction="sum", label_smoothing=self.smoothing
        )
        present = (counts * weights).sum()
        return total / torch.where(present > 0, present, 1.0)


class Focal(Term):
    """Cross-entropy times (1 - p) ** gamma, p the probability of the true class (Lin et al., 2017); mean over pixels.

    With gamma 0 it is plain cross-entropy. The paper divides by the number of objects; pixels have none.
    """

    gamma: float = Field(2.0, ge=0)
    """How strongly pixels that are nearly right are weighted down."""
    alpha: tuple[float, ...] = ()
    """A factor per class; without any, 1."""

    def check(self, task: Task) -> None:
        """See `Term`."""
        check_length(self.alpha, "alpha", task)

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`."""
        losses = pixel_losses(outputs[task], labels)  # N,H,W
        hard = (1 - torch.exp(-losses)).clamp_min(1e-6) ** self.gamma  # the gradient of a root is infinite at 0
        losses = hard * losses
        if self.alpha:
            losses = losses * losses.new_tensor((*self.alpha, 0.0))[labels.ids(len(self.alpha))]
        return losses.sum() / labels.usable.sum().clamp_min(1)


class HardPixels(Term):
    """Cross-entropy of the hardest pixels of the batch only, their mean (after Shrivastava et al., 2016: OHEM).

    The paper chooses regions; here each pixel is one.
    """

    keep: float = Field(0.25, gt=0, le=1)
    """Share of the pixels that count."""

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`."""
        losses = pixel_losses(outputs[task], labels)[labels.usable]  # P
        kept = math.ceil(self.keep * losses.numel())
        return losses.topk(kept).values.sum() / max(kept, 1)


class Auxiliary(Term):
    """Cross-entropy of every further head `TASK/aux...` that the net has while training, summed (Zhao et al., 2017)."""

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`; RecipeError if the net has no such head."""
        heads = [logits for name, logits in outputs.items() if name.startswith(f"{task}/aux")]
        if not heads:
            raise RecipeError(f"loss 'aux' needs a net with outputs '{task}/aux...'; this one has {', '.join(outputs)}")
        plain = CrossEntropy()
        return torch.stack([plain({task: logits}, labels, task) for logits in heads]).sum()


def pixel_losses(logits: Tensor, labels: Labels) -> Tensor:
    """Cross-entropy of each pixel, N,H,W; 0 where it does not count."""
    classes = logits.shape[1]
    return F.cross_entropy(logits.float(), labels.ids(classes), ignore_index=classes, reduction="none")
