"""MobileNetV3 (Howard et al., 2019, "Searching for MobileNetV3"), large and small, as an encoder.

Its deepest map is that of the last 1x1 convolution (960 or 576 channels at width 1.0); pooling and classifier are left
out. Batch norms add 0.001 to the variance, as in TensorFlow and torchvision, whose weights expect it.
"""

from typing import Literal

from torch import Tensor, nn

from smalti.nets.backbones.backbone import Backbone, build_stages
from smalti.nets.layers import ConvNorm, SqueezeExcite, divisible, initialise

STEM = 16
EPSILON = 1e-3
LAST = 6
"""Channels of the last 1x1 convolution per channel of the last block."""
SQUEEZED = 0.25
# kernel, expansion, channels, squeeze-excite, hard-swish (else ReLU), stride; one tuple per stage
LARGE = (
    ((3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1)),
    ((5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1)),
    (
        (3, 240, 80, False, True, 2),
        (3, 200, 80, False, True, 1),
        (3, 184, 80, False, True, 1),
        (3, 184, 80, False, True, 1),
        (3, 480, 112, True, True, 1),
        (3, 672, 112, True, True, 1),
    ),
    ((5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1)),
)
SMALL = (
    ((3, 16, 16, True, False, 2),),
    ((3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1)),
    (
        (5, 96, 40, True, True, 2),
        (5, 240, 40, True, True, 1),
        (5, 240, 40, True, True, 1),
        (5, 120, 48, True, True, 1),
        (5, 144, 48, True, True, 1),
    ),
    ((5, 288, 96, True, True, 2), (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1)),
)
TABLES = {"large": LARGE, "small": SMALL}


class Block(nn.Module):
    """1x1 up (left out where nothing is added), depthwise, squeeze-excite where asked for, linear 1x1 down."""

    def __init__(
        self, inputs: int, middle: int, outputs: int, kernel: int, squeeze: bool, act: type[nn.Module], stride: int
    ) -> None:
        super().__init__()
        self.expand = ConvNorm(inputs, middle, act=act) if middle != inputs else nn.Identity()
        self.depthwise = ConvNorm(middle, middle, kernel, stride, middle, act=act)
        self.squeeze = SqueezeExcite(middle, divisible(middle * SQUEEZED, 8)) if squeeze else nn.Identity()
        self.project = ConvNorm(middle, outputs, act=None)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,outputs,ceil(H/stride),ceil(W/stride)."""
        y: Tensor = self.project(self.squeeze(self.depthwise(self.expand(x))))
        return x + y if self.residual else y


class MobileNetV3(Backbone):
    """MobileNetV3 without its head; widths other than 1.0 round channels to multiples of 8."""

    def __init__(self, bands: int = 3, width: float = 1.0, size: Literal["large", "small"] = "large") -> None:
        def make(inputs: int, row: tuple[int, int, int, bool, bool, int]) -> tuple[list[nn.Module], int]:
            kernel, expansion, outputs, squeeze, hard, stride = row
            middle, wide = divisible(expansion * width, 8), divisible(outputs * width, 8)
            return [Block(inputs, middle, wide, kernel, squeeze, nn.Hardswish if hard else nn.ReLU, stride)], wide

        first = divisible(STEM * width, 8)
        stem = ConvNorm(bands, first, 3, 2, act=nn.Hardswish)
        stages, channels = build_stages(stem, first, TABLES[size], make)
        inputs, channels[-1] = channels[-1], LAST * channels[-1]
        stages[-1].append(ConvNorm(inputs, channels[-1], act=nn.Hardswish))
        super().__init__(stages, channels)
        initialise(self)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = EPSILON
