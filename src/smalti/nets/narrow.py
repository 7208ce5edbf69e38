"""Layers with fewer channels than their net was made with: those of a pruned net."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from smalti.nets.backbones.backbone import Backbone, stage_maps
from smalti.nets.channels import Group

Sizes = dict[str, tuple[int, ...]]
"""By module: the inputs and outputs of a convolution, or the channels of a batch norm."""


def narrow(net: nn.Module, sizes: Mapping[str, tuple[int, ...]], bands: int) -> None:
    """Gives layers of a net, in place, other sizes, with new weights; ValueError for a layer that it lacks.

    `bands` are those of its images.
    """
    for name, size in sizes.items():
        try:
            layer = net.get_submodule(name)
        except AttributeError:
            raise ValueError(f"it has no layer {name}, which was pruned") from None
        _replace(net, name, _resized(name, layer, size))
    if sizes:
        _declare(net, bands)


def cut(net: nn.Module, chosen: Iterable[tuple[Group, Collection[int]]]) -> Sizes:
    """Takes channels, given by their numbers in their group, out of a net in place; returns its layers' new sizes.

    All at once: what is left has other positions.
    """
    gone: dict[tuple[str, str], list[int]] = {}
    for group, taken in chosen:
        for at, place in enumerate(group.places):
            gone.setdefault(place, []).extend(number for unit in taken for number in group.units[unit][at])
    sizes = Sizes()
    for (name, role), positions in gone.items():
        if positions:
            layer = net.get_submodule(name)
            smaller = _without(name, layer, role, np.setdiff1d(np.arange(width_of(layer, role)), positions))
            sizes[name] = size_of(smaller)
            _replace(net, name, smaller)
    return sizes


def size_of(layer: nn.Module) -> tuple[int, ...]:
    """The size of a layer, as `narrow` takes it."""
    if isinstance(layer, nn.Conv2d):
        return layer.in_channels, layer.out_channels
    assert isinstance(layer, nn.BatchNorm2d)
    return (layer.num_features,)


def width_of(layer: nn.Module, role: str) -> int:
    """How many channels a layer has in a role."""
    size = size_of(layer)
    return size[0] if role == "in" else size[-1]


def _without(name: str, layer: nn.Module, role: str, kept: NDArray[np.int64]) -> nn.Module:
    """A layer with those channels alone, and their weights."""
    size, left, index = size_of(layer), len(kept), torch.from_numpy(kept)
    new = (left,) * len(size) if role == "each" else (left, size[1]) if role == "in" else (size[0], left)
    smaller = _resized(name, layer, new)
    stored = {}
    for key, value in layer.state_dict().items():
        if value.dim() == 0:  # a batch norm's count
            stored[key] = value
        elif role == "in":
            stored[key] = value.index_select(1, index) if key == "weight" else value
        else:
            stored[key] = value.index_select(0, index)
    smaller.load_state_dict(stored)
    return smaller.train(layer.training)


def _resized(name: str, layer: nn.Module, size: tuple[int, ...]) -> nn.Module:
    """A new layer like another one, of another size."""
    if type(layer) is nn.Conv2d and len(size) == 2:
        return nn.Conv2d(
            size[0],
            size[1],
            layer.kernel_size,  # type: ignore[arg-type]
            layer.stride,  # type: ignore[arg-type]
            layer.padding,  # type: ignore[arg-type]
            layer.dilation,  # type: ignore[arg-type]
            groups=1 if layer.groups == 1 else size[0],
            bias=layer.bias is not None,
            padding_mode=layer.padding_mode,
        )
    if type(layer) is nn.BatchNorm2d and len(size) == 1:
        return nn.BatchNorm2d(size[0], layer.eps, layer.momentum)
    raise ValueError(f"its layer {name} is a {type(layer).__name__}, which has no size {list(size)}")


def _replace(net: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(net.get_submodule(parent), last, layer)


def _declare(net: nn.Module, bands: int) -> None:
    """Sets the channels that encoders declare to those that their stages have now."""
    encoders = [module for module in net.modules() if isinstance(module, Backbone)]
    if not encoders:
        return
    training, side = net.training, 2 * max(max(encoder.strides) for encoder in encoders)
    with ExitStack() as stack, torch.no_grad():
        found = [stack.enter_context(stage_maps(encoder)) for encoder in encoders]
        net.eval()(torch.zeros(1, bands, side, side))
    net.train(training)
    for encoder, maps in zip(encoders, found, strict=True):
        if len(maps) == len(encoder.stages):  # else it does not run them one by one
            encoder.channels = tuple(level.shape[1] for level in maps)
