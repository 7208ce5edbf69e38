"""UNetFormer (Wang et al., 2022, "UNetFormer: A UNet-like transformer for efficient semantic segmentation of remote
sensing urban scene imagery"), published on ResNet-18.

The decoder combines attention within windows of 8x8 pixels, means along rows and columns across windows, and plain
convolutions for local context. Differs from the authors' code: maps whose sides are not multiples of the window are
padded with pixels that attention ignores (theirs are mirror-padded, and maps of half a window or less are refused); the
means and the 8x8 convolution are padded with zeros (theirs with one mirrored pixel, then zeros); maps are resized to
the size of the other map.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.nets.backbones import make_backbone
from smalti.nets.layers import ConvNorm, auxiliary, initialise, resize

CHANNELS = 64  # of the decoder
HEADS = 8  # of attention
WINDOW = 8  # side in pixels; also the length of the means and the kernel size of the last convolution
EXPANSION = 4  # of the feed-forward part
SQUEEZE = 16  # channels per channel inside the channel attention
DROP = 0.1
BEFORE, AFTER = (WINDOW - 1) // 2, WINDOW // 2  # padding of an even kernel on each side


def separable(channels: int) -> nn.Sequential:
    """A depthwise 3x3 with norm and a plain 1x1 convolution."""
    spread = ConvNorm(channels, channels, 3, groups=channels, act=None)
    return nn.Sequential(spread, nn.Conv2d(channels, channels, 1, bias=False))


class WindowAttention(nn.Module):
    """Attention among the pixels of each window, with a learned bias for each relative position."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        side = 2 * WINDOW - 1
        self.preference = nn.Parameter(nn.init.trunc_normal_(torch.empty(HEADS, side * side), std=0.02))
        place = torch.cartesian_prod(torch.arange(WINDOW), torch.arange(WINDOW))  # pixels of a window,2
        distance = place[:, None] - place[None, :] + WINDOW - 1  # from 0 to side - 1
        self.distance: Tensor
        self.register_buffer("distance", distance[..., 0] * side + distance[..., 1], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """N,C,H,W, and so is the result."""
        height, width = x.shape[-2:]
        rows, columns = _whole(height, x), _whole(width, x)
        x = self.query_key_value(x)
        x = x.index_select(2, rows.clamp(max=height - 1)).index_select(3, columns.clamp(max=width - 1))
        # split separately: slices of one tensor would fix an exported graph of a single window to its batch size
        heads = torch.unflatten(x, 1, (3 * HEADS, -1)).chunk(3, dim=1)  # N,heads,C/heads,H,W each
        query, key, value = (_split(x) for x in heads)  # N,windows,heads,pixels,C/heads
        seen = _pairs((rows < height).view(-1, WINDOW), (columns < width).view(-1, WINDOW))  # windows,pixels
        scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5 + self.preference[:, self.distance]
        found = scores.masked_fill(~seen[:, None, None], -torch.inf).softmax(-1) @ value
        whole = _join(found, rows.shape[0] // WINDOW, columns.shape[0] // WINDOW)
        # by index, not by slices, which would fix an exported graph to maps that end before the window
        return whole.index_select(2, _places(height, x)).index_select(3, _places(width, x))


def _places(size: int, like: Tensor) -> Tensor:
    return torch.arange(size, device=like.device)


def _whole(size: int, like: Tensor) -> Tensor:
    """Positions 0, 1, ... to the end of the last window that contains a pixel."""
    return _places((size + WINDOW - 1) // WINDOW * WINDOW, like)


def _pairs(down: Tensor, across: Tensor) -> Tensor:
    """The logical product of down,WINDOW and across,WINDOW: windows,pixels."""
    return (down[:, None, :, None] & across[None, :, None, :]).flatten(2, 3).flatten(0, 1)


def _split(x: Tensor) -> Tensor:
    """N,heads,C,H,W with whole windows to N,windows,heads,pixels,C."""
    x = torch.unflatten(torch.unflatten(x, 4, (-1, WINDOW)), 3, (-1, WINDOW))  # N,heads,C,down,WINDOW,across,WINDOW
    return x.permute(0, 3, 5, 1, 4, 6, 2).flatten(4, 5).flatten(1, 2)


def _join(x: Tensor, down: int, across: int) -> Tensor:
    """N,windows,heads,pixels,C to N,heads*C,H,W."""
    x = torch.unflatten(torch.unflatten(x, 3, (WINDOW, WINDOW)), 1, (down, across))
    # N,down,across,heads,WINDOW,WINDOW,C
    return x.permute(0, 3, 6, 1, 4, 2, 5).flatten(5, 6).flatten(3, 4).flatten(1, 2)


class GlobalLocalAttention(nn.Module):
    """Window attention, its means along rows and columns, and convolutions; an 8x8 convolution over the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.windows = WindowAttention(channels)
        self.near, self.own = ConvNorm(channels, channels, 3, act=None), ConvNorm(channels, channels, act=None)
        self.spread = nn.Conv2d(channels, channels, WINDOW, groups=channels, bias=False)
        self.project = nn.Sequential(nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """N,C,H,W, and so is the result."""
        found = self.windows(x)
        down = F.avg_pool2d(F.pad(found, (0, 0, BEFORE, AFTER)), (WINDOW, 1), 1)
        across = F.avg_pool2d(F.pad(found, (BEFORE, AFTER, 0, 0)), (1, WINDOW), 1)
        y = F.pad(down + across + self.near(x) + self.own(x), (BEFORE, AFTER, BEFORE, AFTER))
        return self.project(self.spread(y))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Global-local attention and feed-forward, each after a norm and added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.attention = nn.Sequential(nn.BatchNorm2d(channels), GlobalLocalAttention(channels))
        self.feed = nn.Sequential(
            nn.BatchNorm2d(channels), nn.Conv2d(channels, wide, 1), nn.ReLU6(), nn.Conv2d(wide, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """N,C,H,W, and so is the result."""
        x = x + self.attention(x)
        return x + self.feed(x)  # type: ignore[no-any-return]


class WeightedSum(nn.Module):
    """A 3x3 convolution over the sum of the encoder's map and the upsampled deeper one, by learned positive weights."""

    def __init__(self, shallow: int, channels: int) -> None:
        super().__init__()
        self.shallow = nn.Conv2d(shallow, channels, 1, bias=False)
        self.weights = nn.Parameter(torch.ones(2))
        self.merge = ConvNorm(channels, channels, 3, act=nn.ReLU6)

    def forward(self, deep: Tensor, shallow: Tensor) -> Tensor:
        """N,channels,h,w and N,shallow,H,W to N,channels,H,W."""
        weights = self.weights.relu()
        own, deeper = weights / (weights.sum() + 1e-8)
        return self.merge(own * self.shallow(shallow) + deeper * resize(deep, shallow))  # type: ignore[no-any-return]


class Refinement(nn.Module):
    """Spatial and channel attention in parallel, added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = channels // SQUEEZE
        self.pixels = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.channels = nn.Sequential(
            nn.Conv2d(channels, narrow, 1, bias=False), nn.ReLU6(), nn.Conv2d(narrow, channels, 1, bias=False)
        )
        self.shortcut = ConvNorm(channels, channels, act=None)
        self.merge = separable(channels)

    def forward(self, x: Tensor) -> Tensor:
        """N,channels,H,W to the same shape."""
        by_channel = self.channels(x.mean((2, 3), keepdim=True)).sigmoid()  # N,channels,1,1
        weighed = self.pixels(x).sigmoid() * x + by_channel * x
        return F.relu6(self.merge(weighed) + self.shortcut(x))


class UNetFormer(nn.Module):
    """Encoder, three blocks of global-local attention from deep to shallow, refinement, head."""

    def __init__(
        self, classes: int, bands: int = 3, encoder: str = "resnet18", width: float = 1.0, task: str = "classes"
    ) -> None:
        super().__init__()
        self.task = task
        self.encoder = make_backbone(encoder, bands, width)
        *shallow_to_deep, deepest = self.encoder.channels
        self.first = ConvNorm(deepest, CHANNELS, act=None)
        self.sums = nn.ModuleList(WeightedSum(channels, CHANNELS) for channels in shallow_to_deep[::-1])
        self.blocks = nn.ModuleList(Block(CHANNELS) for _ in shallow_to_deep)
        self.refinement = Refinement(CHANNELS)
        self.class_head = self.head(nn.Dropout2d(DROP), classes)
        self.aux_head = self.head(nn.Dropout(DROP), classes)
        initialise(self)

    @staticmethod
    def head(dropout: nn.Module, classes: int) -> nn.Sequential:
        """A 3x3 convolution, dropout, the classes."""
        last = nn.Conv2d(CHANNELS, classes, 1, bias=False)
        return nn.Sequential(ConvNorm(CHANNELS, CHANNELS, 3, act=nn.ReLU6), dropout, last)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}; in training also `TASK/aux`."""
        *shallow_to_deep, deepest = self.encoder(x)
        y = self.first(deepest)
        seen = []
        for block, fuse, shallow in zip(self.blocks, self.sums, shallow_to_deep[::-1], strict=True):
            seen.append(block(y))
            y = fuse(seen[-1], shallow)
        outputs = {self.task: resize(self.class_head(self.refinement(y)), x)}
        if self.training:
            together = torch.stack([resize(z, seen[-1]) for z in seen]).sum(0)
            outputs |= auxiliary(self.task, [self.aux_head(together)], x)
        return outputs
