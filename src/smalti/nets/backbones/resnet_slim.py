"""A slim ResNet for processors: dense 3x3 convolutions, sums and ReLU alone, as an encoder.

After ResNet (He et al., 2016) with its two-convolution blocks. Differs from it: half of the channels, two 3x3
convolutions of stride 2 instead of the 7x7 one and the pooling, and one block at stride 4, so that nearly all of the
work is done at strides 8 to 32, on maps that fit a cache. Without depthwise convolutions and concatenations no layer is
bound by memory, and 8-bit integers make each of them faster.
"""

from torch import nn

from smalti.nets.backbones.backbone import Backbone, build_stages
from smalti.nets.backbones.resnet import ResidualBlock
from smalti.nets.layers import ConvNorm, divisible, initialise

STEM = (16, 32)  # channels of its two convolutions
# channels, blocks, stride of the first; one tuple per stage
BLOCKS = (
    ((32, 1, 1),),
    ((64, 2, 2),),
    ((128, 2, 2),),
    ((256, 2, 2),),
)


class ResNetSlim(Backbone):
    """The slim ResNet; widths other than 1.0 round channels to multiples of 8."""

    def __init__(self, bands: int = 3, width: float = 1.0) -> None:
        def make(inputs: int, row: tuple[int, int, int]) -> tuple[list[nn.Module], int]:
            channels, repeats, stride = row
            wide = divisible(channels * width, 8)
            first = ResidualBlock(inputs, wide, stride, bottleneck=False)
            return [first, *(ResidualBlock(wide, wide, 1, bottleneck=False) for _ in range(repeats - 1))], wide

        first, second = (divisible(channels * width, 8) for channels in STEM)
        stem = nn.Sequential(ConvNorm(bands, first, 3, 2), ConvNorm(first, second, 3, 2))
        super().__init__(*build_stages(stem, second, BLOCKS, make))
        initialise(self)
