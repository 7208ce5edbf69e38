"""The softmax before the last upsampling instead of behind it: at stride 4 it has a sixteenth of the pixels.

Both orders end in probabilities that sum to 1. Between two pixels of the small map these are means of their
probabilities, where they were the softmax of the mean of their logits: a border moves by less than a pixel of it.

What tells images that are unlike the training looks at every fourth pixel of the large map, and then at all of the
small one: the upsampling is left to what needs a large map.
"""

import onnx

from smalti.deploy.plain import softmax_of
from smalti.deploy.same import drop_unused
from smalti.nets.unlike import SPACING


def with_early_softmax(content: bytes) -> bytes | None:
    """An ONNX file with each softmax before the upsampling of its logits; None where there is none such."""
    model = onnx.load_model_from_string(content)
    swapped = [_swap(model.graph, node) for node in list(model.graph.node)]
    return bytes(model.SerializeToString(deterministic=True)) if any(swapped) else None


def _swap(graph: onnx.GraphProto, last: onnx.NodeProto) -> bool:
    """Swaps the softmax that ends in a node with the upsampling before it; False where it is none, or has none."""
    makers = {name: node for node in graph.node for name in node.output}
    large = softmax_of(last, makers)
    resize = makers.get(large)
    readers = [node for node in graph.node if large and large in node.input]
    if resize is None or resize.op_type != "Resize" or {node.op_type for node in readers} != {"ReduceMax", "Sub"}:
        return False
    for node in readers:
        node.input[list(node.input).index(large)] = resize.input[0]
    upsampling = onnx.NodeProto()
    upsampling.CopyFrom(resize)
    upsampling.input[0], upsampling.output[0] = f"{last.output[0]}_small", last.output[0]
    last.output[0] = upsampling.input[0]
    graph.node.remove(resize)
    graph.node.insert(list(graph.node).index(last) + 1, upsampling)
    _read_all_of_small(graph, upsampling)
    return True


def _read_all_of_small(graph: onnx.GraphProto, upsampling: onnx.NodeProto) -> None:
    """Lets what reads every fourth row and column of the large map read the small one."""
    steps = {number.name: onnx.numpy_helper.to_array(number) for number in graph.initializer if number.dims == [1]}
    name = upsampling.output[0]
    for _ in ("rows", "columns"):
        readers = [node for node in graph.node if name in node.input]
        if [node.op_type for node in readers] != ["Slice"] or steps.get(readers[0].input[-1]) != SPACING:
            return
        name = readers[0].output[0]
    for node in graph.node:
        for at, each in enumerate(node.input):
            if each == name:
                node.input[at] = upsampling.input[0]
    drop_unused(graph)
