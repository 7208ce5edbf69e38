"""The base class of encoders: stages that can be run one by one, each with its channels and stride.

A base class and not a protocol, because it contains the loop over the stages, and a net registers it as a module.
"""

from collections.abc import Sequence

from torch import Tensor, nn


class Backbone(nn.Module):
    """An encoder; `stages` may also be run one by one from outside (soft sharing exchanges maps between them)."""

    strides: tuple[int, ...] = (4, 8, 16, 32)
    """Stride of each stage's output, in pixels of the image."""

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
