"""What a photo shows, as a point on a sphere: photos of one scene lie close together."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CELLS = 2
DIMENSIONS = 256


class Embedding(nn.Module):
    """The encoder's deepest maps, averaged over quarters of the picture, turned into DIMENSIONS numbers.

    Quarters, because photos of one scene share their layout and not only their things. The linear map starts with
    orthogonal rows, which keep angles, and `start` puts the average photo at its centre, so that it serves untrained.
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
        """Moves the average of these photos' maps N,C,H,W to the centre."""
        self.linear.bias.copy_(-self.linear.weight @ self._quarters(deep).mean(0))

    @staticmethod
    def _quarters(deep: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(deep, CELLS).flatten(1)  # N,C*CELLS*CELLS
