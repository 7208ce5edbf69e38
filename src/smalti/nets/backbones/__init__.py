"""Encoders: each turns an image into maps of several strides, and can be stepped stage by stage.

`BACKBONES[name](bands, width)` builds one with random weights; `smalti.nets.weights` brings trained ones.
"""

from collections.abc import Callable
from functools import partial

from smalti.errors import ModelError
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.backbones.ghostnet import GhostNet
from smalti.nets.backbones.mit import MiT
from smalti.nets.backbones.mobilenetv2 import MobileNetV2

BACKBONES: dict[str, Callable[[int, float], Backbone]] = {
    "ghostnet": GhostNet,
    "mit_b0": MiT,
    "mobilenetv2": MobileNetV2,
    "mobilenetv2_tf": partial(MobileNetV2, padding="tf"),
}


def make_backbone(name: str, bands: int, width: float) -> Backbone:
    """An encoder by its key in `BACKBONES`; ModelError for an unknown name."""
    if name not in BACKBONES:
        raise ModelError(f"no encoder {name!r}; there are {', '.join(BACKBONES)}")
    return BACKBONES[name](bands, width)
