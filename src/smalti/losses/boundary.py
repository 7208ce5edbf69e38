"""Losses at the boundaries between classes."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from smalti.losses.entropy import CrossEntropy
from smalti.losses.labels import Labels, likely
from smalti.losses.term import Outputs, Term, head

EDGE_WIDTH = 5
"""Pixels: how wide the targets of the edge head are drawn."""


class Edge(Term):
    """Binary cross-entropy of the edge head; edge and other pixels weigh half each, as they are few and many.

    Where labels allow sets of classes, only what is certain counts; see `edge_labels`.
    """

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`; RecipeError if the net has no edge head."""
        logits = head(outputs, f"{task}/edge", "edge")[:, 0].float()  # N,H,W
        targets, known = edge_labels(labels)
        losses = F.binary_cross_entropy_with_logits(logits, targets.float(), reduction="none")
        sides = [known & targets, known & ~targets]
        present = sum(side.any().float() for side in sides)
        means = [(losses * side).sum() / side.sum().clamp_min(1) for side in sides]
        return (means[0] + means[1]) / torch.as_tensor(present).clamp_min(1)


class BoundaryRelaxation(Term):
    """KL divergence from the 3x3 mean of the one-hot labels to the 3x3 mean of the softmax; mean over pixels.

    After Zhu et al., 2019 ("Improving Semantic Segmentation via Video Propagation and Label Relaxation"), who sum the
    probabilities of the classes near a boundary; the means make it one formula for all pixels. Computed on the body
    head if the net has one, else on the classes. Means are over the pixels that count.

    For a label that allows a set S the one-hot vector is replaced by the softmax within S, scaled to 1 and without a
    gradient: the distribution of the class given the label. Of one pixel alone the divergence is then -log of the
    probability of S, and has its gradient, as in EM; a class gives its one-hot vector.
    """

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`."""
        logits = outputs.get(f"{task}/body", outputs[task]).float()  # N,K,H,W
        usable = labels.usable[:, None].float()  # N,1,H,W
        share = 1 / box_sum(usable).clamp_min(1)
        truth = box_sum(likely(labels, logits)) * share  # N,K,H,W
        guess = box_sum(logits.softmax(1) * usable) * share
        divergence = torch.xlogy(truth, truth) - truth * guess.clamp_min(1e-7).log()
        return (divergence * usable).sum() / usable.sum().clamp_min(1)


class Light(Term):
    """The three terms of the light body-edge nets: `cross_entropy`, `edge` and `boundary_relaxation`."""

    def parts(self) -> dict[str, Term]:
        """The terms that it consists of, by name, each with its weight."""
        return {
            "cross_entropy": CrossEntropy(weight=self.weight),
            "edge": Edge(weight=self.weight),
            "boundary_relaxation": BoundaryRelaxation(weight=self.weight),
        }


def edge_targets(labels: Labels, width: int = EDGE_WIDTH) -> Tensor:
    """Edges between classes, centred on the last pixel before the change.

    An edge is between two neighbouring pixels that both count and have no class that both labels allow; the border to
    ignored pixels is not an edge.

    Args:
        labels: N,H,W.
        width: of the edges in pixels, odd.

    Returns:
        N,H,W bool.
    """
    ids, meet = labels.classes, None
    if labels.table is not None:
        table = labels.table.float()  # ids,K
        meet = table @ table.T > 0  # ids,ids: have a class in common

    def differ(one: Tensor, other: Tensor) -> Tensor:
        return one != other if meet is None else ~meet[one, other]

    return _drawn(differ, ids, labels.usable, width)


def edge_labels(labels: Labels, width: int = EDGE_WIDTH) -> tuple[Tensor, Tensor]:
    """Edges as `edge_targets`, and where it is known whether there is one, N,H,W bool each.

    Between two pixels of which one label allows a set that the other's shares classes with, there may be an edge or not
    (two neighbours that are "no building" can be road and land): within the width of such a place only certain edges
    are known.
    """
    targets = edge_targets(labels, width)
    if labels.table is None:
        return targets, labels.usable
    table = labels.table.float()
    meet, single = table @ table.T > 0, table.sum(1) == 1

    def unsure(one: Tensor, other: Tensor) -> Tensor:
        return meet[one, other] & ~(single[one] & single[other])

    return targets, labels.usable & (targets | ~_drawn(unsure, labels.classes, labels.usable, width))


def _drawn(holds: Callable[[Tensor, Tensor], Tensor], ids: Tensor, usable: Tensor, width: int) -> Tensor:
    """Where a relation holds between the ids of a pixel and its right or lower neighbour, drawn `width` pixels wide."""
    marks = torch.zeros_like(usable)
    marks[:, :, :-1] |= holds(ids[:, :, 1:], ids[:, :, :-1]) & usable[:, :, 1:] & usable[:, :, :-1]
    marks[:, :-1] |= holds(ids[:, 1:], ids[:, :-1]) & usable[:, 1:] & usable[:, :-1]
    return F.max_pool2d(marks[:, None].float(), width, 1, width // 2)[:, 0] > 0


def box_sum(x: Tensor) -> Tensor:
    """Sums over 3x3 neighbours, zeros beyond the border, N,C,H,W; shifted sums are far faster here than a pooling."""
    x = F.pad(x, (1, 1, 1, 1))
    x = x[:, :, :-2] + x[:, :, 1:-1] + x[:, :, 2:]
    return x[..., :-2] + x[..., 1:-1] + x[..., 2:]
