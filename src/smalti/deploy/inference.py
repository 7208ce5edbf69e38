"""Nets as they are captured: without batch norms behind convolutions, dropout, and steps that overwrite their input.

Torch captures a graph of half the steps in half the time, and fewer of them are to be rewritten
(`smalti.deploy.operators`).
"""

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def for_inference(module: nn.Module) -> nn.Module:
    """A copy, for inference only, whose `nn.Sequential`s no longer have a batch norm right after a convolution.

    It has no dropout, and overwrites no input. Its outputs are those of the module in evaluation mode, except for
    rounding.
    """
    module = copy.deepcopy(module).eval()
    for part in module.modules():
        if isinstance(part, nn.Sequential):
            _fold(part)
        for name, child in part.named_children():
            if isinstance(child, nn.Dropout | nn.Dropout2d):
                setattr(part, name, nn.Identity())
        if getattr(part, "inplace", False):
            setattr(part, "inplace", False)  # noqa: B010 (mypy knows no such attribute of modules)
    return module


def _fold(part: nn.Sequential) -> None:
    children = part._modules
    for first, second in pairwise(list(children)):
        conv, norm = children[first], children[second]
        # Exact types: subclasses may do more than these two.
        if type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d and norm.running_mean is not None:
            children[first], children[second] = fuse_conv_bn_eval(conv, norm), nn.Identity()
