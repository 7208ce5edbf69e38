"""NDDR layers (Gao et al., 2019, "NDDR-CNN: Layerwise Feature Fusing in Multi-Task CNNs").

o_i = act(norm(W_i [x_1 .. x_T])) with a 1x1 convolution per task over all tasks' maps; initially 0.9 for the own map,
0.1 shared by the others. Differs from the paper: the activation is a PReLU whose slopes start at 1, because a ReLU
would discard half of the maps of light encoders, whose stages end without an activation.
"""

import torch
from torch import Tensor, nn

from smalti.nets.multitask.exchange import Exchange, start_weights
from smalti.nets.multitask.plan import SharingPlan


class NDDRUnit(nn.Module):
    """A 1x1 convolution, batch norm and activation per task."""

    def __init__(self, channels: int, tasks: int) -> None:
        super().__init__()
        self.fuse = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(tasks * channels, channels, 1, bias=False),
                nn.BatchNorm2d(channels),
                nn.PReLU(channels, init=1.0),
            )
            for _ in range(tasks)
        )
        with torch.no_grad():
            for fuse, row in zip(self.fuse, start_weights(tasks), strict=True):
                eyes = torch.cat([share * torch.eye(channels) for share in row], dim=1)  # C,TC
                next(fuse.parameters()).copy_(eyes[:, :, None, None])

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        """T maps N,C,H,W to T."""
        together = torch.cat(xs, dim=1)  # N,TC,H,W
        return [fuse(together) for fuse in self.fuse]


class NDDR(Exchange):
    """NDDR layers after the plan's stages."""

    def __init__(self, plan: SharingPlan) -> None:
        plan.refuse("nddr", "gate")
        super().__init__(plan, lambda channels: NDDRUnit(channels, len(plan.tasks)))
