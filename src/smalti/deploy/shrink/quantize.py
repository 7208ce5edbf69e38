"""Static 8-bit integers by ONNX Runtime's tools: activations of 0 to 255, weights of -127 to 127 per channel.

Only the nodes from the first to the last convolution are quantized: the normalisation before them and the softmax
behind them lose most and cost least. Weights are rounded so that layers keep their means: see `rounding`.
"""

import tempfile
from collections.abc import Collection, Sequence
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, create_calibrator
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.registry import QDQRegistry

from smalti.arrays import Pixels
from smalti.card import Card
from smalti.deploy.onnx import clean
from smalti.deploy.shrink.rounding import keep_means, mean_inputs
from smalti.raster.quiet import quiet
from smalti.runtime.batch import network_input
from smalti.runtime.beginning import byte_range
from smalti.runtime.graph import Graph

_LOWEST = "lowest"
"""Name of a constant."""
_WITHIN = 99.99
"""Percent of an activation's values above its lowest end, and below its highest: a few that are far beyond the others
would leave these too few integers, those of dark images above all."""


class Quantizer:
    """A graph, and the ranges of its activations on some tiles."""

    def __init__(self, content: bytes, card: Card, tiles: Sequence[Pixels]) -> None:
        """`content` is the graph as an ONNX file; `tiles` are raw pixels 1,C,H,W."""
        self._graph = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(content))
        _name_nodes(self._graph.graph)
        self._between = _between_convolutions(self._graph.graph)
        images = [network_input(tile, card) for tile in tiles]
        self._ranges = _ranges(self._graph, images)
        self._means = mean_inputs(self._graph, images)
        known = byte_range(Graph.load(content)) if card.dtype == "uint8" else None
        if known is not None and known[0] in self._ranges:  # whatever bytes the tiles lack
            name, *ends = known
            lowest, highest = (np.array(end, np.float32) for end in ends)
            self._ranges[name] = TensorData(lowest=lowest, highest=highest)

    @property
    def layers(self) -> list[str]:
        """The names of its convolutions, from first to last."""
        return [node.name for node in self._graph.graph.node if node.op_type == "Conv"]

    def quantized(self, left_out: Collection[str] = ()) -> bytes:
        """The graph in integers, besides the layers that are left out."""
        return self._in_integers([name for name in self._between if name not in left_out])

    def with_one(self, layer: str) -> bytes:
        """The graph with one layer in integers."""
        return self._in_integers([layer])

    def _in_integers(self, nodes: list[str]) -> bytes:
        model = onnx.ModelProto()
        model.CopyFrom(self._graph)
        with quiet(Warning):
            quantizer = QDQQuantizer(
                model,
                per_channel=True,
                reduce_range=False,
                weight_qType=QuantType.QInt8,
                activation_qType=QuantType.QUInt8,
                tensors_range=self._ranges,
                nodes_to_quantize=nodes,
                nodes_to_exclude=[],
                op_types_to_quantize=list(QDQRegistry),
                extra_options={},
            )
            quantizer.quantize_model()
        quantizer.model.topological_sort()
        quantized = quantizer.model.model
        keep_means(quantized.graph, self._graph.graph, self._means)
        _keep_floats(quantized.graph, set(self.layers) - set(nodes))
        return clean(quantized)


def _ranges(model: onnx.ModelProto, tiles: Sequence[Pixels]) -> Any:
    """The range of each activation."""
    with tempfile.TemporaryDirectory() as folder, quiet(Warning), redirect_stdout(StringIO()):
        plain = Path(folder) / "model.onnx"
        onnx.save(model, plain)
        calibrator = create_calibrator(
            plain,
            list(QDQRegistry),
            str(Path(folder) / "augmented.onnx"),
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={"percentile": _WITHIN, "num_bins": 2048},
        )
        for tile in tiles:  # one by one: it keeps all activations of what it is given at once
            left = iter([{"image": tile}])
            calibrator.collect_data(SimpleNamespace(get_next=partial(next, left, None)))
        return calibrator.compute_data()


def _keep_floats(graph: onnx.GraphProto, layers: Collection[str]) -> None:
    """Keeps engines from quantizing the weights of layers that are left in float.

    Between a dequantized input and a quantized output, ONNX Runtime converts them by itself, with one scale for all
    channels. A maximum with the lowest number behind the layer prevents that.
    """
    readers: dict[str, list[onnx.NodeProto]] = {}
    barriers = 0
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for layer in [node for node in graph.node if node.name in layers]:
        found = layer.output[0]
        for activation in readers.get(found, []):
            found = activation.output[0] if activation.op_type in ("Clip", "Relu") else found
        rounding = [node for node in readers.get(found, []) if node.op_type == "QuantizeLinear"]
        for node in rounding:
            node.input[0] = f"{found}_float"
        if rounding:
            barrier = onnx.helper.make_node("Max", [found, _LOWEST], [f"{found}_float"])
            graph.node.insert(list(graph.node).index(rounding[0]), barrier)
            barriers += 1
    if barriers:
        lowest = np.array(np.finfo(np.float32).min, np.float32)
        graph.initializer.append(numpy_helper.from_array(lowest, _LOWEST))


def _name_nodes(graph: onnx.GraphProto) -> None:
    """Gives each node a name of its own, a layer that of its weights: nodes are chosen by name."""
    taken: set[str] = set()
    for node in graph.node:
        node.name = f"{node.op_type}:{node.output[0]}"
        if node.op_type == "Conv":
            weights = node.input[1].removeprefix("model.net.").removesuffix(".weight").removesuffix(".conv")
            node.name = f"{weights}:{node.output[0]}" if weights in taken else weights  # two may share their weights
            taken.add(weights)


def _between_convolutions(graph: onnx.GraphProto) -> list[str]:
    """The nodes that are computed from a convolution, and that a convolution is computed from, both included."""
    from_one: set[str] = set()
    to_one: set[str] = set()
    for node in graph.node:
        if node.op_type == "Conv" or from_one.intersection(node.input):
            from_one.update(node.output)
    for node in reversed(graph.node):
        if node.op_type == "Conv" or to_one.intersection(node.output):
            to_one.update((*node.output, *node.input))
    return [node.name for node in graph.node if from_one.intersection(node.output) and to_one.intersection(node.output)]
