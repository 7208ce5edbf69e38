"""How unlike its training an image is, from what a net computes anyway: a logistic function of means over the image.

A net's confidence alone says little about places that it does not know: it is sure of what it has never seen. How its
deepest map looks, and which classes it finds, says more. In the manner of Corbiere et al., 2019, "Addressing Failure
Prediction by Learning Model Confidence", a function of the net's own maps is learned that tells where it is wrong. It
differs from the paper: it judges whole images, not pixels; it is linear; and it is learned from windows that were
changed until the net is wrong (see `smalti.training.unlike`), since on plain ones of its training it is right.
Mahalanobis distances of the maps from those of the training (Lee et al., 2018, "A Simple Unified Framework for
Detecting Out-of-Distribution Samples and Adversarial Attacks") told less about places that were left out, at any depth.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

import torch
from torch import Tensor, nn

from smalti.card import Card, Unlike
from smalti.errors import ModelError
from smalti.nets.backbones.backbone import Backbone

SPACING = 4
"""Every fourth pixel of the probabilities in both directions is looked at."""


def find_encoder(model: nn.Module, card: Card) -> Backbone:
    """The encoder whose deepest map is looked at; ModelError for a net without one, or with one per task."""
    encoder = getattr(getattr(model, "net", None), "encoder", None)
    if isinstance(encoder, nn.ModuleList) and len(encoder) == 1:  # all tasks share it
        encoder = encoder[0]
    if not isinstance(encoder, Backbone):
        what = f"model {card.name}: net {card.net} has no encoder of its own"
        raise ModelError(f"{what}, so it cannot tell what is unlike its training; use a net with one, such as ued")
    return encoder


@contextmanager
def kept_maps(encoder: Backbone) -> Iterator[list[Tensor]]:
    """A list of the deepest map of each call of the encoder by this thread in the block."""
    kept: list[Tensor] = []
    mine = get_ident()

    def keep(module: nn.Module, inputs: object, maps: list[Tensor]) -> None:
        if get_ident() == mine:
            kept.append(maps[-1])

    hook = encoder.register_forward_hook(keep)
    try:
        yield kept
    finally:
        hook.remove()


def summary(deepest: Tensor, probabilities: Tensor) -> Tensor:
    """Means over each image: N,C + K + 2 of a map N,C,h,w and probabilities N,K,H,W.

    Channels, classes, then the entropy and the highest probability.
    """
    p = probabilities[:, :, ::SPACING, ::SPACING]
    entropy = -(p * p.clamp_min(1e-7).log()).sum(dim=1).mean(dim=(1, 2))  # N
    best = p.amax(dim=1).mean(dim=(1, 2))  # N
    return torch.cat((deepest.mean(dim=(2, 3)), p.mean(dim=(2, 3)), entropy[:, None], best[:, None]), dim=1)


class Unlikeness(nn.Module):
    """The function that a card describes."""

    def __init__(self, numbers: Unlike) -> None:
        super().__init__()
        factors = (*numbers.maps, *numbers.classes, numbers.entropy, numbers.confidence)
        self.factors: Tensor
        # The card holds these numbers, so a checkpoint does not store them.
        self.register_buffer("factors", torch.tensor(factors)[:, None], persistent=False)  # C + K + 2,1
        self.bias = numbers.bias

    def forward(self, deepest: Tensor, probabilities: Tensor) -> Tensor:
        """From a map N,C,h,w and probabilities N,K,H,W to N,1 between 0 and 1."""
        return (summary(deepest, probabilities) @ self.factors + self.bias).sigmoid()
