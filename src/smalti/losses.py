"""Losses of pixel classes; pixels that are invalid or labelled `ignore` count nowhere.

A term is a function of one task's outputs and its targets; `make_loss` sums terms by name, each with a weight.
`light` stands for the three terms of the light body-edge nets: `cross_entropy`, `edge` and `boundary_relaxation`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from smalti.card import Task
from smalti.errors import RecipeError

EDGE_WIDTH = 5
"""Pixels: how wide the targets of the edge head are drawn."""


@dataclass(frozen=True)
class Labels:
    """The labels of a batch: classes N,H,W int64 and, same shape, which of them count."""

    classes: Tensor
    usable: Tensor


Term = Callable[[Mapping[str, Tensor], Labels, str], Tensor]


def one_hot(labels: Labels, classes: int) -> Tensor:
    """N,classes,H,W float32, zeros where a pixel does not count."""
    ids = torch.arange(classes, device=labels.classes.device)[:, None, None]
    return ((labels.classes[:, None] == ids) & labels.usable[:, None]).float()


def cross_entropy(outputs: Mapping[str, Tensor], labels: Labels, task: str) -> Tensor:
    """Cross-entropy where class c weighs 1 + (1 - frequency of c in the batch); mean by weight."""
    logits = outputs[task].float()  # N,K,H,W
    classes = logits.shape[1]
    ids = torch.where(labels.usable, labels.classes, classes)  # N,H,W
    counts = torch.bincount(ids.flatten(), minlength=classes + 1)[:classes].float()  # K
    weights = 2 - counts / counts.sum().clamp_min(1)
    total = F.cross_entropy(logits, ids, weights, ignore_index=classes, reduction="sum")
    return total / (counts * weights).sum().clamp_min(1)


def edge_targets(labels: Labels, width: int = EDGE_WIDTH) -> Tensor:
    """Where classes meet, N,H,W bool: `width` (odd) pixels wide, centred on the last pixel before the change.

    Two pixels meet where both count and their classes differ; the border to pixels that do not count is no edge.
    """
    ids, usable = labels.classes, labels.usable
    marks = torch.zeros_like(usable)
    marks[:, :, :-1] |= (ids[:, :, 1:] != ids[:, :, :-1]) & usable[:, :, 1:] & usable[:, :, :-1]
    marks[:, :-1] |= (ids[:, 1:] != ids[:, :-1]) & usable[:, 1:] & usable[:, :-1]
    return F.max_pool2d(marks[:, None].float(), width, 1, width // 2)[:, 0] > 0


def edge(outputs: Mapping[str, Tensor], labels: Labels, task: str) -> Tensor:
    """Binary cross-entropy of the edge head; edge and other pixels weigh half each, as they are few and many."""
    logits = _head(outputs, f"{task}/edge", "edge")[:, 0].float()  # N,H,W
    targets = edge_targets(labels)
    losses = F.binary_cross_entropy_with_logits(logits, targets.float(), reduction="none")
    sides = [labels.usable & targets, labels.usable & ~targets]
    present = sum(side.any().float() for side in sides)
    means = [(losses * side).sum() / side.sum().clamp_min(1) for side in sides]
    return (means[0] + means[1]) / torch.as_tensor(present).clamp_min(1)


def boundary_relaxation(outputs: Mapping[str, Tensor], labels: Labels, task: str) -> Tensor:
    """KL divergence from the 3x3 mean of the one-hot labels to the 3x3 mean of the softmax; mean over pixels.

    After Zhu et al., 2019 ("Improving Semantic Segmentation via Video Propagation and Label Relaxation"), who sum the
    probabilities of the classes near a boundary; the means make it one formula for all pixels. Taken of the body head
    where the net has one, else of the classes. Means are over the pixels that count.
    """
    logits = outputs.get(f"{task}/body", outputs[task]).float()  # N,K,H,W
    usable = labels.usable[:, None].float()  # N,1,H,W
    share = 1 / box_sum(usable).clamp_min(1)
    truth = box_sum(one_hot(labels, logits.shape[1])) * share  # N,K,H,W
    guess = box_sum(logits.softmax(1) * usable) * share
    divergence = torch.xlogy(truth, truth) - truth * guess.clamp_min(1e-7).log()
    return (divergence * usable).sum() / usable.sum().clamp_min(1)


def box_sum(x: Tensor) -> Tensor:
    """Sums over 3x3 neighbours, zeros beyond the border, N,C,H,W; shifted sums are far faster here than a pooling."""
    x = F.pad(x, (1, 1, 1, 1))
    x = x[:, :, :-2] + x[:, :, 1:-1] + x[:, :, 2:]
    return x[..., :-2] + x[..., 1:-1] + x[..., 2:]


def dice(outputs: Mapping[str, Tensor], labels: Labels, task: str) -> Tensor:
    """1 - soft Dice over the whole batch, mean over the classes present (Milletari et al., 2016, without squares)."""
    logits = outputs[task].float()  # N,K,H,W
    truth = one_hot(labels, logits.shape[1])
    guess = logits.softmax(1) * labels.usable[:, None]
    both, sums, present = (guess * truth).sum((0, 2, 3)), (guess + truth).sum((0, 2, 3)), truth.sum((0, 2, 3)) > 0
    scores = 1 - 2 * both / sums.clamp_min(1e-6)  # K
    return (scores * present).sum() / present.sum().clamp_min(1)


def _head(outputs: Mapping[str, Tensor], name: str, term: str) -> Tensor:
    if name not in outputs:
        raise RecipeError(f"loss {term!r} needs a net with the output {name!r}; this one has {', '.join(outputs)}")
    return outputs[name]


LOSSES: dict[str, Term] = {
    "cross_entropy": cross_entropy,
    "edge": edge,
    "boundary_relaxation": boundary_relaxation,
    "dice": dice,
}
LIGHT = ("cross_entropy", "edge", "boundary_relaxation")


class Loss:
    """A weighted sum of terms for one task; call it to get each term, already weighted, by name."""

    def __init__(self, terms: Mapping[str, float], task: Task) -> None:
        self.terms = dict(terms)
        self.task = task

    def __call__(
        self, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor], valid: Tensor
    ) -> dict[str, Tensor]:
        """Scalars by name of the term.

        Args:
            outputs: logits N,K,H,W by task, and what further heads the net has while training.
            targets: class ids N,H,W int64 by task.
            valid: N,H,W bool. Without a single valid pixel every term is 0 (and still has a gradient, 0 everywhere).
        """
        classes = targets[self.task.name]
        labels = Labels(classes, valid & (classes != self.task.ignore))
        return {name: weight * LOSSES[name](outputs, labels, self.task.name) for name, weight in self.terms.items()}


def make_loss(terms: Mapping[str, float], task: Task) -> Loss:
    """A loss from terms and their weights; `light` brings its three terms. RecipeError for an unknown name."""
    spread: dict[str, float] = {}
    for name, weight in terms.items():
        for part in LIGHT if name == "light" else (name,):
            if part not in LOSSES:
                raise RecipeError(f"no loss {part!r}; there are {', '.join((*LOSSES, 'light'))}")
            spread[part] = spread.get(part, 0.0) + weight
    return Loss(spread, task)
