"""Task attention on one encoder (MTAN; Liu, Johns and Davison, 2019, "End-to-End Multi-Task Learning with Attention").

Behind each stage j of the encoder every task masks its map: a_j = sigmoid(norm(h(g([p_j; f(a_j-1)])))) * p_j, with 1x1
convolutions g and h of the task's own, and a 3x3 f that all tasks share. Differs from the paper: the mask is drawn from
the stage's output p_j itself instead of a map inside the stage, so that any encoder can be stepped; f narrows to a
quarter of the next stage's channels, as the inside of g does, and is resized instead of pooled, so that odd sizes fit;
and masks start at .88 everywhere instead of about .5.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from smalti.nets.backbones.backbone import Backbone
from smalti.nets.layers import ConvNorm, resize
from smalti.nets.multitask.plan import Sharing, SharingPlan

REDUCTION, LEAST = 4, 8  # channels inside and carried on: so much fewer than a stage has, but not below
BIAS = 2.0  # of the masks before the sigmoid, at the start


def narrow(channels: int) -> int:
    """Channels inside an attention of that many."""
    return max(LEAST, channels // REDUCTION)


class Attention(nn.Sequential):
    """From what a task sees at a stage to its mask, 0 to 1."""

    def __init__(self, inputs: int, channels: int) -> None:
        last = ConvNorm(narrow(channels), channels, act=nn.Sigmoid)
        nn.init.zeros_(last.norm.weight)
        nn.init.constant_(last.norm.bias, BIAS)
        super().__init__(ConvNorm(inputs, narrow(channels)), last)


class MTAN(Sharing):
    """Masks behind every stage, per task."""

    branched = False

    def __init__(self, plan: SharingPlan) -> None:
        super().__init__()
        plan.refuse("mtan", "stages", "gate", "isolation", "tau")
        carried = [0, *(narrow(channels) for channels in plan.channels[1:])]
        self.masks = nn.ModuleList(
            nn.ModuleList(Attention(inputs + more, inputs) for inputs, more in zip(plan.channels, carried, strict=True))
            for _ in plan.tasks
        )
        self.carry = nn.ModuleList(
            ConvNorm(inputs, more, 3) for inputs, more in zip(plan.channels, carried[1:], strict=False)
        )

    def forward(self, encoders: Sequence[Backbone], x: Tensor) -> list[list[Tensor]]:
        """See `Sharing`."""
        [encoder] = encoders
        maps = encoder(x)
        return [self._attend(list(masks.children()), maps) for masks in self.masks]

    def _attend(self, masks: list[nn.Module], maps: list[Tensor]) -> list[Tensor]:
        """The maps of one task."""
        first, *others = masks
        attended = [first(maps[0]) * maps[0]]
        for mask, carry, p in zip(others, self.carry, maps[1:], strict=True):
            seen = torch.cat((p, resize(carry(attended[-1]), p)), dim=1)
            attended.append(mask(seen) * p)
        return attended
