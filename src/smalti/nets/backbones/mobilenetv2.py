"""MobileNetV2 (Sandler et al., 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks") as an encoder.

Differs from the paper: the last 1x1 convolution (1280) and the classifier are left out. Weights that come from
TensorFlow need `padding="tf"`: there strided convolutions begin at the first pixel (see `ConvNorm`).
"""

from torch import Tensor, nn

from smalti.nets.backbones.backbone import Backbone, build_stages
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


def repeated(
    inputs: int, outputs: int, expansion: int, repeats: int, stride: int, padding: Padding, kernel: int = 3
) -> list[nn.Module]:
    """Inverted residuals one after the other, of which only the first has the stride."""
    first = InvertedResidual(inputs, outputs, expansion, stride, padding, kernel)
    others = [InvertedResidual(outputs, outputs, expansion, 1, padding, kernel) for _ in range(repeats - 1)]
    return [first, *others]


class MobileNetV2(Backbone):
    """MobileNetV2 without its head; widths other than 1.0 round channels to multiples of 8."""

    def __init__(self, bands: int = 3, width: float = 1.0, padding: Padding = "torch") -> None:
        def make(inputs: int, row: tuple[int, int, int, int]) -> tuple[list[nn.Module], int]:
            expansion, outputs, repeats, stride = row
            wide = divisible(outputs * width, 8)
            return repeated(inputs, wide, expansion, repeats, stride, padding), wide

        first = divisible(STEM * width, 8)
        stem = ConvNorm(bands, first, 3, 2, act=nn.ReLU6, padding=padding)
        super().__init__(*build_stages(stem, first, BLOCKS, make))
        initialise(self)
