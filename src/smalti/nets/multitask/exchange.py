"""Soft sharing: an encoder per task, and after some stages a unit that mixes the branches' maps."""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor, nn

from smalti.errors import ModelError
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.multitask.isolation import Isolation
from smalti.nets.multitask.plan import Sharing, SharingPlan

OWN = 0.9
"""Initial weight of a branch's own map; the others share the rest."""


def start_weights(tasks: int) -> list[list[float]]:
    """Initial weights: a row per target task, a column per source task; rows sum to 1."""
    other = (1 - OWN) / (tasks - 1)
    return [[OWN if giver == getter else other for giver in range(tasks)] for getter in range(tasks)]


class Exchange(Sharing):
    """Runs the encoders stage by stage. With a single task there are no units."""

    def __init__(self, plan: SharingPlan, make_unit: Callable[[int], nn.Module]) -> None:
        """`make_unit` takes a stage's channels; the unit maps one map N,C,H,W per branch to as many."""
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
        """For each stage, its key in `units`, the maps before the exchange, and the maps after it."""
        xs = [x] * len(encoders)
        for number, stages in enumerate(zip(*(encoder.stages for encoder in encoders), strict=True)):
            before = [stage(x) for stage, x in zip(stages, xs, strict=True)]
            key = str(number)
            xs = self.isolation(self.units[key], before) if key in self.units else before
            yield key, before, xs
