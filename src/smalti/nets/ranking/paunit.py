"""The parallel attention unit of multi-scale series photo selection: channel and spatial attention in parallel."""

import torch
from torch import Tensor, nn

SQUEEZE = 16


class PAUnit(nn.Module):
    """Maps C,H,W to 2C numbers: averages weighted by a gate per channel, and by a gate per position.

    v = k(x) * x with two 1x1 convolutions as k. Channel gate: two linear layers (C/16 between) of mean + maximum of v
    over positions. Spatial gate: mean + maximum of v over channels. As published, the channel gate is the output of the
    linear layers and the spatial gate a ReLU, both unbounded; with `bounded` both pass through a sigmoid.
    """

    def __init__(self, channels: int, bounded: bool = True) -> None:
        super().__init__()
        self.bounded = bounded
        self.key = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.ReLU(), nn.Conv2d(channels, channels, 1))
        inner = max(1, channels // SQUEEZE)
        self.channel = nn.Sequential(nn.Linear(channels, inner), nn.ReLU(), nn.Linear(inner, channels))

    def forward(self, x: Tensor) -> Tensor:
        """N,C,H,W to N,2C."""
        v = self.key(x) * x
        channel = self.channel(v.mean((2, 3)) + v.amax((2, 3)))  # N,C
        place = v.mean(1, keepdim=True) + v.amax(1, keepdim=True)  # N,1,H,W
        if self.bounded:
            channel, place = channel.sigmoid(), place.sigmoid()
        else:
            place = place.relu()
        # a channel's gate is the same at all positions, so it can be applied after the average
        return torch.cat((channel * x.mean((2, 3)), (place * x).mean((2, 3))), 1)
