"""UED with body-edge supervision whose body and edge are fused by a learnt score per pixel and channel (SFM).

The score sees whole rows and columns: the outer product of one profile over height and one over width, plus a local
term. Body counts by the score, edge by its rest.
"""

import torch
from torch import Tensor, nn

from smalti.nets.segmentation.bes import UEDBES


class ScoreFusion(nn.Module):
    """body * score + edge * (1 - score), the score drawn from their sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rows = nn.Conv2d(channels, channels, 3, padding=1)
        self.columns = nn.Conv2d(channels, channels, 3, padding=1)
        self.local = nn.Conv2d(channels, channels, 1)

    def forward(self, body: Tensor, edge: Tensor) -> Tensor:
        """Both N,C,H,W, and so is the result."""
        x = body + edge
        down = self.rows(x).mean(3, keepdim=True)  # N,C,H,1
        across = self.columns(x).mean(2, keepdim=True)  # N,C,1,W
        score = torch.sigmoid(down * across + self.local(x))
        return body * score + edge * (1 - score)


class UEDBESSFM(UEDBES):
    """`UEDBES` with `ScoreFusion` in place of the sum."""

    def make_fusion(self, channels: int) -> nn.Module:
        """A `ScoreFusion` of that many channels."""
        return ScoreFusion(channels)
