"""Losses that look at where classes meet."""

import torch
import torch.nn.functional as F
from torch import Tensor

from smalti.losses.entropy import CrossEntropy
from smalti.losses.labels import Labels, one_hot
from smalti.losses.term import Outputs, Term, head

EDGE_WIDTH = 5
"""Pixels: how wide the targets of the edge head are drawn."""


class Edge(Term):
    """Binary cross-entropy of the edge head; edge and other pixels weigh half each, as they are few and many."""

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`; RecipeError if the net has no edge head."""
        logits = head(outputs, f"{task}/edge", "edge")[:, 0].float()  # N,H,W
        targets = edge_targets(labels)
        losses = F.binary_cross_entropy_with_logits(logits, targets.float(), reduction="none")
        sides = [labels.usable & targets, labels.usable & ~targets]
        present = sum(side.any().float() for side in sides)
        means = [(losses * side).sum() / side.sum().clamp_min(1) for side in sides]
        return (means[0] + means[1]) / torch.as_tensor(present).clamp_min(1)


class BoundaryRelaxation(Term):
    """KL divergence from the 3x3 mean of the one-hot labels to the 3x3 mean of the softmax; mean over pixels.

    After Zhu et al., 2019 ("Improving Semantic Segmentation via Video Propagation and Label Relaxation"), who sum the
    probabilities of the classes near a boundary; the means make it one formula for all pixels. Computed on the body
    head if the net has one, else on the classes. Means are over the pixels that count.
    """

    def __call__(self, outputs: Outputs, labels: Labels, task: str) -> Tensor:
        """See `Term`."""
        logits = outputs.get(f"{task}/body", outputs[task]).float()  # N,K,H,W
        usable = labels.usable[:, None].float()  # N,1,H,W
        share = 1 / box_sum(usable).clamp_min(1)
        truth = box_sum(one_hot(labels, logits.shape[1])) * share  # N,K,H,W
        guess = box_sum(logits.softmax(1) * usable) * share
        divergence = torch.xlogy(truth, truth) - truth * guess.clamp_min(1e-7).log()
        return (divergence * usable).sum() / usable.sum().clamp_min(1)


class Light(Term):
    """The three terms of the light body-edge nets: `cross_entropy`, `edge` and `boundary_relaxation`."""

    def parts(self) -> dict[str, Term]:
        """The terms that it stands for, by name, each with its weight."""
        return {
            "cross_entropy": CrossEntropy(weight=self.weight),
            "edge": Edge(weight=self.weight),
            "boundary_relaxation": BoundaryRelaxation(weight=self.weight),
        }


def edge_targets(labels: Labels, width: int = EDGE_WIDTH) -> Tensor:
    """Edges between classes, centred on the last pixel before the change.

    An edge is between two neighbouring pixels that both count and differ in class; the border to ignored pixels is
    not an edge.

    Args:
        labels: N,H,W.
        width: of the edges in pixels, odd.

    Returns:
        N,H,W bool.
    """
    ids, usable = labels.classes, labels.usable
    marks = torch.zeros_like(usable)
    marks[:, :, :-1] |= (ids[:, :, 1:] != ids[:, :, :-1]) & usable[:, :, 1:] & usable[:, :, :-1]
    marks[:, :-1] |= (ids[:, 1:] != ids[:, :-1]) & usable[:, 1:] & usable[:, :-1]
    return F.max_pool2d(marks[:, None].float(), width, 1, width // 2)[:, 0] > 0


def box_sum(x: Tensor) -> Tensor:
    """Sums over 3x3 neighbours, zeros beyond the border, N,C,H,W; shifted sums are far faster here than a pooling."""
    x = F.pad(x, (1, 1, 1, 1))
    x = x[:, :, :-2] + x[:, :, 1:-1] + x[:, :, 2:]
    return x[..., :-2] + x[..., 1:-1] + x[..., 2:]
