"""Which channels of a net can be taken out, and which only together.

A channel that a convolution makes may be normalised, added to others, concatenated and read by several layers; all of
these lose it together (Fang et al., 2023, "DepGraph: Towards Any Structural Pruning"). Differs from the paper: channels
are followed one by one through the graph that torch captures, so that concatenations need no rule of their own. What an
operation does to channels is known for those listed here; channels that reach any other one stay.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from smalti.errors import ModelError

Role = Literal["out", "in", "each"]
"""How a layer has a channel: a convolution makes it, reads it, or the layer treats each channel alone."""
Ids = NDArray[np.int64]
"""One number per channel of a value."""

_UNTOUCHED = frozenset(
    {
        "aten.relu.default",
        "aten.relu_.default",
        "aten.relu6.default",
        "aten.hardtanh.default",
        "aten.hardtanh_.default",
        "aten.clamp.default",
        "aten.silu.default",
        "aten.silu_.default",
        "aten.hardswish.default",
        "aten.hardswish_.default",
        "aten.hardsigmoid.default",
        "aten.hardsigmoid_.default",
        "aten.sigmoid.default",
        "aten.gelu.default",
        "aten.leaky_relu.default",
        "aten.leaky_relu_.default",
        "aten.elu.default",
        "aten.tanh.default",
        "aten.softplus.default",
        "aten.max_pool2d.default",
        "aten.avg_pool2d.default",
        "aten.adaptive_avg_pool2d.default",
        "aten.pad.default",
        "aten.constant_pad_nd.default",
        "aten.dropout.default",
        "aten.clone.default",
        "aten.contiguous.default",
        "aten.upsample_bilinear2d.vec",
        "aten.upsample_nearest2d.vec",
        "aten.to.dtype",
        "aten.mean.dim",
    }
)
"""Operations that keep the channels of their first input as they are."""
_MIXED = frozenset(f"aten.{name}.Tensor" for name in ("add", "add_", "sub", "mul", "mul_", "div"))
"""Operations on two values, channel by channel."""
_FIXED = 0
"""The number of all channels that stay."""


@dataclass(frozen=True, slots=True)
class Group:
    """Channels of which any can be taken out."""

    places: tuple[tuple[str, Role], ...]
    """The layers that have them, by the name of the module, and their roles."""
    units: tuple[tuple[tuple[int, ...], ...], ...]
    """By channel and place: the positions at which it lies there."""


def find_groups(net: nn.Module, bands: int, side: int) -> list[Group]:
    """The channels of a net that can be taken out; ModelError if torch cannot capture its graph.

    Args:
        net: takes images N,bands,H,W.
        bands: of its images.
        side: height and width of an image to capture its graph with.
    """
    try:
        captured = torch.export.export(net.eval(), (torch.zeros(1, bands, side, side),), strict=False)
    except Exception as error:  # a net's code may raise anything while it is captured
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"torch cannot capture the graph of this net, so it cannot be pruned: {first}") from error
    return _Tracing(net, captured, bands).groups()


class _Tracing:
    """Follows the channels of a captured net."""

    def __init__(self, net: nn.Module, captured: Any, bands: int) -> None:
        signature = captured.graph_signature
        self._names: dict[str, str] = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        self._modules = dict(net.named_modules())
        self._parents = [_FIXED]
        self._values: dict[fx.Node, Ids] = {}
        self._places: dict[tuple[str, Role], Ids] = {}
        for node in captured.graph.nodes:
            if node.op == "placeholder" and node.name in signature.user_inputs:
                self._values[node] = np.zeros(bands, np.int64)
            elif node.op == "call_function":
                self._call(node)
            elif node.op == "output":
                self._fix(node.all_input_nodes)

    def groups(self) -> list[Group]:
        """The channels that are free, grouped by the layers that have them."""
        units: dict[int, dict[tuple[str, Role], list[int]]] = {}
        for place, ids in self._places.items():
            for position, number in enumerate(ids):
                if (root := self._root(int(number))) != _FIXED:
                    units.setdefault(root, {}).setdefault(place, []).append(position)
        groups: dict[tuple[tuple[str, Role], ...], list[tuple[tuple[int, ...], ...]]] = {}
        for unit in units.values():
            key = tuple(sorted(unit))
            groups.setdefault(key, []).append(tuple(tuple(unit[place]) for place in key))
        return [Group(places, tuple(found)) for places, found in groups.items()]

    def _call(self, node: fx.Node) -> None:
        name = str(node.target)
        if name == "aten.conv2d.default" or name == "aten.conv2d.padding":
            self._convolve(node)
        elif name == "aten.batch_norm.default":
            self._normalise(node)
        elif name in _UNTOUCHED:
            self._keep(node)
        elif name in _MIXED:
            self._mix(node)
        elif name == "aten.cat.default":
            self._concatenate(node)
        else:
            self._fix(node.all_input_nodes)

    def _convolve(self, node: fx.Node) -> None:
        module, layer = self._layer(node.args[1])
        given, kernel = self._of(node.args[0]), _shape(node.args[1])  # kernel: K,C/groups,h,w
        groups = node.args[6] if len(node.args) > 6 else 1
        if type(layer) is nn.Conv2d and groups == 1 and given is not None:
            self._place(module, "in", given)
            self._values[node] = self._place(module, "out", self._new(kernel[0]))
        elif type(layer) is nn.Conv2d and given is not None and groups == kernel[0] == len(given):
            self._values[node] = self._place(module, "each", given)
        else:
            self._fix(node.all_input_nodes)
            self._values[node] = np.zeros(kernel[0], np.int64)

    def _normalise(self, node: fx.Node) -> None:
        module, layer = self._layer(node.args[1])
        given = self._of(node.args[0])
        if type(layer) is nn.BatchNorm2d and given is not None:
            self._values[node] = self._place(module, "each", given)
        else:
            self._fix(node.all_input_nodes)

    def _keep(self, node: fx.Node) -> None:
        given = self._of(node.args[0])
        if given is not None and _channels(node) == len(given):
            self._values[node] = given
        else:
            self._fix(node.all_input_nodes)

    def _mix(self, node: fx.Node) -> None:
        operands = [each for each in node.args[:2] if isinstance(each, fx.Node)]
        found = [self._of(each) for each in operands]
        wide = [ids for ids in found if ids is not None and len(ids) == _channels(node)]
        if len(wide) == len(operands):
            for ids in wide[1:]:
                self._join(wide[0], ids)
            self._values[node] = wide[0]
            return
        self._fix(node.all_input_nodes)  # a parameter of each channel, or one channel that is spread over all
        if (channels := _channels(node)) is not None:
            self._values[node] = np.zeros(channels, np.int64)

    def _concatenate(self, node: fx.Node) -> None:
        parts: Any = node.args[0]
        found = [self._of(each) for each in parts]
        known = [ids for ids in found if ids is not None]
        if len(node.args) > 1 and node.args[1] == 1 and len(known) == len(found):
            self._values[node] = np.concatenate(known)
        else:
            self._fix(node.all_input_nodes)

    def _layer(self, weight: Any) -> tuple[str, nn.Module | None]:
        """The name and the module of a layer, from its weight."""
        name = self._names.get(weight.name, "") if isinstance(weight, fx.Node) else ""
        module = name.removesuffix(".weight")
        return module, self._modules.get(module) if name.endswith(".weight") else None

    def _of(self, value: Any) -> Ids | None:
        """The channels of a value; those of an unknown one stay."""
        if not isinstance(value, fx.Node):
            return None
        if value not in self._values and value.name not in self._names and (channels := _channels(value)):
            self._values[value] = np.zeros(channels, np.int64)
        return self._values.get(value)

    def _place(self, module: str, role: Role, ids: Ids) -> Ids:
        """Notes the channels of a layer; where it is used twice, both uses have the same."""
        before = self._places.setdefault((module, role), ids)
        if before is not ids:
            self._join(before, ids)
        return before

    def _new(self, number: int) -> Ids:
        first = len(self._parents)
        self._parents.extend(range(first, first + number))
        return np.arange(first, first + number)

    def _root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def _join(self, some: Ids, others: Ids) -> None:
        for one, other in zip(some, others, strict=True):
            low, high = sorted((self._root(int(one)), self._root(int(other))))
            self._parents[high] = low

    def _fix(self, nodes: Iterable[fx.Node]) -> None:
        for node in nodes:
            if node in self._values:
                self._join(self._values[node], np.zeros(len(self._values[node]), np.int64))


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(int(side) for side in value.meta["val"].shape)


def _channels(node: fx.Node) -> int | None:
    """Channels of a value N,C,H,W; None for others."""
    value = node.meta.get("val")
    return int(value.shape[1]) if isinstance(value, torch.Tensor) and value.dim() == 4 else None
