"""Models in 8-bit integers on processors that add products of bytes in 16 bits.

x86-64 processors without VNNI multiply unsigned with signed bytes and add two such products in 16 bits, which saturates
where both are large.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles
from smalti.runtime.graph import FLOAT, Graph, Node, value_info
from smalti.runtime.integers import READ, ROUND, in_floats
from smalti.runtime.models import ModelFile, sealed
from smalti.runtime.packed import along, axis_of
from smalti.runtime.protobuf import Fields, build
from smalti.runtime.rounding import rounded

_LARGEST = 2**15 // 255
"""Two weights whose sum is no larger cannot saturate, whatever bytes they are multiplied with."""


def unsaturated(model: ModelFile) -> ModelFile:
    """A model in integers with weights so coarse that nothing saturates; its bytes have a hash of their own.

    The step of each channel is made so much longer that the sum of its two largest weights of one sign fits: at most
    twice, which is 7 bits. Weights that are not symmetric about zero would need more: such a model is given in floats.
    """
    graph = Graph.load(model.content)
    read = {node.outputs[0]: node for node in graph.nodes if node.op == READ}
    numbers = graph.arrays({name for node in read.values() for name in node.inputs})
    kernels = {name: node for name, node in read.items() if _is_kernel(node, numbers)}
    if any(numbers[name].any() for node in kernels.values() for name in node.inputs[2:]):
        return in_floats(model)
    coarse = {name: _coarse(numbers[node.inputs[0]], numbers[node.inputs[1]], node) for name, node in kernels.items()}
    for node in graph.nodes:
        kernel, bias = (*node.inputs, "", "", "")[1:3]
        if kernel in coarse and bias in read and read[bias].inputs[0] in numbers:
            integers, longer = numbers[read[bias].inputs[0]], coarse[kernel][1]
            coarse[bias] = np.rint(integers / along(longer, integers, read[bias])), longer
    nodes: list[Node] = []
    constants: dict[str, NDArray[Any]] = {}
    for node in graph.nodes:
        name = node.outputs[0]
        if name in coarse:
            integers, scale = (numbers[each] for each in node.inputs[:2])
            found, longer = coarse[name]
            own = f"{name}_coarse", f"{name}_coarse_scale"
            constants |= {own[0]: found.astype(integers.dtype), own[1]: (scale * longer).astype(scale.dtype)}
            node = replace(node, inputs=(*own, *node.inputs[2:]))
        nodes.append(node)
    unread = numbers.keys() - {name for node in nodes for name in node.inputs}
    changed = replace(graph, nodes=tuple(nodes)).without_constants(unread).with_constants(constants)
    return replace(model, content=sealed(changed.dump(like=model.content), model.path, model.card)[0])


def _is_kernel(step: Node, numbers: dict[str, NDArray[Any]]) -> bool:
    """Whether it reads the signed weights of a layer."""
    found = numbers.get(step.inputs[0])
    return found is not None and found.dtype == np.int8 and found.ndim > 1


def _coarse(weights: NDArray[np.int8], scale: NDArray[Any], step: Node) -> tuple[Doubles, Doubles]:
    """Coarser weights, and how many times longer their steps are, by channel if the scale is."""
    channels = axis_of(step) % weights.ndim if scale.size > 1 else None
    rows = weights[None] if channels is None else np.moveaxis(weights, channels, 0)
    ends = np.sort(rows.reshape(len(rows), -1), axis=1, kind="stable")  # which counts bytes instead of comparing them
    largest = np.maximum(ends[:, -2:].clip(0).sum(axis=1), -ends[:, :2].clip(None, 0).sum(axis=1))
    longer: Doubles = np.maximum(1, largest / (_LARGEST - 2))  # less 2: both may be rounded up
    return rounded(weights / along(longer, weights, step), channels), longer if scale.size > 1 else longer[0]


def sum_of_largest(channels: int) -> bytes:
    """An ONNX file with a convolution of one pixel that multiplies each of its bytes by 127, and adds these products.

    It takes `image` (1, channels, H, W) and gives `found`, of that shape, in steps of a 200th of the largest sum.
    """
    nodes = (
        Node.make(ROUND, ("image", "one", "none"), "bytes"),
        Node.make(READ, ("bytes", "one", "none"), "pixels"),
        Node.make(READ, ("weights", "one", "even"), "kernel"),
        Node.make("Conv", ("pixels", "kernel"), "sum"),
        Node.make(ROUND, ("sum", "step", "none"), "whole"),
        Node.make(READ, ("whole", "step", "none"), "found"),
    )
    others: Fields = [(2, b"largest"), (11, value_info("image", FLOAT))]
    model: Fields = [(1, 8), (8, build([(2, 17)]))]  # version 8 of the format, 17 of the operators
    numbers: dict[str, NDArray[Any]] = {
        "one": np.array(1, np.float32),
        "none": np.array(0, np.uint8),
        "even": np.array(0, np.int8),
        "step": np.array(255 * 127 * channels / 200, np.float32),
        "weights": np.full((channels, channels, 1, 1), 127, np.int8),
    }
    return Graph(nodes, ("found",), others, model).with_constants(numbers).dump()
