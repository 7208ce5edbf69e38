"""BiSeNetV2 (Yu et al., 2021, "BiSeNet V2: Bilateral Network with Guided Aggregation for Real-Time Semantic
Segmentation").

A wide shallow branch keeps detail, a narrow deep one captures semantics; guided aggregation combines them. Differs from
the paper: maps are resized to the size of the other branch, so that sides need not be multiples of 32, and always
bilinearly; the booster heads have 128 channels, which the paper does not state. A popular reimplementation adds ReLU to
the depthwise convolutions and at the ends of context embedding and aggregation; here, as in the paper, there is none.
"""

import torch
from torch import Tensor, nn

from smalti.nets.layers import ConvNorm, auxiliary, initialise, resize

# channels and stride of 3x3 convolutions
DETAIL = ((64, 2), (64, 1), (64, 2), (64, 1), (64, 1), (128, 2), (128, 1), (128, 1))
STEM = 16  # channels, at stride 4
# channels, repeats; one tuple per stage, whose first block has stride 2
SEMANTIC = ((32, 2), (64, 2), (128, 4))
EXPANSION = 6
HEAD = 1024  # channels before the classes
BOOSTER = 128  # the same for the booster heads


class Stem(nn.Module):
    """Two parallel ways of downsampling to stride 4, concatenated."""

    def __init__(self, bands: int, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(bands, channels, 3, 2)
        self.narrow = nn.Sequential(ConvNorm(channels, channels // 2), ConvNorm(channels // 2, channels, 3, 2))
        self.strongest = nn.MaxPool2d(3, 2, 1)
        self.merge = ConvNorm(2 * channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """N,bands,H,W to N,channels,ceil(H/4),ceil(W/4)."""
        x = self.first(x)
        return self.merge(torch.cat((self.narrow(x), self.strongest(x)), dim=1))  # type: ignore[no-any-return]


class GatherExpand(nn.Module):
    """3x3, depthwise up to six times the channels (twice where strided), linear 1x1 down, plus a shortcut; ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        wide = inputs * EXPANSION
        expand: list[nn.Module] = [ConvNorm(inputs, wide, 3, stride, inputs, act=None)]
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            expand.append(ConvNorm(wide, wide, 3, groups=wide, act=None))
            self.shortcut = nn.Sequential(
                ConvNorm(inputs, inputs, 3, stride, inputs, act=None), ConvNorm(inputs, outputs, act=None)
            )
        self.body = nn.Sequential(ConvNorm(inputs, inputs, 3), *expand, ConvNorm(wide, outputs, act=None))

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,outputs,ceil(H/stride),ceil(W/stride)."""
        return (self.body(x) + self.shortcut(x)).relu()  # type: ignore[no-any-return]


class ContextEmbedding(nn.Module):
    """Adds global context to each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.embed = ConvNorm(channels, channels)
        self.last = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """N,channels,H,W, and so is the result."""
        whole = self.embed(self.norm(x.mean((2, 3), keepdim=True)))  # N,channels,1,1
        return self.last(x + whole)  # type: ignore[no-any-return]


class GuidedAggregation(nn.Module):
    """Each branch is weighted by the other one at that one's scale; their sum is at the scale of the detail branch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detail = self.depthwise(channels)
        self.detail_small = nn.Sequential(ConvNorm(channels, channels, 3, 2, act=None), nn.AvgPool2d(3, 2, 1))
        self.semantic = self.depthwise(channels)
        self.semantic_large = ConvNorm(channels, channels, 3, act=None)
        self.merge = ConvNorm(channels, channels, 3, act=None)

    @staticmethod
    def depthwise(channels: int) -> nn.Sequential:
        """A depthwise 3x3 and a plain 1x1 convolution."""
        spread = ConvNorm(channels, channels, 3, groups=channels, act=None)
        return nn.Sequential(spread, nn.Conv2d(channels, channels, 1, bias=False))

    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        """N,channels,H,W and N,channels,ceil(H/4),ceil(W/4) to N,channels,H,W."""
        large = self.detail(detail) * resize(self.semantic_large(semantic), detail).sigmoid()
        small = self.detail_small(detail) * self.semantic(semantic).sigmoid()
        return self.merge(large + resize(small, detail))  # type: ignore[no-any-return]


def head(inputs: int, channels: int, classes: int) -> nn.Sequential:
    """A 3x3 convolution and the classes."""
    return nn.Sequential(ConvNorm(inputs, channels, 3), nn.Conv2d(channels, classes, 1))


class BiSeNetV2(nn.Module):
    """Detail branch, semantic branch, guided aggregation, head; four booster heads in training."""

    def __init__(self, classes: int, bands: int = 3, task: str = "classes") -> None:
        super().__init__()
        self.task = task
        inputs, rows = bands, []
        for channels, stride in DETAIL:
            rows.append(ConvNorm(inputs, channels, 3, stride))
            inputs = channels
        self.detail = nn.Sequential(*rows)
        stages: list[nn.Module] = [Stem(bands, STEM)]
        taps, deep = [STEM], STEM
        for channels, repeats in SEMANTIC:
            first = GatherExpand(deep, channels, 2)
            stages.append(nn.Sequential(first, *(GatherExpand(channels, channels, 1) for _ in range(repeats - 1))))
            taps.append(channels)
            deep = channels
        self.semantic = nn.ModuleList(stages)
        self.context = ContextEmbedding(deep)
        self.aggregation = GuidedAggregation(deep)
        self.class_head = head(deep, HEAD, classes)
        self.aux_heads = nn.ModuleList(head(channels, BOOSTER, classes) for channels in taps)
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}.

        In training also `TASK/aux` to `TASK/aux4`, logits of the stages of the semantic branch.
        """
        taps, deep = [], x
        for stage in self.semantic:
            deep = stage(deep)
            taps.append(deep)
        fused = self.aggregation(self.detail(x), self.context(deep))
        outputs = {self.task: resize(self.class_head(fused), x)}
        if self.training:
            logits = (head(tap) for head, tap in zip(self.aux_heads, taps, strict=True))
            outputs |= auxiliary(self.task, logits, x)
        return outputs
