"""What a sharing scheme is built from, and what every one is."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from smalti.errors import ModelError
from smalti.nets.backbones.backbone import Backbone


@dataclass(frozen=True)
class SharingPlan:
    """The tasks, the encoder's size, and what the recipe asks for; None leaves a choice to the scheme."""

    tasks: tuple[str, ...]
    channels: tuple[int, ...]
    """Of each stage's output."""
    stages: tuple[int, ...] | None = None
    """Behind which stages (from 0, shallow to deep) branches exchange maps; None: behind all."""
    gate: str | None = None
    isolation: str | Sequence[str] = "none"
    tau: float | None = None

    def refuse(self, scheme: str, *settings: str) -> None:
        """ModelError if one of these settings is given to a scheme that has no use for it."""
        for name in settings:
            if getattr(self, name) != getattr(SharingPlan, name):
                raise ModelError(f"sharing {scheme} has no use for {name} {getattr(self, name)!r}; leave it away")


class Sharing(nn.Module):
    """A scheme: how the maps of one encoder, or of one per task, become the maps that each task's head gets."""

    branched = True
    """Whether each task has an encoder of its own."""

    def forward(self, encoders: Sequence[Backbone], x: Tensor) -> list[list[Tensor]]:
        """Images N,bands,H,W to each task's maps, shallow to deep."""
        raise NotImplementedError

    def gates(self, encoders: Sequence[Backbone], x: Tensor) -> list[tuple[int, Tensor]]:
        """Each stage's number and its gates, where the scheme has some: see `afa`."""
        return []
