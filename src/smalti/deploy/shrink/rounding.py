"""Weights and biases of a graph in integers that shift no layer's mean: a layer so shifted moves all that follow it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from smalti.arrays import Doubles, Floats
from smalti.runtime.onnx import start
from smalti.runtime.rounding import rounded

_LARGEST = 127


def mean_inputs(model: onnx.ModelProto, images: Iterable[Floats]) -> dict[str, Doubles]:
    """Of each convolution, by its name, the mean of every channel that it takes, over images N,C,H,W for the graph."""
    asked = onnx.ModelProto()
    asked.CopyFrom(model)
    taken = {node.name: node.input[0] for node in asked.graph.node if node.op_type == "Conv"}
    means = {name: f"{name}_mean" for name in taken.values()}
    for name, mean in means.items():
        asked.graph.node.append(helper.make_node("GlobalAveragePool", [name], [mean]))
        asked.graph.output.append(helper.make_tensor_value_info(mean, onnx.TensorProto.FLOAT, None))
    session = start(asked.SerializeToString(), Path("the means of its layers"))
    found = [session.run(list(means.values()), {"image": image}) for image in images]  # of each an array N,C,1,1
    all_means = {
        name: np.mean([each.mean(axis=(0, 2, 3), dtype=np.float64) for each in own], axis=0)
        for name, own in zip(means, zip(*found, strict=True), strict=True)
    }
    return {layer: all_means[name] for layer, name in taken.items()}


def keep_means(graph: onnx.GraphProto, exact: onnx.GraphProto, means: Mapping[str, Doubles]) -> None:
    """Rounds weights anew, and corrects biases, in a graph that ONNX Runtime's tools have quantized from `exact`.

    They round each weight to the nearest integer. Here the sum of each channel's is kept; and what the mean of a
    convolution's output still lacks, by the means of its inputs, is added to its bias: bias correction (Nagel et al.,
    2019), of what rounding the weights does alone, on calibration images instead of by the statistics of batch norms.
    """
    constants = {each.name: each for each in graph.initializer}
    weights = {each.name: each for each in exact.initializer}
    read = {node.output[0]: node for node in graph.node if node.op_type == "DequantizeLinear"}
    lost = {}
    for name, step in read.items():
        kernel = weights.get(step.input[0].removesuffix("_quantized"))
        stored = constants.get(step.input[0])
        if kernel is not None and stored is not None and len(kernel.dims) > 1 and stored.data_type == stored.INT8:
            lost[name] = _round(stored, numpy_helper.to_array(kernel), constants[step.input[1]], step)
    for node in graph.node:
        bias = read.get(node.input[2]) if len(node.input) > 2 else None
        if node.op_type == "Conv" and node.input[1] in lost and bias is not None and bias.input[0] in constants:
            groups = next((each.i for each in node.attribute if each.name == "group"), 1)
            rest = lost[node.input[1]].sum(axis=(2, 3)).reshape(groups, -1, len(means[node.name]) // groups)
            shift = (rest @ means[node.name].reshape(groups, -1, 1)).ravel()
            integers, scale = (numpy_helper.to_array(constants[name]) for name in bias.input[:2])
            _store(constants[bias.input[0]], integers + np.rint(shift / scale))


def _round(stored: onnx.TensorProto, weights: Floats, scale: onnx.TensorProto, step: onnx.NodeProto) -> Doubles:
    """Stores a layer's weights as integers, and gives what these lack."""
    scales = numpy_helper.to_array(scale).astype(np.float64)
    axis = next((each.i for each in step.attribute if each.name == "axis"), 1) if scales.size > 1 else None
    scales = scales.reshape([-1 if at == axis else 1 for at in range(weights.ndim)])
    whole = rounded(weights / scales, axis).clip(-_LARGEST, _LARGEST)
    _store(stored, whole)
    lost: Doubles = weights - whole * scales
    return lost


def _store(constant: onnx.TensorProto, values: Doubles) -> None:
    dtype = helper.tensor_dtype_to_np_dtype(constant.data_type)
    constant.CopyFrom(numpy_helper.from_array(values.astype(dtype), constant.name))
