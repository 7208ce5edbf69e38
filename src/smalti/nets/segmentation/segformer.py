"""SegFormer (Xie et al., 2021, "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers").

A transformer encoder, MiT, and a light decoder: each stage's map is projected to the same number of channels, upsampled
to the size of the first, merged, and classified. On `mit_b0` it is B0. Differs from the authors' code only in the
encoder (see `smalti.nets.backbones.mit`); other encoders are supported, too.
"""

import torch
from torch import Tensor, nn

from smalti.nets.backbones import make_backbone
from smalti.nets.layers import ConvNorm, initialise, resize

CHANNELS = 256  # of each projected map and of the merged one
DROP = 0.1  # share of the merged map's channels that is left out in training


class SegFormer(nn.Module):
    """Encoder, one projection per stage, merged at the size of the shallowest map, classified."""

    def __init__(
        self, classes: int, bands: int = 3, encoder: str = "mit_b0", width: float = 1.0, task: str = "classes"
    ) -> None:
        super().__init__()
        self.task = task
        self.encoder = make_backbone(encoder, bands, width)
        self.projections = nn.ModuleList(nn.Conv2d(channels, CHANNELS, 1) for channels in self.encoder.channels)
        self.merge = ConvNorm(len(self.encoder.channels) * CHANNELS, CHANNELS)
        self.head = nn.Sequential(nn.Dropout2d(DROP), nn.Conv2d(CHANNELS, classes, 1))
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}."""
        taps = self.encoder(x)
        maps = [resize(project(tap), taps[0]) for project, tap in zip(self.projections, taps, strict=True)]
        return {self.task: resize(self.head(self.merge(torch.cat(maps, dim=1))), x)}
