"""The base class of encoders: stages that can be run one by one, each with its channels and stride.

A base class and not a protocol, because it contains the loop over the stages, and a net registers it as a module.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from torch import Tensor, nn

Row = TypeVar("Row")


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


@contextmanager
def stage_maps(encoder: Backbone | None) -> Iterator[list[Tensor]]:
    """A list of the output of each stage of an encoder in the pass within it; it stays empty without an encoder."""
    maps: list[Tensor] = []

    def keep(stage: nn.Module, inputs: object, output: Tensor) -> None:
        maps.append(output)

    hooks = [stage.register_forward_hook(keep) for stage in encoder.stages] if encoder else []
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()


def build_stages(
    stem: nn.Module,
    inputs: int,
    table: Iterable[Iterable[Row]],
    make: Callable[[int, Row], tuple[list[nn.Module], int]],
) -> tuple[list[nn.Sequential], list[int]]:
    """The stages of an architecture in table form, and the channels of each; the stem belongs to the first stage.

    Args:
        stem: the layers before the table.
        inputs: channels of the stem's output.
        table: rows by stage.
        make: from the input channels and a row of the table to the blocks of that row, and their output channels.
    """
    units, stages, channels = [stem], [], []
    for rows in table:
        for row in rows:
            blocks, inputs = make(inputs, row)
            units += blocks
        stages.append(nn.Sequential(*units))
        channels.append(inputs)
        units = []
    return stages, channels
