"""Soft sharing: an encoder per task, and behind some stages a unit that mixes the branches' maps."""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor, nn

from smalti.errors import ModelError
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.multitask.isolation import Isolation
from smalti.nets.multitask.plan import Sharing, SharingPlan

OWN = 0.9
"""What a branch's own map counts at the start; the others share the rest."""


def start_weights(tasks: int) -> list[list[float]]:
    """A row per task that gets, a column per task that gives; rows sum to 1."""
    other = (1 - OWN) / (tasks - 1)
    return [[OWN if giver == getter else other for giver in range(tasks)] for getter in range(tasks)]


class Exchange(Sharing):
    """Steps the encoders stage by stage. One task alone has nothing to mix with: then there are no units."""

    def __init__(self, plan: SharingPlan, make_unit: Callable[[int], nn.Module]) -> None:
        """`make_unit` takes a stage's channels; the unit takes one map N,C,H,W per branch and answers as many."""
        super().__init__()
        stages = range(len(plan.channels)) if plan.stages is None else plan.stages
        if not stages or len(set(stages)) != len(stages) or not set(stages) <= set(range(len(plan.channels))):
            raise ModelError(f"stages {list(stages)}: give some of {list(range(len(plan.channels)))}, each once")
        self.isolation = Isolation.parse(plan.tasks, plan.isolation, plan.tau)
        several = len(plan.tasks) > 1
        self.units = nn.ModuleDict({str(s): make_unit(plan.channels[s]) for s in sorted(stages) if several})

    def forward(self, encoders: Sequence[Backbone], x: Tensor) -> list[list[Tensor]]:
        """See `Sharing`."""
        left = [after for _, _, after in self.walk(encoders, x)]
        return [list(maps) for maps in zip(*left, strict=True)]

    def walk(self, encoders: Sequence[Backbone], x: Tensor) -> Iterator[tuple[str, list[Tensor], list[Tensor]]]:
        """Stage by stage: its number as `units` has it, the maps before the exchange, and after it."""
        xs = [x] * len(encoders)
        for number, stages in enumerate(zip(*(encoder.stages for encoder in encoders), strict=True)):
            before = [stage(x) for stage, x in zip(stages, xs, strict=True)]
            key = str(number)
            xs = self.isolation(self.units[key], before) if key in self.units else before
            yield key, before, xs
