"""FPN (Lin et al., 2017, "Feature Pyramid Networks for Object Detection") as a light net for each pixel's class.

From the deepest map to the shallowest: upsample, add the encoder's map, a 3x3 convolution. Differs from the paper: each
level has the channels of the encoder's map instead of 256, and its convolution changes to those of the next one before
it is upsampled, where that is a quarter of the work; upsampling is bilinear; only the shallowest level is classified.
On the default encoder it is made for 8-bit integers: no concatenation, no depthwise convolution.
"""

from itertools import pairwise

from torch import Tensor, nn

from smalti.nets.backbones import make_backbone
from smalti.nets.layers import ConvNorm, initialise, resize


class FPN(nn.Module):
    """Encoder, additions on the way up, classes at the size of the shallowest map, bilinear upsampling."""

    def __init__(
        self, classes: int, bands: int = 3, encoder: str = "resnet_slim", width: float = 1.0, task: str = "classes"
    ) -> None:
        super().__init__()
        self.task = task
        self.encoder = make_backbone(encoder, bands, width)
        *shallower, deepest = self.encoder.channels
        deep_to_shallow = (deepest, *reversed(shallower))
        self.laterals = nn.ModuleList(ConvNorm(channels, channels, act=None) for channels in reversed(shallower))
        self.levels = nn.ModuleList(
            ConvNorm(deep, shallow, 1 if number == 0 else 3)
            for number, (deep, shallow) in enumerate(pairwise(deep_to_shallow))
        )
        last = self.encoder.channels[0]
        self.head = nn.Sequential(ConvNorm(last, last, 3), nn.Conv2d(last, classes, 1))
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}."""
        *shallower, deep = self.encoder(x)
        for level, lateral, tap in zip(self.levels, self.laterals, reversed(shallower), strict=True):
            deep = resize(level(deep), tap) + lateral(tap)
        return {self.task: resize(self.head(deep), x)}
