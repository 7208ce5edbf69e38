"""Steps of a captured graph that torch's exporter to ONNX does not know, in those that it knows.

The exporter would replace them itself, and capture the graph once more for that: half to two thirds of the time of an
export whose sizes may change.
"""

import operator
from collections.abc import Callable
from itertools import takewhile
from typing import Any

import torch
from torch.fx import Node

aten = torch.ops.aten
_PLAIN: tuple[Any, ...] = (None, [1, 1], [0, 0], [0, 0], 1, [1, 1])
"""What a transposed convolution has behind its weights where nothing else is given."""


def rewrite(captured: torch.export.ExportedProgram) -> bool:
    """Changes the graph of `captured` in place; False if steps are left that the exporter has to replace itself."""
    graph = captured.graph
    for step in list(graph.nodes):
        if step.target in _RULES and not step.kwargs:
            with graph.inserting_before(step):
                _RULES[step.target](step, *step.args)
    captured.graph_module.recompile()
    steps = [node for node in graph.nodes if isinstance(node.target, torch._ops.OpOverload)]
    # A step that overwrites its input would be written as if it did not.
    return not any(step.target._schema.is_mutable for step in steps)


def _become(step: Node, target: Callable[..., Any], args: tuple[Any, ...], **kwargs: Any) -> None:
    step.target, step.args, step.kwargs = target, args, kwargs


def _before(step: Node, target: Callable[..., Any], args: tuple[Any, ...], value: object) -> Node:
    """A new step before one, with the (fake) value that the exporter takes its type and shape from."""
    new = step.graph.call_function(target, args)
    new.meta = step.meta | {"val": value}
    return new


def _cast(step: Node, x: Node, dtype: torch.dtype, *_: object) -> None:
    _become(step, aten._to_copy.default, (x,), dtype=dtype)


def _norm(step: Node, *given: Any) -> None:
    *tensors, of_batch, momentum, eps, _ = given
    if of_batch:
        return
    found = step.meta["val"]
    norms = _before(
        step,
        aten._native_batch_norm_legit_no_training.default,
        (*tensors, momentum, eps),
        (found, found.new_empty(0), found.new_empty(0)),  # the statistics of the batch, of which there are none here
    )
    _become(step, operator.getitem, (norms, 0))


def _transposed(step: Node, x: Node, weight: Node, *given: Any) -> None:
    bias, stride, padding, beyond, groups, dilation = given + _PLAIN[len(given) :]
    _become(step, aten.convolution.default, (x, weight, bias, stride, padding, dilation, True, beyond, groups))


def _reversed_difference(step: Node, x: Node, number: float, factor: float = 1) -> None:
    if factor == 1:
        _become(step, aten.sub.Tensor, (number, x))


def _mean(step: Node, x: Node, size: list[int]) -> None:
    if list(size) == [1, 1]:
        _become(step, aten.mean.dim, (x, [-1, -2], True))


def _both(step: Node, x: Node, y: Node) -> None:
    _become(step, aten.bitwise_and.Tensor, (x, y))


def _turned(step: Node, x: Node) -> None:
    _become(step, aten.permute.default, (x, [*reversed(range(x.meta["val"].ndim))]))


def _flattened(step: Node, x: Node, first: int = 0, last: int = -1) -> None:
    _reshaped(step, x, first, last, [-1])


def _unflattened(step: Node, x: Node, axis: int, sides: list[int | Node]) -> None:
    _reshaped(step, x, axis, axis, sides)


def _reshaped(step: Node, x: Node, first: int, last: int, sides: list[int | Node]) -> None:
    """`sides` in place of the axes from `first` to `last`: the exporter would write what this replaces at length."""
    rank = x.meta["val"].ndim or 1  # a single number is flattened to a list of one
    before = [_side(step, x, at) for at in range(first % rank)]
    after = [_side(step, x, at) for at in range(last % rank + 1, rank)]
    _become(step, aten.reshape.default, (x, [*before, *sides, *after]))


def _side(step: Node, x: Node, at: int) -> int | Node:
    """A side of a map before a step: a number, or a size that was computed before, or a new step that computes it."""
    side = x.meta["val"].shape[at]
    if not isinstance(side, torch.SymInt):
        return int(side)
    node: Node
    for node in takewhile(lambda node: node is not step, step.graph.nodes):
        found = node.meta.get("val")
        if isinstance(found, torch.SymInt) and found.node.expr == side.node.expr:
            return node
    return _before(step, aten.sym_size.int, (x, at), side)


_RULES: dict[Any, Callable[..., None]] = {
    aten.to.dtype: _cast,
    aten.batch_norm.default: _norm,
    aten.conv_transpose2d.input: _transposed,
    aten.rsub.Scalar: _reversed_difference,
    aten.adaptive_avg_pool2d.default: _mean,
    aten.flatten.using_ints: _flattened,
    aten.unflatten.int: _unflattened,
    aten.__and__.Tensor: _both,
    aten.numpy_T.default: _turned,
}
