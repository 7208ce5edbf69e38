"""DDRNet-23-slim (Hong et al., 2021, "Deep Dual-resolution Networks for Real-time and Accurate Semantic Segmentation of
Road Scenes").

One branch stays at stride 8, the other goes down to stride 64; they exchange features twice, and the deep one ends in
a pyramid of average poolings, DAPPM. Follows the authors' code, except that maps are resized to the size of the other
map, so that sides need not be multiples of 64.
"""

import torch
from torch import Tensor, nn

from smalti.nets.layers import ConvNorm, auxiliary, initialise, resize

WIDTH = 32  # channels of the stem; stages have 1, 2, 4, 8 times as many, the branch of high resolution twice
BLOCKS = 2  # residual blocks per stage
CONTEXT = 128  # channels inside DAPPM
HEAD = 64  # channels before the classes
# kernel, stride of the average poolings, besides the global one
MEANS = ((5, 2), (9, 4), (17, 8))


class NormConv(nn.Sequential):
    """Batch norm, ReLU, convolution without bias: in this order."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.act = nn.ReLU()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)


class Residual(nn.Module):
    """A body plus its input, projected if shapes differ; without the final ReLU, as branches are added before it."""

    def __init__(self, body: nn.Module, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = body
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else ConvNorm(inputs, outputs, 1, stride, act=None)

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,outputs,ceil(H/stride),ceil(W/stride)."""
        return self.body(x) + self.shortcut(x)  # type: ignore[no-any-return]


def basic(inputs: int, outputs: int, stride: int = 1) -> Residual:
    """Two 3x3 convolutions."""
    body = nn.Sequential(ConvNorm(inputs, outputs, 3, stride), ConvNorm(outputs, outputs, 3, act=None))
    return Residual(body, inputs, outputs, stride)


def bottleneck(inputs: int, middle: int, stride: int = 1) -> Residual:
    """1x1, 3x3, and 1x1 to twice the channels."""
    outputs = 2 * middle
    body = (ConvNorm(inputs, middle), ConvNorm(middle, middle, 3, stride), ConvNorm(middle, outputs, act=None))
    return Residual(nn.Sequential(*body), inputs, outputs, stride)


def stage(inputs: int, outputs: int, blocks: int, stride: int = 1) -> nn.Sequential:
    """Basic blocks with ReLU between them, not after the last."""
    rows: list[nn.Module] = [basic(inputs, outputs, stride)]
    for _ in range(blocks - 1):
        rows += [nn.ReLU(), basic(outputs, outputs)]
    return nn.Sequential(*rows)


def stem(bands: int, channels: int) -> nn.Sequential:
    """Two 3x3 convolutions of stride 2."""
    return nn.Sequential(ConvNorm(bands, channels, 3, 2, bias=True), ConvNorm(channels, channels, 3, 2, bias=True))


def head(inputs: int, middle: int, outputs: int) -> nn.Sequential:
    """A 3x3 convolution and the classes; norm and ReLU before each."""
    last = nn.Conv2d(middle, outputs, 1)
    return nn.Sequential(NormConv(inputs, middle, 3), nn.BatchNorm2d(middle), nn.ReLU(), last)


def means() -> nn.ModuleList:
    """Average poolings of several sizes, and the global one."""
    local = (nn.AvgPool2d(kernel, stride, kernel // 2) for kernel, stride in MEANS)
    return nn.ModuleList((*local, nn.AdaptiveAvgPool2d(1)))


class DAPPM(nn.Module):
    """Deep aggregation pyramid pooling: each pooled map passes a 3x3 convolution together with the finer ones."""

    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__()
        self.means = means()
        self.own = NormConv(inputs, middle)
        self.scales = nn.ModuleList(NormConv(inputs, middle) for _ in self.means)
        self.steps = nn.ModuleList(NormConv(middle, middle, 3) for _ in self.means)
        self.merge = NormConv((1 + len(self.means)) * middle, outputs)
        self.shortcut = NormConv(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,outputs,H,W."""
        maps = [self.own(x)]
        for mean, scale, step in zip(self.means, self.scales, self.steps, strict=True):
            maps.append(step(resize(scale(mean(x)), x) + maps[-1]))
        return self.merge(torch.cat(maps, dim=1)) + self.shortcut(x)  # type: ignore[no-any-return]


class DDRNet(nn.Module):
    """Two branches that exchange twice, DAPPM, head; in training an auxiliary head after the first exchange."""

    def __init__(self, classes: int, bands: int = 3, task: str = "classes") -> None:
        super().__init__()
        self.task = task
        w, high = WIDTH, 2 * WIDTH
        self.stem = nn.Sequential(stem(bands, w), stage(w, w, BLOCKS), nn.ReLU(), stage(w, high, BLOCKS, 2), nn.ReLU())
        self.low3, self.low4 = stage(high, 4 * w, BLOCKS, 2), stage(4 * w, 8 * w, BLOCKS, 2)
        self.low5 = bottleneck(8 * w, 8 * w, 2)
        self.high3, self.high4 = stage(high, high, BLOCKS), stage(high, high, BLOCKS)
        self.high5 = bottleneck(high, high)
        self.up3, self.up4 = ConvNorm(4 * w, high, act=None), ConvNorm(8 * w, high, act=None)
        self.down3 = ConvNorm(high, 4 * w, 3, 2, act=None)
        self.down4 = nn.Sequential(ConvNorm(high, 4 * w, 3, 2), ConvNorm(4 * w, 8 * w, 3, 2, act=None))
        self.context = DAPPM(16 * w, CONTEXT, 4 * w)
        self.class_head = head(4 * w, HEAD, classes)
        self.aux_head = head(high, HEAD, classes)
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}; in training also `TASK/aux`."""
        eighth = self.stem(x)
        low, high = self.low3(eighth), self.high3(eighth)
        low, high = low + self.down3(high.relu()), high + resize(self.up3(low.relu()), high)
        exchanged = high
        low, high = self.low4(low.relu()), self.high4(high.relu())
        low, high = low + self.down4(high.relu()), high + resize(self.up4(low.relu()), high)
        high = self.high5(high.relu())
        fused = high + resize(self.context(self.low5(low.relu())), high)
        outputs = {self.task: resize(self.class_head(fused), x)}
        if self.training:
            outputs |= auxiliary(self.task, [self.aux_head(exchanged)], x)
        return outputs
