"""One encoder for all tasks, a head for each: hard parameter sharing (Caruana, 1997, "Multitask Learning")."""

from collections.abc import Sequence

from torch import Tensor

from smalti.nets.backbones.backbone import Backbone
from smalti.nets.multitask.plan import Sharing, SharingPlan


class Shared(Sharing):
    """Every head gets the same maps."""

    branched = False

    def __init__(self, plan: SharingPlan) -> None:
        super().__init__()
        plan.refuse("shared", "stages", "gate", "isolation", "tau")
        self.tasks = len(plan.tasks)

    def forward(self, encoders: Sequence[Backbone], x: Tensor) -> list[list[Tensor]]:
        """See `Sharing`."""
        [encoder] = encoders
        return [encoder(x)] * self.tasks
