"""Cross-stitch units (Misra et al., 2016, "Cross-stitch Networks for Multi-task Learning").

o_i = sum over j of a_ij * x_j with one weight per channel; initially 0.9 for the own map, 0.1 shared by the others.
"""

import torch
from torch import Tensor, nn

from smalti.nets.multitask.exchange import Exchange, start_weights
from smalti.nets.multitask.plan import SharingPlan


class CrossStitchUnit(nn.Module):
    """Linear combinations of the branches' maps."""

    def __init__(self, channels: int, tasks: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(start_weights(tasks))[:, :, None].repeat(1, 1, channels))  # T,T,C

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        """T maps N,C,H,W to T."""
        return [torch.stack([a[:, None, None] * x for a, x in zip(row, xs, strict=True)]).sum(0) for row in self.weight]


class CrossStitch(Exchange):
    """Cross-stitch units after the plan's stages."""

    def __init__(self, plan: SharingPlan) -> None:
        plan.refuse("cross_stitch", "gate")
        super().__init__(plan, lambda channels: CrossStitchUnit(channels, len(plan.tasks)))
