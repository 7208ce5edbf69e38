"""GhostNet (Han et al., 2020, "GhostNet: More Features from Cheap Operations") as an encoder.

Half of the maps of a Ghost module come from a 1x1 convolution, the other half from cheap depthwise ones of these.
Differs from the paper: the last 1x1 convolution (960), the head and the classifier are left out.
"""

import torch
from torch import Tensor, nn

from smalti.nets.backbones.backbone import Backbone, build_stages
from smalti.nets.layers import ConvNorm, SqueezeExcite, divisible, initialise

STEM = 16
# kernel, expansion, channels, squeeze-excite (share of the expansion, 0 = none), stride; one tuple per stage
BLOCKS = (
    ((3, 16, 16, 0, 1), (3, 48, 24, 0, 2), (3, 72, 24, 0, 1)),
    ((5, 72, 40, 0.25, 2), (5, 120, 40, 0.25, 1)),
    (
        (3, 240, 80, 0, 2),
        (3, 200, 80, 0, 1),
        (3, 184, 80, 0, 1),
        (3, 184, 80, 0, 1),
        (3, 480, 112, 0.25, 1),
        (3, 672, 112, 0.25, 1),
    ),
    (
        (5, 672, 160, 0.25, 2),
        (5, 960, 160, 0, 1),
        (5, 960, 160, 0.25, 1),
        (5, 960, 160, 0, 1),
        (5, 960, 160, 0.25, 1),
    ),
)


class GhostModule(nn.Module):
    """A 1x1 convolution for half of the maps and a depthwise 3x3 of them for the other half."""

    def __init__(self, inputs: int, outputs: int, act: type[nn.Module] | None) -> None:
        super().__init__()
        half = outputs // 2
        self.primary = ConvNorm(inputs, half, act=act)
        self.cheap = ConvNorm(half, half, 3, groups=half, act=act)

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,outputs,H,W."""
        primary = self.primary(x)
        return torch.cat((primary, self.cheap(primary)), dim=1)


class GhostBlock(nn.Module):
    """Ghost module up, depthwise stride and squeeze-excite where asked for, Ghost module down, plus a shortcut."""

    def __init__(self, inputs: int, middle: int, outputs: int, kernel: int, squeeze: float, stride: int) -> None:
        super().__init__()
        self.up = GhostModule(inputs, middle, nn.ReLU)
        strided = stride > 1
        self.depthwise = ConvNorm(middle, middle, kernel, stride, middle, act=None) if strided else nn.Identity()
        self.squeeze = SqueezeExcite(middle, divisible(middle * squeeze, 4)) if squeeze else nn.Identity()
        self.down = GhostModule(middle, outputs, None)
        self.shortcut: nn.Module = nn.Identity()
        if strided or inputs != outputs:
            self.shortcut = nn.Sequential(
                ConvNorm(inputs, inputs, kernel, stride, inputs, act=None), ConvNorm(inputs, outputs, act=None)
            )

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,outputs,ceil(H/stride),ceil(W/stride)."""
        y: Tensor = self.down(self.squeeze(self.depthwise(self.up(x))))
        return y.add(self.shortcut(x))


class GhostNet(Backbone):
    """GhostNet without its head; published widths are 1.0, 1.3 and 1.5 (channels in multiples of 4)."""

    def __init__(self, bands: int = 3, width: float = 1.0) -> None:
        def make(inputs: int, row: tuple[float, float, float, float, float]) -> tuple[list[nn.Module], int]:
            kernel, expansion, outputs, squeeze, stride = row
            middle, wide = divisible(expansion * width, 4), divisible(outputs * width, 4)
            return [GhostBlock(inputs, middle, wide, int(kernel), squeeze, int(stride))], wide

        first = divisible(STEM * width, 4)
        super().__init__(*build_stages(ConvNorm(bands, first, 3, 2), first, BLOCKS, make))
        initialise(self)
