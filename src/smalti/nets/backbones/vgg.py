"""VGG as an encoder.

After Simonyan and Zisserman, 2015 ("Very Deep Convolutional Networks for Large-Scale Image Recognition"). With
batch norm or, as published, without. Differs from the paper: the fully connected layers are left out, and pooling
rounds sides up, so that no row or column of an odd side is lost.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.nets.backbones.backbone import Backbone
from smalti.nets.layers import ConvNorm, divisible, halve, initialise

# depth: convolutions before each pooling
DEPTHS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)


def convolution(inputs: int, outputs: int, norm: bool) -> nn.Sequential:
    """A 3x3 convolution with bias and ReLU, batch norm between them where asked for."""
    if norm:
        return ConvNorm(inputs, outputs, 3, bias=True)
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(inputs, outputs, 3, padding=1), act=nn.ReLU()))


class Pool(nn.MaxPool2d):
    """Max pooling of 2x2 pixels, with stride 1 if `dilate` has removed its stride."""

    def __init__(self) -> None:
        super().__init__(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """N,C,H,W to N,C,ceil(H/2),ceil(W/2), or, without its stride, to N,C,H,W."""
        if self.stride == 2:
            return halve(x)
        assert isinstance(self.dilation, tuple)
        down, across = self.dilation
        # inputs are not negative: zero padding changes no maximum
        x = torch.maximum(x, F.pad(x, (0, across))[..., across:])
        return torch.maximum(x, F.pad(x, (0, 0, 0, down))[..., down:, :])


class VGG(Backbone):
    """VGG of depth 16 or 19; each stage ends with its pooling, the first stage holds two of them."""

    def __init__(self, bands: int = 3, width: float = 1.0, depth: int = 16, norm: bool = False) -> None:
        inputs = bands
        units: list[nn.Module] = []
        stages: list[nn.Module] = []
        channels = []
        for number, (outputs, repeats) in enumerate(zip(CHANNELS, DEPTHS[depth], strict=True)):
            wide = divisible(outputs * width, 8)
            for _ in range(repeats):
                units.append(convolution(inputs, wide, norm))
                inputs = wide
            units.append(Pool())
            if number > 0:
                stages.append(nn.Sequential(*units))
                channels.append(wide)
                units = []
        super().__init__(stages, channels)
        initialise(self)
