"""DeepLabv3+ (Chen et al., 2018, "Encoder-Decoder with Atrous Separable Convolution for Semantic Segmentation").

Parallel dilated convolutions on the deepest map (ASPP); a shallow map restores detail. Differs from the paper: plain
instead of separable convolutions, as is usual on ResNet-50, and other encoders than Xception.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from smalti.nets.backbones import make_backbone
from smalti.nets.layers import ConvNorm, initialise, resize

CHANNELS = 256  # of each branch, of their fusion and of the decoder
SHALLOW = 48  # channels that the shallow map is reduced to
RATES = (6, 12, 18)  # at output stride 16; twice as wide at 8
DROPS = (0.5, 0.1)  # after the fusion, before the classes


def dilated(inputs: int, rate: int) -> nn.Sequential:
    """A 3x3 convolution with that dilation."""
    return nn.Sequential(
        nn.Conv2d(inputs, CHANNELS, 3, padding=rate, dilation=rate, bias=False), nn.BatchNorm2d(CHANNELS), nn.ReLU()
    )


class ASPP(nn.Module):
    """A 1x1 convolution, 3x3 ones of several dilations and global pooling, in parallel; fused by a 1x1 convolution."""

    def __init__(self, inputs: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList([ConvNorm(inputs, CHANNELS), *(dilated(inputs, rate) for rate in rates)])
        self.whole = ConvNorm(inputs, CHANNELS)
        self.fuse = nn.Sequential(ConvNorm((len(rates) + 2) * CHANNELS, CHANNELS), nn.Dropout(DROPS[0]))

    def forward(self, x: Tensor) -> Tensor:
        """N,inputs,H,W to N,CHANNELS,H,W."""
        whole = self.whole(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[-2:])
        return self.fuse(torch.cat([*(branch(x) for branch in self.branches), whole], dim=1))  # type: ignore[no-any-return]


class DeepLabDecoder(nn.Module):
    """From the encoder's maps to `outputs` maps at the size of the shallowest.

    Args:
        channels: channels of the encoder's maps, shallow to deep.
        outputs: number of output channels.
        output_stride: stride of the encoder's deepest map, 8, 16 or 32.
    """

    def __init__(self, channels: Sequence[int], outputs: int, output_stride: int) -> None:
        super().__init__()
        shallow, *_, deep = channels
        self.aspp = ASPP(deep, [rate * 16 // output_stride for rate in RATES])
        self.reduce = ConvNorm(shallow, SHALLOW)
        self.head = nn.Sequential(
            ConvNorm(SHALLOW + CHANNELS, CHANNELS, 3),
            ConvNorm(CHANNELS, CHANNELS, 3),
            nn.Dropout(DROPS[1]),
            nn.Conv2d(CHANNELS, outputs, 1),
        )

    def forward(self, taps: list[Tensor]) -> Tensor:
        """Maps of the encoder, shallow to deep, to N,outputs,H/4,W/4."""
        shallow, *_, deep = taps
        seen = resize(self.aspp(deep), shallow)
        return self.head(torch.cat((self.reduce(shallow), seen), dim=1))  # type: ignore[no-any-return]


class DeepLabV3Plus(nn.Module):
    """Encoder, decoder, bilinear upsampling to the size of the image."""

    def __init__(
        self,
        classes: int,
        bands: int = 3,
        encoder: str = "resnet50",
        width: float = 1.0,
        task: str = "classes",
        output_stride: int = 16,
        multi_grid: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.task = task
        self.encoder = make_backbone(encoder, bands, width, output_stride, multi_grid)
        self.decoder = DeepLabDecoder(self.encoder.channels, classes, output_stride)
        initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}."""
        return {self.task: resize(self.decoder(self.encoder(x)), x)}
