"""A residual U-Net for tiles of Potsdam and Inria: four levels, 32 filters, a residual centre.

Its blocks concatenate their input with their output, where He et al., 2016, add them, and have the batch norm after the
ReLU. It was published for 256x256 pixels, with six classes or two. Differs from it: odd sides are rounded up, so that
any size is supported.
"""

import torch
from torch import Tensor, nn

from smalti.nets.layers import crop, divisible, halve, initialise

CHANNELS = (32, 64, 128, 256)  # by level
CENTRE = 512


class Block(nn.Module):
    """Two 3x3 convolutions, concatenated with the input."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.outputs = inputs + channels
        self.convs = nn.Sequential(
            nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,inputs+channels,H,W."""
        return torch.cat((self.convs(x), x), dim=1)


class Up(nn.Module):
    """One level up: learned upsampling by two, concatenated with the map of that level, then a block."""

    def __init__(self, deep: int, shallow: int, channels: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(deep, channels, 2, 2)
        self.block = Block(shallow + channels, channels)

    def forward(self, deep: Tensor, shallow: Tensor) -> Tensor:
        """N,deep,ceil(H/2),ceil(W/2) and N,shallow,H,W to N,shallow+2*channels,H,W."""
        return self.block(torch.cat((shallow, crop(self.enlarge(deep), shallow)), dim=1))  # type: ignore[no-any-return]


class ResUNet(nn.Module):
    """Levels down, a centre, levels up; widths other than 1.0 round channels to multiples of 8."""

    def __init__(self, classes: int, bands: int = 3, width: float = 1.0, task: str = "classes") -> None:
        super().__init__()
        self.task = task
        channels = [divisible(c * width, 8) for c in (*CHANNELS, CENTRE)]
        blocks, inputs = [], bands
        for wide in channels:
            blocks.append(Block(inputs, wide))
            inputs = blocks[-1].outputs
        ups = []
        for wide, block in zip(reversed(channels[:-1]), reversed(blocks[:-1]), strict=True):
            ups.append(Up(inputs, block.outputs, wide))
            inputs = ups[-1].block.outputs
        self.down, self.up = nn.ModuleList(blocks), nn.ModuleList(ups)
        self.head = nn.Conv2d(inputs, classes, 1)
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}."""
        maps = [self.down[0](x)]
        for block in self.down[1:]:
            maps.append(block(halve(maps[-1])))
        y = maps.pop()
        for up, shallow in zip(self.up, reversed(maps), strict=True):
            y = up(y, shallow)
        return {self.task: self.head(y)}
