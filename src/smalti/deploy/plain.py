"""The plain graph of a model, for converters: one size, one softmax node, no shape arithmetic, no guard.

Converters to formats of small devices know fewer operators than ONNX Runtime, and no sizes that are computed. What a
target does not need is left out: outputs that are no task, and the guard that replaces pixels that are not finite,
which integer pixels never are.
"""

import tempfile
from pathlib import Path

import onnx
import onnxruntime

from smalti.card import Card
from smalti.deploy.onnx import clean
from smalti.deploy.same import drop_unused

_SOFTMAX = ("Mul", "Reciprocal", "ReduceSum", "Exp", "Sub", "ReduceMax")
"""The softmax as exported, from its last node to its first: see `smalti.deploy.onnx`."""


def fixed_graph(content: bytes, card: Card, *, batch: int | None = 1) -> onnx.ModelProto:
    """The graph of a model file, with the tasks of a card alone, for that many tiles of its size (None: any number)."""
    model = onnx.load_model_from_string(content)
    names = [task.name for task in card.tasks]
    outputs = {output.name: output for output in model.graph.output}
    del model.graph.output[:]
    model.graph.output.extend(outputs[name] for name in names)
    drop_unused(model.graph)
    for part in (*model.graph.input, *model.graph.output):
        _fix(part, card.tile, batch)
    return model


def plain_graph(content: bytes, card: Card, *, guard: bool = False) -> onnx.ModelProto:
    """The graph of a model file for one tile of its card's size, in few and simple operators.

    Without the `guard`, whoever feeds it replaces pixels that are not finite.
    """
    model = fixed_graph(content, card)
    if not guard:
        _drop_guard(model.graph)
    _name_softmax(model.graph)
    drop_unused(model.graph)
    folded = _folded(model)
    clean(folded)
    return folded


def _fix(part: onnx.ValueInfoProto, side: int, batch: int | None) -> None:
    """Sets the sizes of an input N,C,H,W or an output N,K,H,W or N,K."""
    sizes = (batch, None, side, side)
    for dim, size in zip(part.type.tensor_type.shape.dim, sizes, strict=False):
        if size is not None and dim.dim_param:
            dim.dim_value = size


def _makers(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    """The node that makes each value."""
    return {name: node for node in graph.node for name in node.output}


def _drop_guard(graph: onnx.GraphProto) -> None:
    """Removes `Where(Abs(x) < limit, x, 0)`: x is read instead."""
    makers = _makers(graph)
    for node in graph.node:
        if node.op_type == "Where" and _is_guard(node, makers):
            _read_instead(graph, node.output[0], node.input[1])


def _is_guard(node: onnx.NodeProto, makers: dict[str, onnx.NodeProto]) -> bool:
    less = makers.get(node.input[0])
    if less is None or less.op_type != "Less":
        return False
    size = makers.get(less.input[0])
    return size is not None and size.op_type == "Abs" and size.input[0] == node.input[1]


def _read_instead(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        for at, name in enumerate(node.input):
            if name == old:
                node.input[at] = new


def _name_softmax(graph: onnx.GraphProto) -> None:
    """Replaces the steps of a softmax over the classes by the node of that name."""
    makers = _makers(graph)
    for at, node in enumerate(graph.node):
        logits = softmax_of(node, makers)
        if logits:
            graph.node[at].CopyFrom(onnx.helper.make_node("Softmax", [logits], list(node.output), axis=1))


def softmax_of(node: onnx.NodeProto, makers: dict[str, onnx.NodeProto]) -> str:
    """The logits of which a node makes probabilities; "" if it is not the last step of a softmax."""
    steps = [node]
    for kind in _SOFTMAX[:-1]:
        if steps[-1].op_type != kind or (before := makers.get(_next(steps[-1]))) is None:
            return ""
        steps.append(before)
    last, exp, sub, top = steps[0], steps[3], steps[4], steps[5]
    whole = top.op_type == "ReduceMax" and last.input[0] == exp.output[0] and sub.input[0] == top.input[0]
    return str(sub.input[0]) if whole else ""


def _next(node: onnx.NodeProto) -> str:
    """The input through which the chain of a softmax goes on: of `exp * (1 / sum)` and `x - max` the second."""
    return str(node.input[1 if node.op_type in ("Mul", "Sub") else 0])


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with everything computed that does not depend on the pixels."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC  # standard operators only
    options.log_severity_level = 4
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(out)
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        folded = onnx.load(out)
    used = {node.domain for node in folded.graph.node}
    domains = [each for each in folded.opset_import if each.domain in used]
    del folded.opset_import[:]
    folded.opset_import.extend(domains)
    return folded
