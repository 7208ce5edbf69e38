"""The cost of a net: parameters, and multiply-adds for one image, counted on meta tensors."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """The cost of a net; a multiply-add is one multiplication and one addition."""

    parameters: int
    multiply_adds: int
    """Of convolutions and matrix products; other operations are bound by memory traffic rather than arithmetic."""


def count(net: nn.Module, height: int, width: int, bands: int = 3) -> Cost:
    """The cost of one image, in the net's current mode: auxiliary heads count in training mode.

    Args:
        net: any module that takes N,C,H,W.
        height, width: of the image, in pixels.
        bands: of the image.
    """
    nothing = {name: value.to("meta") for name, value in (*net.named_parameters(), *net.named_buffers())}
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad(), torch.device("meta"):
        functional_call(net, nothing, (torch.empty(1, bands, height, width),))
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return Cost(parameters, counter.get_total_flops() // 2)
