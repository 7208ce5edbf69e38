"""Stores the weights of a model as 8-bit integers: see `smalti.runtime.packed`."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from smalti.arrays import Floats
from smalti.runtime.rounding import rounded

FEWEST = 16_384
"""Weights of fewer numbers stay floats: together they are a tenth of a net, and its maps depend on them most."""
_LARGEST = 127
_SHARES = np.linspace(0.8, 1, 9)
"""What the largest integer may stand for, as shares of the largest weight: cutting a few can round the others less."""


def packed(content: bytes) -> bytes:
    """An ONNX file with its large float weights as integers of -127 to 127 with a scale per output channel."""
    model = onnx.load_model_from_string(content)
    constants, steps = [], []
    for constant in model.graph.initializer:
        weights = numpy_helper.to_array(constant)
        if weights.dtype == np.float32 and weights.ndim > 1 and weights.size >= FEWEST:
            scales, integers = _rounded(weights.reshape(len(weights), -1))
            names = f"{constant.name}_8bit", f"{constant.name}_scale"
            constants.append(numpy_helper.from_array(integers.reshape(weights.shape), names[0]))
            constants.append(numpy_helper.from_array(scales, names[1]))
            steps.append(helper.make_node("DequantizeLinear", names, [constant.name], axis=0))
        else:
            constants.append(constant)
    nodes = [*steps, *model.graph.node]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(constants)
    return bytes(model.SerializeToString(deterministic=True))


def _rounded(weights: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Of weights K,N the scale of each row, that with the least square error, and the integers."""
    tops = np.maximum(np.abs(weights).max(axis=1), 1e-30)
    tried = [np.asarray(tops * (share / _LARGEST), np.float32) for share in _SHARES]
    errors = [((_integers(weights, scales) * scales[:, None] - weights) ** 2).sum(axis=1) for scales in tried]
    scales = np.asarray(tried)[np.argmin(errors, axis=0), np.arange(len(weights))]
    return scales, _integers(weights, scales).astype(np.int8)


def _integers(weights: Floats, scales: Floats) -> Floats:
    whole = rounded((weights / scales[:, None]).astype(np.float64), 0)
    return np.asarray(whole.clip(-_LARGEST, _LARGEST), np.float32)
