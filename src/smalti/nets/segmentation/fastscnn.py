"""Fast-SCNN (Poudel, Liwicki and Cipolla, 2019, "Fast-SCNN: Fast Semantic Segmentation Network").

Three strided convolutions are shared by a shallow path and a deep path of inverted residuals and pyramid pooling.
Differs from the paper: the bottlenecks are those of MobileNetV2, with ReLU6; the depthwise convolutions of all
separable convolutions are linear (in the paper only the first ones); the two auxiliary heads, which the paper does not
specify, are a 3x3 and a 1x1 convolution each; no dropout.
"""

import torch
from torch import Tensor, nn

from smalti.nets.backbones.mobilenetv2 import InvertedResidual
from smalti.nets.layers import ConvNorm, auxiliary, initialise, pool, resize

STEM = (32, 48, 64)  # channels; 3x3 of stride 2, the first a full convolution, the others depthwise separable
# channels, repeats, stride of the first; the expansion is 6
BOTTLENECKS = ((64, 3, 2), (96, 3, 2), (128, 3, 1))
EXPANSION = 6
BINS = (1, 2, 3, 6)  # sides of the pyramid's maps
FUSED = 128  # channels of the context, of the fused map and of the classifier
DILATION = 4  # dilation of the depthwise convolution over the context, and its upsampling factor


def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A linear depthwise 3x3 and a 1x1 convolution with ReLU."""
    return nn.Sequential(ConvNorm(inputs, inputs, 3, stride, inputs, act=None), ConvNorm(inputs, outputs))


class PyramidPooling(nn.Module):
    """Pyramid pooling (Zhao et al., 2017), merged with the map itself by a 1x1 convolution."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        narrow = channels // len(BINS)
        self.scales = nn.ModuleList(ConvNorm(channels, narrow) for _ in BINS)
        self.merge = ConvNorm(2 * channels, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """N,channels,H,W to N,outputs,H,W."""
        means = [resize(scale(pool(x, bins)), x) for scale, bins in zip(self.scales, BINS, strict=True)]
        return self.merge(torch.cat((x, *means), dim=1))  # type: ignore[no-any-return]


class Fusion(nn.Module):
    """ReLU of the sum of the shallow map and the upsampled context, each after a linear 1x1 convolution."""

    def __init__(self, shallow: int, deep: int, outputs: int) -> None:
        super().__init__()
        self.spread = nn.Sequential(
            nn.Conv2d(deep, deep, 3, padding=DILATION, dilation=DILATION, groups=deep, bias=False),
            nn.BatchNorm2d(deep),
            nn.ReLU(),
        )
        self.deep, self.shallow = ConvNorm(deep, outputs, act=None), ConvNorm(shallow, outputs, act=None)

    def forward(self, shallow: Tensor, deep: Tensor) -> Tensor:
        """N,shallow,H,W and N,deep,h,w to N,outputs,H,W."""
        return (self.deep(self.spread(resize(deep, shallow))) + self.shallow(shallow)).relu()  # type: ignore[no-any-return]


def head(channels: int, classes: int) -> nn.Sequential:
    """An auxiliary head."""
    return nn.Sequential(ConvNorm(channels, channels, 3), nn.Conv2d(channels, classes, 1))


class FastSCNN(nn.Module):
    """Shared downsampling, a deep and a shallow path, their sum, a classifier of separable convolutions."""

    def __init__(self, classes: int, bands: int = 3, task: str = "classes") -> None:
        super().__init__()
        self.task = task
        first, second, shallow = STEM
        self.downsample = nn.Sequential(
            ConvNorm(bands, first, 3, 2), separable(first, second, 2), separable(second, shallow, 2)
        )
        blocks: list[nn.Module] = []
        inputs = shallow
        for channels, repeats, first_stride in BOTTLENECKS:
            for stride in (first_stride, *[1] * (repeats - 1)):
                blocks.append(InvertedResidual(inputs, channels, EXPANSION, stride, "torch"))
                inputs = channels
        self.context = nn.Sequential(*blocks, PyramidPooling(inputs, FUSED))
        self.fusion = Fusion(shallow, FUSED, FUSED)
        self.classifier = nn.Sequential(separable(FUSED, FUSED), separable(FUSED, FUSED), nn.Conv2d(FUSED, classes, 1))
        self.aux_heads = nn.ModuleList((head(shallow, classes), head(FUSED, classes)))
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}.

        In training also `TASK/aux` and `TASK/aux2`, logits of the shallow map and of the context.
        """
        shallow = self.downsample(x)
        deep = self.context(shallow)
        outputs = {self.task: resize(self.classifier(self.fusion(shallow, deep)), x)}
        if self.training:
            logits = (head(tap) for head, tap in zip(self.aux_heads, (shallow, deep), strict=True))
            outputs |= auxiliary(self.task, logits, x)
        return outputs
