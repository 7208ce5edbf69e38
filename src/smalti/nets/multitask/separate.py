"""An encoder per task without exchange: the baseline for all other schemes."""

from collections.abc import Sequence

from torch import Tensor

from smalti.nets.backbones.backbone import Backbone
from smalti.nets.multitask.plan import Sharing, SharingPlan


class Separate(Sharing):
    """Single-task networks side by side."""

    def __init__(self, plan: SharingPlan) -> None:
        super().__init__()
        plan.refuse("separate", "stages", "gate", "isolation", "tau")

    def forward(self, encoders: Sequence[Backbone], x: Tensor) -> list[list[Tensor]]:
        """See `Sharing`."""
        return [encoder(x) for encoder in encoders]
