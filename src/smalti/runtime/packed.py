"""Weights that a model file stores as 8-bit integers, to be a quarter as large, and that are computed with in float32.

In the file each such weight is a constant of integers, and a step that multiplies them with the scale of their output
channel: standard ONNX, which every engine runs. Here they are made floats when the file is read, so that nothing else
in the program has to know of them. Models that compute in 8 bits have such steps too, and their integers stay: the
engines need to know of these.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.arrays import Doubles, Floats
from smalti.runtime.graph import Graph, Node

_STEP = b"DequantizeLinear"


def unpacked(content: bytes) -> bytes:
    """An ONNX file with packed weights as float32; the same bytes where it has none. ValueError for other bytes."""
    if _STEP not in content:
        return content
    graph = Graph.load(content)
    if any(node.op == "QuantizeLinear" for node in graph.nodes):
        return content
    steps = [node for node in graph.nodes if node.op == "DequantizeLinear"]
    wanted = {name for node in steps for name in node.inputs}
    packed = graph.arrays(wanted)
    if missing := wanted - packed.keys():
        raise ValueError(f"no constant {min(missing)}")
    floats = {node.outputs[0]: as_floats(packed[node.inputs[0]], node, packed) for node in steps}
    return graph.without_constants(packed).without_nodes(steps).with_constants(floats).dump(like=content)


def as_floats(integers: NDArray[Any], step: Node, numbers: Mapping[str, NDArray[Any]]) -> Floats:
    """What integers stand for, by the scale, and the zero point if there is one, that a step reads them with.

    These are `numbers`, of all or of each channel.
    """
    scale, *zeros = (along(numbers[name].astype(np.float64), integers, step) for name in step.inputs[1:])
    return np.asarray((integers - (zeros[0] if zeros else 0)) * scale, np.float32)


def along(values: Doubles, integers: NDArray[Any], step: Node) -> Doubles:
    """Values of all, or of each channel by which a step reads integers, in a shape that broadcasts to these."""
    shape = [1] * integers.ndim
    if values.size > 1:
        shape[axis_of(step) % integers.ndim] = -1
    return values.reshape(shape)


def axis_of(step: Node) -> int:
    """The axis of channels by which a step reads integers."""
    number = next((int(value) for at, value in step.attribute("axis") or [] if at == 3), 1)
    return number - (1 << 64) if number >> 63 else number
