"""PIDNet-S (Xu, Xiong and Bhattacharyya, 2023, "PIDNet: A Real-time Semantic Segmentation Network Inspired by PID
Controllers").

Three branches: P keeps detail at stride 8, I captures context, D learns boundaries, where detail is preferred. Follows
the authors' code, except that maps are resized to the size of the other map, so that sides need not be multiples of 64.
The authors' additional loss, cross-entropy where the boundary head is confident, is not implemented.
"""

import torch
from torch import Tensor, nn

from smalti.nets.layers import ConvNorm, auxiliary, initialise, resize
from smalti.nets.segmentation.ddrnet import NormConv, basic, bottleneck, head, means, stage, stem

WIDTH = 32  # channels of the stem; the stages of I have 1, 2, 4, 8 times as many, P twice, D once and twice
BLOCKS = (2, 2, 3, 3)  # residual blocks per stage of I
DETAIL_BLOCKS = 2  # and of P
CONTEXT = 96  # channels of each scale inside PAPPM
HEAD = 128  # channels before the classes; before the boundary those of the stem


class PAPPM(nn.Module):
    """Parallel aggregation pyramid pooling: pooled maps, each added to the map, pass one grouped 3x3 convolution."""

    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__()
        self.means = means()
        scales = len(self.means)
        self.own = NormConv(inputs, middle)
        self.scales = nn.ModuleList(NormConv(inputs, middle) for _ in self.means)
        self.together = NormConv(scales * middle, scales * middle, 3, groups=scales)
        self.merge = NormConv((1 + scales) * middle, outputs)
        self.shortcut = NormConv(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,outputs,H,W."""
        own = self.own(x)
        wider = [resize(scale(mean(x)), x) + own for mean, scale in zip(self.means, self.scales, strict=True)]
        together = self.together(torch.cat(wider, dim=1))
        return self.merge(torch.cat((own, together), dim=1)) + self.shortcut(x)  # type: ignore[no-any-return]


class PixelGuide(nn.Module):
    """Pag: the detail branch takes the context where the two agree."""

    def __init__(self, channels: int, middle: int) -> None:
        super().__init__()
        self.detail = ConvNorm(channels, middle, act=None)
        self.context = ConvNorm(channels, middle, act=None)

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        """N,channels,H,W and N,channels,h,w to N,channels,H,W."""
        agreement = self.detail(detail) * resize(self.context(context), detail)
        share = agreement.sum(1, keepdim=True).sigmoid()  # N,1,H,W
        return (1 - share) * detail + share * resize(context, detail)  # type: ignore[no-any-return]


class BoundaryFusion(nn.Module):
    """Light-Bag: weights detail at boundaries, and context elsewhere."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detail = ConvNorm(channels, channels, act=None)
        self.context = ConvNorm(channels, channels, act=None)

    def forward(self, detail: Tensor, context: Tensor, boundary: Tensor) -> Tensor:
        """Three N,channels,H,W to one."""
        share = boundary.sigmoid()
        return self.detail((1 - share) * context + detail) + self.context(context + share * detail)  # type: ignore[no-any-return]


class PIDNet(nn.Module):
    """Three branches, fused by the boundary; in training an auxiliary head of classes and one of the boundary."""

    def __init__(self, classes: int, bands: int = 3, task: str = "classes") -> None:
        super().__init__()
        self.task = task
        w, high = WIDTH, 2 * WIDTH
        one, two, three, four = BLOCKS
        self.stem = nn.Sequential(stem(bands, w), stage(w, w, one), nn.ReLU(), stage(w, high, two, 2), nn.ReLU())
        self.i3, self.i4 = stage(high, 4 * w, three, 2), stage(4 * w, 8 * w, four, 2)
        self.i5 = nn.Sequential(bottleneck(8 * w, 8 * w, 2), bottleneck(16 * w, 8 * w), PAPPM(16 * w, CONTEXT, 4 * w))
        self.p3, self.p4 = stage(high, high, DETAIL_BLOCKS), stage(high, high, DETAIL_BLOCKS)
        self.p5 = bottleneck(high, high)
        self.to_p3, self.to_p4 = ConvNorm(4 * w, high, act=None), ConvNorm(8 * w, high, act=None)
        self.guide3, self.guide4 = PixelGuide(high, w), PixelGuide(high, w)
        self.d3, self.d4, self.d5 = basic(high, w), bottleneck(w, w), bottleneck(high, high)
        self.to_d3, self.to_d4 = ConvNorm(4 * w, w, 3, act=None), ConvNorm(8 * w, high, 3, act=None)
        self.fuse = BoundaryFusion(4 * w)
        self.class_head = head(4 * w, HEAD, classes)
        self.aux_head, self.edge_head = head(high, HEAD, classes), head(high, w, 1)
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}.

        In training also `TASK/aux` (logits N,classes,H,W) and `TASK/edge` (one logit, N,1,H,W).
        """
        eighth = self.stem(x)
        p, d, i = self.p3(eighth), self.d3(eighth), self.i3(eighth).relu()
        p, d = self.guide3(p, self.to_p3(i)), d + resize(self.to_d3(i), d)
        detail = p
        p, d, i = self.p4(p.relu()), self.d4(d.relu()), self.i4(i).relu()
        p, d = self.guide4(p, self.to_p4(i)), d + resize(self.to_d4(i), d)
        boundary = d
        p, d = self.p5(p.relu()), self.d5(d.relu())
        fused = self.fuse(p, resize(self.i5(i), p), d)
        outputs = {self.task: resize(self.class_head(fused), x)}
        if self.training:
            outputs |= auxiliary(self.task, [self.aux_head(detail)], x)
            outputs[f"{self.task}/edge"] = resize(self.edge_head(boundary), x)
        return outputs
