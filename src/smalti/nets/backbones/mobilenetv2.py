"""MobileNetV2 (Sandler et al., 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks") as an encoder.

Differs from the paper: the last 1x1 convolution (1280) and the classifier are left out. Weights that come from
TensorFlow need `padding="tf"`: there strided convolutions begin at the first pixel (see `ConvNorm`).
"""

from torch import Tensor, nn

from smalti.nets.backbones.backbone import Backbone
from smalti.nets.layers import ConvNorm, Padding, divisible, initialise

STEM = 32
# expansion, channels, repeats, stride of the first; one tuple per stage
BLOCKS = (
    ((1, 16, 1, 1), (6, 24, 2, 2)),
    ((6, 32, 3, 2),),
    ((6, 64, 4, 2), (6, 96, 3, 1)),
    ((6, 160, 3, 2), (6, 320, 1, 1)),
)


class InvertedResidual(nn.Module):
    """1x1 up (left out for expansion 1), depthwise, linear 1x1 down; added to its input where shapes allow."""

    def __init__(
        self, inputs: int, outputs: int, expansion: int, stride: int, padding: Padding, kernel: int = 3
    ) -> None:
        super().__init__()
        middle = inputs * expansion
        self.expand = ConvNorm(inputs, middle, act=nn.ReLU6) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(middle, middle, kernel, stride, middle, act=nn.ReLU6, padding=padding)
        self.project = ConvNorm(middle, outputs, act=None)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,outputs,ceil(H/stride),ceil(W/stride)."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class MobileNetV2(Backbone):
    """MobileNetV2 without its head; widths other than 1.0 round channels to multiples of 8."""

    def __init__(self, bands: int = 3, width: float = 1.0, padding: Padding = "torch") -> None:
        inputs = divisible(STEM * width, 8)
        units: list[nn.Module] = [ConvNorm(bands, inputs, 3, 2, act=nn.ReLU6, padding=padding)]
        stages: list[nn.Module] = []
        channels = []
        for rows in BLOCKS:
            for expansion, outputs, repeats, first in rows:
                wide = divisible(outputs * width, 8)
                for stride in (first, *[1] * (repeats - 1)):
                    units.append(InvertedResidual(inputs, wide, expansion, stride, padding))
                    inputs = wide
            stages.append(nn.Sequential(*units))
            channels.append(inputs)
            units = []
        super().__init__(stages, channels)
        initialise(self)
