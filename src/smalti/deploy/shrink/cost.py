"""What a model costs, read from its graph: channels, parameters and multiply-adds."""

from dataclasses import dataclass
from math import prod

import onnx

from smalti.deploy.plain import plain_graph
from smalti.runtime.models import ModelFile


@dataclass(frozen=True, slots=True)
class Cost:
    """The costs of a model."""

    channels: int
    """Those that its convolutions make, all together."""
    parameters: int
    """Numbers in the weights and biases of its convolutions."""
    multiply_adds: float
    """Of its convolutions, per pixel of a tile."""
    size: int
    """Bytes of its file."""


def cost_of(model: ModelFile) -> Cost:
    """The costs of a model."""
    card = model.card.model_copy(update={"unlike": None})
    graph = onnx.shape_inference.infer_shapes(plain_graph(model.content, card)).graph
    shapes = _shapes(graph)
    channels, parameters, products = 0, 0, 0
    for node in graph.node:
        if node.op_type == "Conv":
            weights = shapes[node.input[1]]  # K,C,kh,kw
            channels += weights[0]
            parameters += prod(weights) + (weights[0] if len(node.input) > 2 else 0)
            products += prod(weights[1:]) * prod(shapes[node.output[0]])
    return Cost(channels, parameters, products / card.tile**2, model.size)


def _shapes(graph: onnx.GraphProto) -> dict[str, list[int]]:
    """The shape of each constant and each value."""
    shapes = {constant.name: list(constant.dims) for constant in graph.initializer}
    for value in (*graph.value_info, *graph.output):
        shapes[value.name] = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    return shapes
