"""Models that compute in 8-bit integers, as `smalti shrink` writes them, and the same in floats."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smalti.runtime.graph import Graph, Node
from smalti.runtime.models import ModelFile, sealed
from smalti.runtime.packed import as_floats

ROUND, READ = "QuantizeLinear", "DequantizeLinear"


def in_floats(model: ModelFile) -> ModelFile:
    """The same model without integers, or as it is where it has none; its bytes have a hash of their own.

    Weights are what their integers stand for, under the names of before. An activation is not rounded, but bounded as
    its integers are: by that `smalti shrink` expresses ReLU and ReLU6, too.
    """
    if not in_integers(model):
        return model
    graph = Graph.load(model.content)
    read = [node for node in graph.nodes if node.op == READ]
    numbers = graph.arrays({name for node in read for name in node.inputs})
    taken = {name for node in graph.nodes for name in node.outputs}
    last = {node.inputs[0]: node.outputs[0] for node in read if node.outputs[0] in graph.outputs}
    bounded = {
        node.outputs[0]: last.get(node.outputs[0]) or _new(f"{node.inputs[0]}_bounded", taken)
        for node in graph.nodes
        if node.op == ROUND
    }
    constants: dict[str, NDArray[Any]] = {}
    barriers = _barriers(graph)
    names = dict(barriers)
    for node in read:
        source, found = node.inputs[0], node.outputs[0]
        names[found] = bounded.get(source) or source.removesuffix("_quantized")
        if source in bounded:
            bytes_ = np.iinfo(numbers[node.inputs[2]].dtype)
            for end, value in zip(_ends(names[found]), (bytes_.min, bytes_.max), strict=True):
                constants[end] = as_floats(np.array(value), node, numbers)
        else:
            constants[names[found]] = as_floats(numbers[source], node, numbers)
    nodes = tuple(_bound(node, bounded) for node in graph.nodes if node not in read and node.outputs[0] not in barriers)
    floats = replace(graph, nodes=nodes).without_constants(numbers).reading(names).with_constants(constants)
    return replace(model, content=sealed(floats.dump(like=model.content), model.path, model.card)[0])


def _new(name: str, taken: set[str]) -> str:
    """The name, with a mark where it is taken, which it then is."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _ends(name: str) -> tuple[str, str]:
    return f"{name}_lowest", f"{name}_highest"


def _bound(node: Node, bounded: dict[str, str]) -> Node:
    """What takes the place of a node: of one that rounds, one that bounds."""
    if node.op != ROUND:
        return node
    name = bounded[node.outputs[0]]
    return Node("Clip", (node.inputs[0], *_ends(name)), (name,), [])  # another node may be named like its result


def _barriers(graph: Graph) -> dict[str, str]:
    """What passes a maximum with the lowest number, which keeps layers in float (see `smalti.deploy.shrink`), by its
    result."""
    found = [node for node in graph.nodes if node.op == "Max"]
    lowest = graph.arrays({name for node in found for name in node.inputs})
    none = np.finfo(np.float32).min
    return {node.outputs[0]: node.inputs[0] for node in found if np.all(lowest.get(node.inputs[1], 0) == none)}


def in_integers(model: ModelFile) -> bool:
    """Whether any of its layers computes in integers."""
    return ROUND.encode() in model.content
