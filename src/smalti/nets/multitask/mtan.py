"""Task attention on one encoder (MTAN; Liu, Johns and Davison, 2019, "End-to-End Multi-Task Learning with Attention").

After each stage j of the encoder, every task masks its map: a_j = sigmoid(norm(h(g([p_j; f(a_j-1)])))) * p_j, with 1x1
convolutions g and h per task, and a 3x3 convolution f that all tasks share. Differs from the paper: the mask is
computed from the stage's output p_j instead of a map inside the stage, so that any encoder can be used; f reduces to a
quarter of the next stage's channels, like g, and is resized instead of pooled, so that odd sizes are supported; and
masks start at 0.88 instead of about 0.5.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from smalti.nets.backbones.backbone import Backbone
from smalti.nets.layers import ConvNorm, resize
from smalti.nets.multitask.plan import Sharing, SharingPlan

REDUCTION, LEAST = 4, 8  # channels inside and passed on: the stage's divided by the first, at least the second
BIAS = 2.0  # initial bias of the masks before the sigmoid


def narrow(channels: int) -> int:
    """Channels inside the attention on a map of that many channels."""
    return max(LEAST, channels // REDUCTION)


class Attention(nn.Sequential):
    """Computes a task's mask at a stage, 0 to 1."""

    def __init__(self, inputs: int, channels: int) -> None:
        last = ConvNorm(narrow(channels), channels, act=nn.Sigmoid)
        nn.init.zeros_(last.norm.weight)
        nn.init.constant_(last.norm.bias, BIAS)
        super().__init__(ConvNorm(inputs, narrow(channels)), last)


class MTAN(Sharing):
    """Masks after every stage, per task."""

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
