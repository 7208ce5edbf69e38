"""The networks of the table, and the recipe of each."""

import json
from dataclasses import dataclass, field
from typing import Any

EDGES = {"edge": 1.0, "boundary_relaxation": 1.0}
AUX = {"aux": 0.4}
IMAGENET = {
    "net.encoder_weights": "weights/mobilenet_v2_1.0_224_bnfolded_fp16.pth",
    "optim.encoder_factor": 0.4,
}
LITE = IMAGENET | {"net.encoder_weights": "weights/efficientnet-lite/efficientnet_lite0_imagenet_fp16.pth"}


@dataclass(frozen=True)
class Network:
    """One row."""

    title: str
    net: str
    encoder: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    loss: dict[str, float] = field(default_factory=dict)
    """The loss terms that its auxiliary heads need."""
    start: str = "random"
    """Its initial weights."""
    also: dict[str, Any] = field(default_factory=dict)
    """Other changes to the recipe."""

    @property
    def key(self) -> str:
        """A name that is valid for a folder."""
        words = [self.net, self.encoder, *(f"{k}{v}" for k, v in self.options.items() if not isinstance(v, list))]
        return "-".join([word for word in words if word] + ([] if self.start == "random" else [self.start.lower()]))

    def changes(self) -> list[str]:
        """Its changes to the recipe, `A.B=C`."""
        wanted: dict[str, Any] = {"net.name": self.net}
        wanted |= {"net.encoder": self.encoder} if self.encoder else {}
        wanted |= {f"net.options.{name}": value for name, value in self.options.items()}
        wanted |= {f"loss.{name}": weight for name, weight in self.loss.items()} | self.also
        return [f"{name}={json.dumps(value)}" for name, value in wanted.items()]


NETWORKS = (
    Network("UED, GhostNet", "ued"),
    Network("UED+BES, GhostNet", "ued_bes", loss=EDGES),
    Network("UED+BES+SFM, GhostNet", "ued_bes_sfm", loss=EDGES),
    Network("UED, MobileNetV2", "ued", "mobilenetv2_tf"),
    Network("UED, MobileNetV2", "ued", "mobilenetv2_tf", start="ImageNet", also=IMAGENET),
    Network("UED, EfficientNet-Lite0", "ued", "efficientnet_lite0"),
    Network("UED, EfficientNet-Lite0", "ued", "efficientnet_lite0", start="ImageNet", also=LITE),
    Network("Fast-SCNN", "fastscnn", loss=AUX),
    Network("LR-ASPP, MobileNetV2", "lraspp", "mobilenetv2"),
    Network("LR-ASPP, MobileNetV3", "lraspp", "mobilenetv3_large"),
    Network("FPN, slim ResNet", "fpn"),
    Network("BiSeNetV2", "bisenetv2", loss=AUX),
    Network("DDRNet-23-slim", "ddrnet23_slim", loss=AUX),
    Network("PIDNet-S", "pidnet_s", loss=AUX | {"edge": 1.0}),
    Network("SegFormer-B0", "segformer"),
    Network("UNetFormer, ResNet-18", "unetformer", loss=AUX),
    Network("SegResNet-18", "segresnet18"),
    Network("SegResNet-34", "segresnet34"),
    Network("SegResNet-50", "segresnet50"),
    Network("SegResNet-101", "segresnet101"),
    Network("DeepLabv3+, MobileNetV2", "deeplabv3plus", "mobilenetv2"),
    Network("DeepLabv3+, MobileNetV3", "deeplabv3plus", "mobilenetv3_large"),
    Network("DeepLabv3+, ResNet-50", "deeplabv3plus", "resnet50", {"multi_grid": [1, 2, 4]}),
    Network("DeepLabv3+, ResNet-50, stride 8", "deeplabv3plus", "resnet50",
            {"output_stride": 8, "multi_grid": [1, 2, 4]}),
    Network("DeepLabv3+, ResNet-101", "deeplabv3plus", "resnet101", {"multi_grid": [1, 2, 4]}),
    Network("PSPNet, ResNet-50, stride 16", "pspnet", "resnet50", {"output_stride": 16}, AUX),
    Network("PSPNet, ResNet-50", "pspnet", "resnet50", loss=AUX),
    Network("PSPNet, ResNet-101", "pspnet", "resnet101", loss=AUX),
    Network("PSPNet, VGG-16", "pspnet", "vgg16", loss=AUX),
    Network("PSPNet, VGG-16 with norms", "pspnet", "vgg16_bn", loss=AUX),
    Network("Residual U-Net", "resunet"),
    Network("U-Net", "unet"),
    Network("SegNet, VGG-16 with norms", "segnet"),
    Network("FCN-32s, VGG-16", "fcn32s"),
    Network("FCN-16s, VGG-16", "fcn16s"),
    Network("FCN-8s, VGG-16", "fcn8s"),
)  # fmt: skip
