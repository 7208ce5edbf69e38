"""LR-ASPP, the light head of MobileNetV3 (Howard et al., 2019, "Searching for MobileNetV3").

A 1x1 convolution of the deepest map, gated by the map's mean, gives scores at stride 16; a finer map adds scores at
stride 8. Differs from the paper: the mean is global, as in torchvision, instead of over windows of 49 pixels, and the
finer map is the last one of its stride (in torchvision the first one).
"""

import torch
from torch import Tensor, nn

from smalti.nets.backbones import make_backbone
from smalti.nets.layers import ConvNorm, initialise, resize

CHANNELS = 128
OUTPUT_STRIDE = 16


class LRASPP(nn.Module):
    """Encoder, gate, scores of two maps summed."""

    def __init__(
        self,
        classes: int,
        bands: int = 3,
        encoder: str = "mobilenetv3_large",
        width: float = 1.0,
        task: str = "classes",
    ) -> None:
        super().__init__()
        self.task = task
        self.encoder = make_backbone(encoder, bands, width, OUTPUT_STRIDE)
        _, shallow, *_, deep = self.encoder.channels
        self.reduce = ConvNorm(deep, CHANNELS)
        self.gate = nn.Conv2d(deep, CHANNELS, 1, bias=False)
        self.score_deep, self.score_shallow = nn.Conv2d(CHANNELS, classes, 1), nn.Conv2d(shallow, classes, 1)
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}."""
        _, shallow, *_, deep = self.encoder(x)
        gated = self.reduce(deep) * torch.sigmoid(self.gate(deep.mean((2, 3), keepdim=True)))
        scores = resize(self.score_deep(gated), shallow) + self.score_shallow(shallow)
        return {self.task: resize(scores, x)}
