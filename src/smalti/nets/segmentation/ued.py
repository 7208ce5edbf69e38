"""UED: a light encoder-decoder for high-resolution remote sensing images.

The decoder goes from the deepest map to the shallowest: upsample, 3x3, concatenate with the encoder's map, 1x1. It is
the base of the body-edge nets of `bes`. Published on GhostNet; here the encoder is exchangeable.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from smalti.nets.backbones import make_backbone
from smalti.nets.layers import ConvNorm, initialise, resize


class UpBlock(nn.Module):
    """One step from a deep map to the next shallower one of the encoder."""

    def __init__(self, deep: int, shallow: int) -> None:
        super().__init__()
        self.up = ConvNorm(deep, shallow, 3, bias=True)
        self.merge = ConvNorm(2 * shallow, shallow, bias=True)

    def forward(self, deep: Tensor, shallow: Tensor) -> Tensor:
        """N,deep,h,w and N,shallow,H,W to N,shallow,H,W."""
        up = self.up(resize(deep, shallow))
        return self.merge(torch.cat((up, shallow), dim=1))  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """UED's decoder: from the encoder's maps to `outputs` maps at the size of the shallowest."""

    def __init__(self, channels: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        deep_to_shallow = channels[::-1]
        self.ups = nn.ModuleList(UpBlock(deep, shallow) for deep, shallow in pairwise(deep_to_shallow))
        last = channels[0]
        self.head = nn.Sequential(
            ConvNorm(last, last, 3), ConvNorm(last, last, 3), nn.Conv2d(last, outputs, 1, bias=False)
        )

    def forward(self, taps: list[Tensor]) -> Tensor:
        """Maps of the encoder, shallow to deep, to N,outputs,H/4,W/4."""
        x = taps[-1]
        for up, shallow in zip(self.ups, taps[-2::-1], strict=True):
            x = up(x, shallow)
        return self.head(x)  # type: ignore[no-any-return]


class UED(nn.Module):
    """Encoder, decoder, bilinear upsampling to the size of the image."""

    def __init__(
        self, classes: int, bands: int = 3, encoder: str = "ghostnet", width: float = 1.0, task: str = "classes"
    ) -> None:
        super().__init__()
        self.task = task
        self.encoder = make_backbone(encoder, bands, width)
        self.decoder = Decoder(self.encoder.channels, classes)
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}."""
        return {self.task: resize(self.decoder(self.encoder(x)), x)}
