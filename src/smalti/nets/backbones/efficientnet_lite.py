"""EfficientNet-Lite0 (Tan and Le, 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", and
its authors' "lite" variant for small devices) as an encoder.

The lite variant has neither squeeze-excitation nor swish: ReLU6 keeps every map between 0 and 6, so that int8 loses
little. Differs from the authors' code: the last 1x1 convolution (1280) and the classifier are left out, and no block
is dropped at random in training. Padding is TensorFlow's SAME, batch norms add 0.001 to the variance: trained weights
expect both, and images as (x - 127) / 128.
"""

from torch import nn

from smalti.nets.backbones.backbone import Backbone
from smalti.nets.backbones.mobilenetv2 import InvertedResidual
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
        inputs = STEM
        units: list[nn.Module] = [ConvNorm(bands, inputs, 3, 2, act=nn.ReLU6, padding="same")]
        stages: list[nn.Module] = []
        channels = []
        for rows in BLOCKS:
            for kernel, expansion, outputs, repeats, first in rows:
                wide = divisible(outputs * width, 8)
                for stride in (first, *[1] * (repeats - 1)):
                    units.append(InvertedResidual(inputs, wide, expansion, stride, "same", kernel))
                    inputs = wide
            stages.append(nn.Sequential(*units))
            channels.append(inputs)
            units = []
        super().__init__(stages, channels)
        initialise(self)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = EPSILON
