"""Adaptive feature aggregation: gates computed from the feature maps weight the exchange between tasks.

Shen et al., 2020, "Deep Adaptive Feature Aggregation in Multi-task Convolutional Neural Networks" (CIKM).
o_i = sum over j of A_ij * x_j, A a softmax over j: per channel, per pixel, or first per channel and then per pixel.
Differs from the paper: the spatial gate consists of small convolutions and so supports any image size, where the paper
has a linear layer over all pixels of a fixed size; each task has its own row of gates, where the paper splits one gate
between two tasks; and a task's own map starts with weight 0.88 instead of 0.5, which would average trained branches.
"""

import math
from collections.abc import Iterable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalti.errors import ModelError
from smalti.nets.backbones.backbone import Backbone
from smalti.nets.multitask.exchange import Exchange
from smalti.nets.multitask.plan import SharingPlan

OWN = 0.88  # initial weight of the own map, after all gates of a stage
REDUCTION, LEAST = 16, 8  # the channel gate's hidden units: channels divided by the first, at least the second
HIDDEN = 8  # channels inside the spatial gate
LOOK, DILATION = 7, 3  # kernel size of its first convolution, dilation of its second


class Gate(nn.Module):
    """Exchanges maps by gates; `own` is the initial weight of a task's own map."""

    def __init__(self, tasks: int, own: float) -> None:
        super().__init__()
        self.tasks = tasks
        self.own = own

    def maps(self, xs: list[Tensor]) -> Tensor:
        """T maps N,C,h,w to gates N,T,T,C or N,T,T,h,w that sum to 1 over the third axis, the source tasks."""
        raise NotImplementedError

    def spread(self, gates: Tensor) -> Tensor:
        """Gates with axes that broadcast to N,T,T,C,h,w."""
        raise NotImplementedError

    def start(self, last: nn.Conv2d | nn.Linear) -> None:
        """Initialises the layer that computes the gates, T*T outputs or a multiple, so that own maps weigh `own`."""
        nn.init.zeros_(last.weight)
        lead = math.log(self.own / (1 - self.own) * (self.tasks - 1))  # of the own logit over each of the others
        rows = lead * torch.eye(self.tasks).flatten()  # TT
        assert last.bias is not None
        with torch.no_grad():
            last.bias.copy_(rows.repeat_interleave(last.bias.numel() // rows.numel()))

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        """T maps N,C,h,w to T."""
        gates = self.spread(self.maps(xs))
        outputs = []
        for getter in range(self.tasks):
            mixed = gates[:, getter, 0] * xs[0]
            for giver in range(1, self.tasks):
                mixed = mixed + gates[:, getter, giver] * xs[giver]
            outputs.append(mixed)
        return outputs


class ChannelGate(Gate):
    """A = softmax of W1 ReLU(W0 z) for z, the means of all tasks' channels."""

    def __init__(self, channels: int, tasks: int, own: float) -> None:
        super().__init__(tasks, own)
        hidden = max(LEAST, tasks * channels // REDUCTION)
        self.first, self.last = nn.Linear(tasks * channels, hidden), nn.Linear(hidden, tasks * tasks * channels)
        self.start(self.last)

    def maps(self, xs: list[Tensor]) -> Tensor:
        """See `Gate`: N,T,T,C."""
        z = torch.cat([x.mean((2, 3)) for x in xs], dim=1)  # N,TC
        logits = self.last(F.relu(self.first(z))).unflatten(1, (self.tasks, self.tasks, -1))
        return logits.softmax(2)  # type: ignore[no-any-return]

    def spread(self, gates: Tensor) -> Tensor:
        """See `Gate`."""
        return gates[..., None, None]


class SpatialGate(Gate):
    """Convolutions over each task's mean and maximum over channels, plus global context; see the module."""

    def __init__(self, channels: int, tasks: int, own: float) -> None:
        super().__init__(tasks, own)
        self.look = nn.Conv2d(2 * tasks, HIDDEN, LOOK, padding=LOOK // 2)
        self.around = nn.Conv2d(HIDDEN, HIDDEN, 3, padding=DILATION, dilation=DILATION)
        self.whole = nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Conv2d(HIDDEN, tasks * tasks, 1)
        self.start(self.last)

    def maps(self, xs: list[Tensor]) -> Tensor:
        """See `Gate`: N,T,T,h,w."""
        seen = torch.cat([pooled for x in xs for pooled in (x.mean(1, keepdim=True), x.amax(1, keepdim=True))], dim=1)
        near = F.relu(self.look(seen))  # N,HIDDEN,h,w
        whole = self.whole(near.mean((2, 3)))[..., None, None]
        logits = self.last(F.relu(self.around(near) + whole))
        return logits.unflatten(1, (self.tasks, self.tasks)).softmax(2)  # type: ignore[no-any-return]

    def spread(self, gates: Tensor) -> Tensor:
        """See `Gate`."""
        return gates[:, :, :, None]


GATES: dict[str, tuple[type[ChannelGate] | type[SpatialGate], ...]] = {
    "channel": (ChannelGate,),
    "spatial": (SpatialGate,),
    "both": (ChannelGate, SpatialGate),
}


class AFA(Exchange):
    """Gates behind the plan's stages."""

    def __init__(self, plan: SharingPlan) -> None:
        name = "both" if plan.gate is None else plan.gate
        if name not in GATES:
            raise ModelError(f"unknown gate {name!r}; expected one of {', '.join(GATES)}")
        gates, tasks = GATES[name], len(plan.tasks)
        own = OWN ** (1 / len(gates))
        super().__init__(plan, lambda channels: nn.Sequential(*(gate(channels, tasks, own) for gate in gates)))

    def gates(self, encoders: Sequence[Backbone], x: Tensor) -> list[tuple[int, Tensor]]:
        """See `Sharing`: channel gates N,T,T,C and spatial gates N,T,T,h,w, in the order they are passed."""
        found = []
        for stage, xs, _ in self.walk(encoders, x):
            for gate in cast("Iterable[Gate]", self.units[stage] if stage in self.units else ()):  # noqa: SIM401
                found.append((int(stage), gate.maps(xs)))
                xs = gate(xs)
        return found
