"""ResNet (He et al., 2016, "Deep Residual Learning for Image Recognition") as an encoder.

Differs from the paper: a bottleneck takes its stride in the 3x3 convolution instead of the first 1x1, as torchvision's
and timm's weights expect. The classifier is left out.
"""

from torch import Tensor, nn

from smalti.nets.backbones.backbone import Backbone
from smalti.nets.layers import ConvNorm, divisible, initialise

STEM = 64
CHANNELS = (64, 128, 256, 512)
BOTTLENECK = 4
"""Outputs of a bottleneck per channel inside."""
# depth: bottlenecks?, blocks per stage
DEPTHS = {
    18: (False, (2, 2, 2, 2)),
    34: (False, (3, 4, 6, 3)),
    50: (True, (3, 4, 6, 3)),
    101: (True, (3, 4, 23, 3)),
}


class ResidualBlock(nn.Module):
    """Convolutions beside a shortcut, which is a 1x1 convolution where the shape changes; ReLU of their sum."""

    def __init__(self, inputs: int, channels: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        self.outputs = channels * BOTTLENECK if bottleneck else channels
        if bottleneck:
            self.convs = nn.Sequential(
                ConvNorm(inputs, channels),
                ConvNorm(channels, channels, 3, stride),
                ConvNorm(channels, self.outputs, act=None),
            )
        else:
            self.convs = nn.Sequential(ConvNorm(inputs, channels, 3, stride), ConvNorm(channels, channels, 3, act=None))
        same = stride == 1 and inputs == self.outputs
        self.shortcut = nn.Identity() if same else ConvNorm(inputs, self.outputs, 1, stride, act=None)
        self.act = nn.ReLU(inplace=True)  # of a sum that nothing else needs

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,outputs,ceil(H/stride),ceil(W/stride)."""
        return self.act(self.convs(x) + self.shortcut(x))  # type: ignore[no-any-return]


class ResNet(Backbone):
    """ResNet of depth 18, 34, 50 or 101; widths other than 1.0 round channels to multiples of 8."""

    def __init__(self, bands: int = 3, width: float = 1.0, depth: int = 50) -> None:
        bottleneck, blocks = DEPTHS[depth]
        inputs = divisible(STEM * width, 8)
        units: list[nn.Module] = [ConvNorm(bands, inputs, 7, 2), nn.MaxPool2d(3, 2, 1)]
        stages: list[nn.Module] = []
        channels = []
        for number, (inner, repeats) in enumerate(zip(CHANNELS, blocks, strict=True)):
            first = 1 if number == 0 else 2
            for stride in (first, *[1] * (repeats - 1)):
                block = ResidualBlock(inputs, divisible(inner * width, 8), stride, bottleneck)
                units.append(block)
                inputs = block.outputs
            stages.append(nn.Sequential(*units))
            channels.append(inputs)
            units = []
        super().__init__(stages, channels)
        initialise(self)
