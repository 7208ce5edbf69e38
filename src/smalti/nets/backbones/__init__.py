"""Encoders: each turns an image into maps of several strides, and can be stepped stage by stage.

`BACKBONES[name](bands, width)` builds one with random weights; `smalti.nets.weights` brings trained ones.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from torch import Tensor, nn

from smalti.errors import ModelError
from smalti.nets.backbones.ghostnet import GhostNet
from smalti.nets.backbones.mobilenetv2 import MobileNetV2


class Backbone(Protocol):
    """What a net may ask of its encoder."""

    channels: tuple[int, ...]
    """Channels of each stage's output."""
    strides: tuple[int, ...]
    """Pixels of the image per pixel of each stage's output."""
    stages: nn.ModuleList
    """Applied one after the other; the output of each is a tap."""

    def __call__(self, x: Tensor) -> list[Tensor]:
        """The output of each stage, shallow to deep, for images N,C,H,W."""
        ...


BACKBONES: dict[str, Callable[[int, float], GhostNet | MobileNetV2]] = {
    "ghostnet": GhostNet,
    "mobilenetv2": MobileNetV2,
    "mobilenetv2_tf": partial(MobileNetV2, padding="tf"),
}


def make_backbone(name: str, bands: int, width: float) -> GhostNet | MobileNetV2:
    """An encoder by its key in `BACKBONES`; ModelError for an unknown name."""
    if name not in BACKBONES:
        raise ModelError(f"no encoder {name!r}; there are {', '.join(BACKBONES)}")
    return BACKBONES[name](bands, width)
