"""Encoders: each maps an image to feature maps at several strides, and can be run stage by stage.

`make_backbone` builds one of `BACKBONES` with random weights; `smalti.nets.weights` loads trained ones.
"""

from collections.abc import Callable, Sequence
from functools import partial

from smalti.errors import ModelError
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.backbones.dilate import dilate
from smalti.nets.backbones.efficientnet_lite import EfficientNetLite
from smalti.nets.backbones.ghostnet import GhostNet
from smalti.nets.backbones.inceptionv3 import InceptionV3
from smalti.nets.backbones.mit import MiT
from smalti.nets.backbones.mobilenetv2 import MobileNetV2
from smalti.nets.backbones.mobilenetv3 import MobileNetV3
from smalti.nets.backbones.resnet import ResNet
from smalti.nets.backbones.resnet_slim import ResNetSlim
from smalti.nets.backbones.timm_encoder import PREFIX, TimmEncoder
from smalti.nets.backbones.vgg import VGG

BACKBONES: dict[str, Callable[[int, float], Backbone]] = {
    "efficientnet_lite0": EfficientNetLite,
    "ghostnet": GhostNet,
    "inceptionv3": InceptionV3,
    "mit_b0": MiT,
    "mobilenetv2": MobileNetV2,
    "mobilenetv2_tf": partial(MobileNetV2, padding="tf"),
    "mobilenetv3_large": partial(MobileNetV3, size="large"),
    "mobilenetv3_small": partial(MobileNetV3, size="small"),
    "resnet18": partial(ResNet, depth=18),
    "resnet34": partial(ResNet, depth=34),
    "resnet50": partial(ResNet, depth=50),
    "resnet101": partial(ResNet, depth=101),
    "resnet_slim": ResNetSlim,
    "vgg16": partial(VGG, depth=16),
    "vgg16_bn": partial(VGG, depth=16, norm=True),
    "vgg19": partial(VGG, depth=19),
    "vgg19_bn": partial(VGG, depth=19, norm=True),
}


def make_backbone(
    name: str, bands: int, width: float, output_stride: int = 32, multi_grid: Sequence[int] = ()
) -> Backbone:
    """An encoder by its key in `BACKBONES`, or `timm:NAME`, its strides limited by `dilate`.

    Raises:
        ModelError: an unknown name, or strides that are not possible.
        MissingExtraError: timm is requested but not installed.
    """
    backbone: Backbone
    if name.startswith(PREFIX):
        backbone = TimmEncoder(name.removeprefix(PREFIX), bands, width)
    elif name in BACKBONES:
        backbone = BACKBONES[name](bands, width)
    else:
        raise ModelError(f"unknown encoder {name!r}; expected one of {', '.join(BACKBONES)}, or {PREFIX}NAME")
    dilate(backbone, output_stride, multi_grid)
    return backbone
