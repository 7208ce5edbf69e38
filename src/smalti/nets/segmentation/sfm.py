"""UED with body-edge supervision whose body and edge are fused by a learned score per pixel and channel (SFM).

The score is the outer product of a profile over height and one over width, plus a local term. It is the weight of the
body; the edge has the rest.
"""

import torch
from torch import Tensor, nn

from smalti.nets.layers import resize
from smalti.nets.segmentation.bes import UEDBES


class ScoreFusion(nn.Module):
    """body * score + edge * (1 - score), with the score computed from their sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rows = nn.Conv2d(channels, channels, 3, padding=1)
        self.columns = nn.Conv2d(channels, channels, 3, padding=1)
        self.local = nn.Conv2d(channels, channels, 1)

    def forward(self, body: Tensor, edge: Tensor) -> Tensor:
        """Both N,C,H,W, and so is the result."""
        score = self.score(body, edge)
        return body * score + edge * (1 - score)

    def score(self, body: Tensor, edge: Tensor) -> Tensor:
        """The weight of the body, 0 to 1, N,C,H,W."""
        x = body + edge
        down = self.rows(x).mean(3, keepdim=True)  # N,C,H,1
        across = self.columns(x).mean(2, keepdim=True)  # N,C,1,W
        return torch.sigmoid(down * across + self.local(x))


class UEDBESSFM(UEDBES):
    """`UEDBES` with `ScoreFusion` in place of the sum."""

    def make_fusion(self, channels: int) -> nn.Module:
        """A `ScoreFusion` of that many channels."""
        return ScoreFusion(channels)

    def inside(self, x: Tensor) -> dict[str, Tensor]:
        """Also `TASK/score`: the weight of the body, mean over channels, N,1,H,W."""
        body, edge = self.parts(x)
        assert isinstance(self.fuse, ScoreFusion)
        score = self.fuse.score(body, edge).mean(1, keepdim=True)
        return self.seen(body, edge, x) | {f"{self.task}/score": resize(score, x)}
