"""U-Net (Ronneberger, Fischer and Brox, 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation").

Differs from the paper: convolutions are padded, so that the map has the size of the image, and have batch norm;
poolings round odd sides up; there is no dropout.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from smalti.nets.layers import ConvNorm, crop, divisible, halve, initialise

CHANNELS = (64, 128, 256, 512, 1024)  # by level, the deepest last


def double(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions."""
    return nn.Sequential(ConvNorm(inputs, outputs, 3), ConvNorm(outputs, outputs, 3))


class Up(nn.Module):
    """One level up: learned upsampling by two, concatenated with the map of that level."""

    def __init__(self, deep: int, shallow: int) -> None:
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(deep, shallow, 2, 2)
        self.convs = double(2 * shallow, shallow)

    def forward(self, deep: Tensor, shallow: Tensor) -> Tensor:
        """N,deep,ceil(H/2),ceil(W/2) and N,shallow,H,W to N,shallow,H,W."""
        return self.convs(torch.cat((shallow, crop(self.enlarge(deep), shallow)), dim=1))  # type: ignore[no-any-return]


class UNet(nn.Module):
    """Four levels down, four up; widths other than 1.0 round channels to multiples of 8."""

    def __init__(self, classes: int, bands: int = 3, width: float = 1.0, task: str = "classes") -> None:
        super().__init__()
        self.task = task
        channels = [divisible(c * width, 8) for c in CHANNELS]
        self.down = nn.ModuleList(double(a, b) for a, b in pairwise([bands, *channels]))
        self.up = nn.ModuleList(Up(deep, shallow) for shallow, deep in reversed(list(pairwise(channels))))
        self.head = nn.Conv2d(channels[0], classes, 1)
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}."""
        maps = [self.down[0](x)]
        for level in self.down[1:]:
            maps.append(level(halve(maps[-1])))
        y = maps.pop()
        for up, shallow in zip(self.up, reversed(maps), strict=True):
            y = up(y, shallow)
        return {self.task: self.head(y)}
