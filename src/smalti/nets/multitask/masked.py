"""A masked autoencoder for convolutional encoders: predicts the pixels of hidden cells from the visible ones.

After Tian et al., "Designing BERT for Convolutional Networks: Sparse and Hierarchical Masked Modeling" (SparK), ICLR
2023, and Xie et al., "SimMIM: A Simple Framework for Masked Image Modeling", CVPR 2022. As in SparK, the encoder's maps
of all strides are used, and a learned vector per map stands for hidden cells, so that the decoder has to infer them.

Differences: convolutions are dense, not sparse: hidden pixels enter the net as average pixels, and near the border of a
cell the maps mix with them. Batch norms therefore see other statistics than those of whole images, which have to be
estimated again before the encoder is used (`smalti.training.adapt`). The decoder is UED's.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.card import Task
from smalti.errors import ModelError
from smalti.nets.backbones import make_backbone
from smalti.nets.layers import initialise
from smalti.nets.segmentation.ued import Decoder


class MaskedAutoencoder(nn.Module):
    """An encoder, and a decoder that predicts the normalised pixels of each band."""

    def __init__(self, tasks: Sequence[Task], bands: int = 3, encoder: str = "ghostnet", width: float = 1.0) -> None:
        """`tasks` has a value per band; ModelError for anything else, and for an unknown encoder."""
        super().__init__()
        if len(tasks) != bands or any(task.kind != "value" for task in tasks):
            raise ModelError(f"a masked autoencoder of {bands} bands predicts a value of each, and nothing else")
        self.names = [task.name for task in tasks]
        self.encoder = make_backbone(encoder, bands, width)
        self.step = self.encoder.strides[0]
        self.decoder = Decoder(self.encoder.channels, bands * self.step**2)
        initialise(self.decoder)
        self.fills = nn.ParameterList(0.02 * torch.randn(1, channels, 1, 1) for channels in self.encoder.channels)
        """What stands for hidden cells in each map of the encoder."""

    def forward(self, x: Tensor, hidden: Tensor | None = None) -> dict[str, Tensor]:
        """Images N,bands,H,W, normalised, to {band: N,1,H,W}, predictions of the same.

        `hidden` N,1,h,w is 1 where a cell of the image is hidden, else 0; None hides nothing.
        """
        if hidden is not None:
            x = x * (1 - spread(hidden, x))
        maps = self.encoder(x)
        if hidden is not None:
            maps = [y + (fill - y) * spread(hidden, y) for y, fill in zip(maps, self.fills, strict=True)]
        # N,bands*step*step,H/step,W/step -> N,bands,H,W
        pixels = F.pixel_shuffle(self.decoder(maps), self.step)[..., : x.shape[2], : x.shape[3]]
        return {name: pixels[:, k : k + 1] for k, name in enumerate(self.names)}


def spread(cells: Tensor, like: Tensor) -> Tensor:
    """Cells N,1,h,w at the size of a map N,C,H,W: each pixel has the value of its cell."""
    return F.interpolate(cells, size=like.shape[-2:], mode="nearest")
