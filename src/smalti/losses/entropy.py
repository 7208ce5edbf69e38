"""Losses of single pixels: cross-entropy and its variants.

A label that allows a set S of classes has the likelihood q = sum of p_c over S, and its cross-entropy is -log q (Jin
and Ghahramani, NeurIPS 2002: "Learning with multiple labels"; in segmentation the marginal loss of Shi et al., 2021,
for partly labelled images). For a single class it is the usual one; its gradient moves probability into S, and leaves
open how it is shared there. Where a weight per class applies, a set has the mean weight of its classes.
"""

import math

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from smalti.card import Task
from smalti.errors import RecipeError
from smalti.losses.labels import Labels
from smalti.losses.term import Outputs, Term, check_weights


class CrossEntropy(Term):
    """Cross-entropy; mean by the weights of the pixels' classes."""

    classes: tuple[float, ...] = ()
    """A weight per class; without any, class c weighs 1 + (1 - its frequency among the batch's pixels of one class)."""
    smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of each target that is spread over all classes (Szegedy et al., 2016)."""

    def check(self, task: Task) -> None:
        """See `Term`."""
        check_weights(self.classes, "classes", task)

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`. With smoothing, each class's share of a target weighs as that class."""
        logits = outputs[task].float()  # N,K,H,W
        classes = logits.shape[1]
        ids = labels.ids(classes)
        counts = torch.bincount(ids.flatten(), minlength=classes + 1)[:classes].float()  # K
        weights = logits.new_tensor(self.classes) if self.classes else 2 - counts / counts.sum().clamp_min(1)
        if labels.table is None:
            present = (counts * weights).sum()
            total = F.cross_entropy(
                logits, ids, weights, ignore_index=classes, reduction="sum", label_smoothing=self.smoothing
            )
        else:
            own = labels.mean_of(weights)  # N,H,W
            present, total = own.sum(), self._with_sets(logits, labels, weights, own)
        return total / torch.where(present > 0, present, 1.0)

    def _with_sets(self, logits: Tensor, labels: Labels, weights: Tensor, own: Tensor) -> Tensor:
        """The sum over the pixels, whose weights are `own` (N,H,W), where some labels allow several classes."""
        logs = logits.log_softmax(1)
        total = (own * set_losses(logs, labels)).sum()
        if not self.smoothing:
            return total
        everywhere = (logs * weights[:, None, None]).sum(1)  # N,H,W
        return (1 - self.smoothing) * total - self.smoothing / len(weights) * (everywhere * labels.usable).sum()


class Focal(Term):
    """Cross-entropy times (1 - p) ** gamma, p the probability of the true class (Lin et al., 2017); mean over pixels.

    With gamma 0 it is plain cross-entropy. The paper divides by the number of objects; pixels have none. For a set of
    classes p is their sum.
    """

    gamma: float = Field(2.0, ge=0)
    """How strongly pixels that are nearly right are weighted down."""
    alpha: tuple[float, ...] = ()
    """A factor per class; without any, 1."""

    def check(self, task: Task) -> None:
        """See `Term`."""
        check_weights(self.alpha, "alpha", task)

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`."""
        losses = pixel_losses(outputs[task], labels)  # N,H,W
        hard = (1 - torch.exp(-losses)).clamp_min(1e-6) ** self.gamma  # the gradient of a root is infinite at 0
        losses = hard * losses
        if self.alpha:
            losses = losses * labels.mean_of(losses.new_tensor(self.alpha))
        return losses.sum() / labels.usable.sum().clamp_min(1)


class HardPixels(Term):
    """Cross-entropy of the hardest pixels of the batch only, their mean (after Shrivastava et al., 2016: OHEM).

    The paper chooses regions; here each pixel is one. A pixel whose label allows a set competes with its -log q.
    """

    keep: float = Field(0.25, gt=0, le=1)
    """Share of the pixels that count."""

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`."""
        losses = pixel_losses(outputs[task], labels)[labels.usable]  # P
        kept = math.ceil(self.keep * losses.numel())
        return losses.topk(kept).values.sum() / max(kept, 1)


class Auxiliary(Term):
    """Cross-entropy of all auxiliary heads `TASK/aux...` of the net, summed (Zhao et al., 2017)."""

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`; RecipeError if the net has no such head."""
        heads = [logits for name, logits in outputs.items() if name.startswith(f"{task}/aux")]
        if not heads:
            raise RecipeError(f"loss 'aux' needs a net with outputs '{task}/aux...'; this one has {', '.join(outputs)}")
        plain = CrossEntropy()
        return torch.stack([plain({task: logits}, labels, task) for logits in heads]).sum()


def pixel_losses(logits: Tensor, labels: Labels) -> Tensor:
    """Cross-entropy of each pixel, N,H,W; 0 where it does not count."""
    if labels.table is not None:
        return torch.where(labels.usable, set_losses(logits.float().log_softmax(1), labels), 0.0)
    classes = logits.shape[1]
    return F.cross_entropy(logits.float(), labels.ids(classes), ignore_index=classes, reduction="none")


def set_losses(logs: Tensor, labels: Labels) -> Tensor:
    """-log q of each pixel by the logarithms of the probabilities N,K,H,W, whether a label is a class or a set.

    N,H,W, of no meaning where a pixel does not count. All pixels at once: to pick those of sets, and to put their
    gradients back, takes several times as long.
    """
    return -(logs + labels.barred(logs.shape[1])).logsumexp(1)
