"""An embedding of a photo's content, of unit length: photos of one scene are close together."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CELLS = 2
DIMENSIONS = 256


class Embedding(nn.Module):
    """The encoder's deepest maps, averaged over quarters of the picture, mapped to DIMENSIONS numbers.

    Averaging over quarters preserves the layout, which photos of one scene share. The linear map is initialised with
    orthogonal rows, which preserve angles, and `start` centres it on the average photo, so that it is usable untrained.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels * CELLS**2, DIMENSIONS)
        nn.init.orthogonal_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, deep: Tensor) -> Tensor:
        """N,C,H,W to N,DIMENSIONS of unit length."""
        return F.normalize(self.linear(self._quarters(deep)), dim=1)

    @torch.no_grad()
    def start(self, deep: Tensor) -> None:
        """Centres the embedding on the average of these photos' maps N,C,H,W."""
        self.linear.bias.copy_(-self.linear.weight @ self._quarters(deep).mean(0))

    @staticmethod
    def _quarters(deep: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(deep, CELLS).flatten(1)  # N,C*CELLS*CELLS
