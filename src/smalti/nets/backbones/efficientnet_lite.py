"""EfficientNet-Lite0 (Tan and Le, 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", and
its authors' "lite" variant for small devices) as an encoder.

The lite variant has neither squeeze-excitation nor swish: ReLU6 keeps every map between 0 and 6, so that int8 loses
little. Differs from the authors' code: the last 1x1 convolution (1280) and the classifier are left out, and no block
is dropped at random in training. Padding is TensorFlow's SAME, batch norms add 0.001 to the variance: trained weights
expect both, and images as (x - 127) / 128.
"""

from torch import nn

from smalti.nets.backbones.backbone import Backbone, build_stages
from smalti.nets.backbones.mobilenetv2 import repeated
from smalti.nets.layers import ConvNorm, divisible, initialise

STEM = 32
EPSILON = 1e-3
# kernel, expansion, channels, repeats, stride of the first; one tuple per stage
BLOCKS = (
    ((3, 1, 16, 1, 1), (3, 6, 24, 2, 2)),
    ((5, 6, 40, 2, 2),),
    ((3, 6, 80, 3, 2), (5, 6, 112, 3, 1)),
    ((5, 6, 192, 4, 2), (3, 6, 320, 1, 1)),
)


class EfficientNetLite(Backbone):
    """EfficientNet-Lite0 without its head; other widths round channels to multiples of 8 and keep the stem."""

    def __init__(self, bands: int = 3, width: float = 1.0) -> None:
        def make(inputs: int, row: tuple[int, int, int, int, int]) -> tuple[list[nn.Module], int]:
            kernel, expansion, outputs, repeats, stride = row
            wide = divisible(outputs * width, 8)
            return repeated(inputs, wide, expansion, repeats, stride, "same", kernel), wide

        stem = ConvNorm(bands, STEM, 3, 2, act=nn.ReLU6, padding="same")
        super().__init__(*build_stages(stem, STEM, BLOCKS, make))
        initialise(self)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = EPSILON
