"""SegNet (Badrinarayanan, Kendall and Cipolla, 2017, "SegNet: A Deep Convolutional Encoder-Decoder Architecture").

The encoder is VGG with batch norm; the decoder mirrors it, and upsamples by unpooling: each value is placed where the
encoder's pooling found its maximum. Pooling rounds odd sides up, and the decoder's maps are cropped to the encoder's.
"""

import torch
from torch import Tensor, nn

from smalti.errors import ModelError
from smalti.nets.backbones import make_backbone
from smalti.nets.backbones.vgg import VGG, Pool
from smalti.nets.layers import ConvNorm, halve, initialise


def unpool(x: Tensor, pooled: Tensor, before: Tensor) -> Tensor:
    """Max unpooling: places each value of x at the position of the 2x2 maximum of a map; zeros elsewhere.

    Args:
        x: N,C,ceil(H/2),ceil(W/2).
        pooled: the maxima, of the same shape.
        before: N,C,H,W, the map before pooling; of equal maxima the first one is used, row by row.

    Equals torch's `max_unpool2d` with the pooling's indices, which cannot be exported for any size.
    """
    rows, columns = (torch.arange(side, device=x.device) for side in before.shape[-2:])

    def enlarge(small: Tensor) -> Tensor:  # N,C,h,w to N,C,H,W
        return small.index_select(-2, rows // 2).index_select(-1, columns // 2)

    # 4 to 1 for the pixels of a window, row by row, and 0 except at maxima: the largest marks the first maximum
    order = (4 - rows[:, None] % 2 * 2 - columns % 2).to(x.dtype)  # H,W
    rank = torch.where(before == enlarge(pooled), order, 0.0)
    first = enlarge(halve(rank))
    return torch.where(rank == first, enlarge(x), 0.0)


class SegNet(nn.Module):
    """VGG with batch norm, and a mirrored decoder with unpooling."""

    def __init__(
        self, classes: int, bands: int = 3, encoder: str = "vgg16_bn", width: float = 1.0, task: str = "classes"
    ) -> None:
        super().__init__()
        self.task = task
        self.encoder = make_backbone(encoder, bands, width)
        if not isinstance(self.encoder, VGG):
            raise ModelError(f"SegNet needs a VGG encoder with batch norm, such as vgg16_bn, not {encoder!r}")
        levels: list[list[nn.Module]] = [[]]
        for unit in self._units():
            if isinstance(unit, Pool):
                levels.append([])
            else:
                conv = unit.get_submodule("conv")
                assert isinstance(conv, nn.Conv2d)
                levels[-1].insert(0, ConvNorm(conv.out_channels, conv.in_channels, 3, bias=True))
        last = levels[0].pop()
        assert isinstance(last, ConvNorm)
        levels[0].append(nn.Conv2d(last.conv.in_channels, classes, 3, padding=1))
        self.decoder = nn.ModuleList(nn.Sequential(*level) for level in reversed(levels[:-1]))
        initialise(self)

    def _units(self) -> list[nn.Module]:
        return [unit for stage in self.encoder.stages for unit in stage.children()]

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {task: logits N,classes,H,W}."""
        pooled = []
        for unit in self._units():
            before, x = x, unit(x)
            if isinstance(unit, Pool):
                pooled.append((x, before))
        for convolutions, (maxima, before) in zip(self.decoder, reversed(pooled), strict=True):
            x = convolutions(unpool(x, maxima, before))
        return {self.task: x}
