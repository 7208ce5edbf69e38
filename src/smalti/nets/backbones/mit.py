"""MiT, the encoder of SegFormer (Xie et al., 2021, "SegFormer: Simple and Efficient Design for Semantic Segmentation
with Transformers"): B0 at width 1, B1 at width 2.

Overlapping patches; attention whose keys and values come from a map reduced by a strided convolution; a depthwise
convolution inside the feed-forward part encodes positions. Differs from the authors' code: maps whose sides are not
multiples of the reduction are padded with zeros, where theirs ignores the last rows and columns (and has no keys for
images below 32 pixels); every layer norm's epsilon is 1e-6.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.nets.backbones.backbone import Backbone
from smalti.nets.layers import divisible, initialise

# kernel and stride of the patches, heads, shrinking of keys and values, blocks; one tuple per stage
STAGES = ((7, 4, 1, 8, 2), (3, 2, 2, 4, 2), (3, 2, 5, 2, 2), (3, 2, 8, 1, 2))
HEAD = 32  # channels per head of attention
EXPANSION = 4  # of the feed-forward part
DROP = 0.1  # share of images for which the last branch is left out in training; the first is never

LayerNorm = partial(nn.LayerNorm, eps=1e-6)


class DropPath(nn.Module):
    """Stochastic depth (Huang et al., 2016): in training a branch is left out for a share of the images."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """N,H,W,C; images that keep the branch count more, so that the mean stays."""
        if not self.training or not self.share:
            return x
        kept = torch.rand(x.shape[0], 1, 1, 1, device=x.device) >= self.share
        return x * kept / (1 - self.share)


class Patches(nn.Module):
    """A strided convolution whose kernel reaches into the neighbours, and a norm; channels go last."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
        self.norm = LayerNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,ceil(H/stride),ceil(W/stride),outputs."""
        return self.norm(self.conv(x).permute(0, 2, 3, 1))  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Attention of each pixel to all pixels of the reduced map."""

    def __init__(self, channels: int, heads: int, shrink: int) -> None:
        super().__init__()
        self.heads, self.shrink = heads, shrink
        self.query, self.key_value = nn.Linear(channels, channels), nn.Linear(channels, 2 * channels)
        self.project = nn.Linear(channels, channels)
        if shrink > 1:
            # Called with its stride, which is none of the map's: `dilate` is to leave it.
            self.reduce = nn.Conv2d(channels, channels, shrink)
            self.norm = LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """N,H,W,C, and so is the result."""
        query = self._split(self.query(x).flatten(1, 2))
        key, value = self.key_value(self._seen(x).flatten(1, 2)).chunk(2, dim=-1)  # N,L,C each
        found = F.scaled_dot_product_attention(query, self._split(key), self._split(value))  # N,heads,HW,C/heads
        return self.project(found.transpose(1, 2).reshape(x.shape))  # type: ignore[no-any-return]

    def _split(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, -1, (self.heads, -1)).transpose(1, 2)  # N,L,C to N,heads,L,C/heads

    def _seen(self, x: Tensor) -> Tensor:
        """The reduced map, N,H,W,C to N,h,w,C; sides are rounded up."""
        if self.shrink == 1:
            return x
        beyond = self.shrink - 1  # a kernel starts at every pixel of the shrunk map, no further one
        padded = F.pad(x.permute(0, 3, 1, 2), (0, beyond, 0, beyond))
        y = F.conv2d(padded, self.reduce.weight, self.reduce.bias, stride=self.shrink)
        return self.norm(y.permute(0, 2, 3, 1))  # type: ignore[no-any-return]


class FeedForward(nn.Module):
    """Up, depthwise 3x3, GELU, down."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.up, self.down = nn.Linear(channels, wide), nn.Linear(wide, channels)
        self.depthwise = nn.Conv2d(wide, wide, 3, padding=1, groups=wide)

    def forward(self, x: Tensor) -> Tensor:
        """N,H,W,C, and so is the result."""
        y = self.depthwise(self.up(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # N,H,W,wide
        return self.down(F.gelu(y))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention and feed-forward, each after a norm and added to its input."""

    def __init__(self, channels: int, heads: int, shrink: int, drop: float) -> None:
        super().__init__()
        self.norm1, self.attention = LayerNorm(channels), Attention(channels, heads, shrink)
        self.norm2, self.feed = LayerNorm(channels), FeedForward(channels)
        self.drop = DropPath(drop)

    def forward(self, x: Tensor) -> Tensor:
        """N,H,W,C, and so is the result."""
        x = x + self.drop(self.attention(self.norm1(x)))
        return x + self.drop(self.feed(self.norm2(x)))  # type: ignore[no-any-return]


class ToMap(nn.Module):
    """A last norm; moves channels back to the second axis."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """N,H,W,C to N,C,H,W."""
        return self.norm(x).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


class MiT(Backbone):
    """Mix Transformer without its classifier; a width other than 1 widens the heads (in steps of 8 channels)."""

    def __init__(self, bands: int = 3, width: float = 1.0) -> None:
        head = divisible(HEAD * width, 8)
        total = sum(row[-1] for row in STAGES)
        drops = (DROP * number / (total - 1) for number in range(total))
        stages: list[nn.Module] = []
        inputs, widths = bands, []
        for kernel, stride, heads, shrink, blocks in STAGES:
            channels = heads * head
            rows = (Block(channels, heads, shrink, next(drops)) for _ in range(blocks))
            stages.append(nn.Sequential(Patches(inputs, channels, kernel, stride), *rows, ToMap(channels)))
            inputs = channels
            widths.append(channels)
        super().__init__(stages, widths)
        initialise(self)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
