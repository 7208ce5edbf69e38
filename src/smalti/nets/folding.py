"""Batch norms that were folded into the convolutions before them are unfolded again."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Folded:
    """A convolution and its batch norm, with the weights that stand for both."""

    conv: nn.Conv2d
    norm: nn.BatchNorm2d
    kernel: Tensor
    """Of the convolution's shape."""
    bias: Tensor
    """One number per output."""


@torch.no_grad()
def unfold(module: nn.Module, folded: Sequence[Folded], images: Tensor) -> None:
    """Sets every batch norm to the statistics of `images`, with a scale and shift that undo them; adds its bias.

    Args:
        module: holds them all, and takes the images; its other weights are the final ones.
        folded: what is set, in place.
        images: N,C,H,W as the module takes them.
    """
    hooks = []
    for each in folded:
        each.conv.weight.copy_(each.kernel)
        if each.conv.bias is not None:
            each.conv.bias.zero_()

        def take(norm: nn.BatchNorm2d, inputs: tuple[Tensor], bias: Tensor = each.bias) -> None:
            var, mean = torch.var_mean(inputs[0], (0, 2, 3), correction=0)  # C each
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(var)
            norm.weight.copy_((var + norm.eps).sqrt())
            norm.bias.copy_(bias + mean)

        hooks.append(each.norm.register_forward_pre_hook(take))
    training = module.training
    module.eval()
    module(images)
    module.train(training)
    for hook in hooks:
        hook.remove()
