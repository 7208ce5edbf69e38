"""The base class of sharing schemes, and the settings that they are built from."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from smalti.errors import ModelError
from smalti.nets.backbones.backbone import Backbone


@dataclass(frozen=True)
class SharingPlan:
    """The tasks, the encoder's channels, and the settings of the recipe; None is the scheme's default."""

    tasks: tuple[str, ...]
    channels: tuple[int, ...]
    """Channels of each stage's output."""
    stages: tuple[int, ...] | None = None
    """The stages (from 0, shallow to deep) after which branches exchange maps; None is all."""
    gate: str | None = None
    isolation: str | Sequence[str] = "none"
    tau: float | None = None

    def refuse(self, scheme: str, *settings: str) -> None:
        """ModelError if one of these settings is given; the scheme does not support them."""
        for name in settings:
            if getattr(self, name) != getattr(SharingPlan, name):
                raise ModelError(f"sharing {scheme} does not support {name} {getattr(self, name)!r}; omit it")


class Sharing(nn.Module):
    """A sharing scheme: from the maps of one encoder, or of one per task, to the maps for each task's head."""

    branched = True
    """Whether each task has its own encoder."""

    def forward(self, encoders: Sequence[Backbone], x: Tensor) -> list[list[Tensor]]:
        """Images N,bands,H,W to each task's maps, shallow to deep."""
        raise NotImplementedError

    def gates(self, encoders: Sequence[Backbone], x: Tensor) -> list[tuple[int, Tensor]]:
        """Each stage's number and its gates, for schemes that have gates: see `afa`."""
        return []
