"""What every encoder is: stages that can be stepped one by one, each with its channels and its stride.

A base class and not a protocol, because it holds the loop over the stages, and a net registers it as a module.
"""

from collections.abc import Sequence

from torch import Tensor, nn


class Backbone(nn.Module):
    """An encoder; `stages` may also be stepped from outside, one after the other (soft sharing interleaves there)."""

    strides: tuple[int, ...] = (4, 8, 16, 32)
    """Pixels of the image per pixel of each stage's output."""

    def __init__(self, stages: Sequence[nn.Module], channels: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.channels = tuple(channels)
        """Channels of each stage's output."""

    def forward(self, x: Tensor) -> list[Tensor]:
        """The output of each stage, shallow to deep, for images N,bands,H,W; sides are rounded up."""
        taps = []
        for stage in self.stages:
            x = stage(x)
            taps.append(x)
        return taps
