"""Weights and biases in integers that keep the means of layers."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from smalti.arrays import Pixels
from smalti.card import Card
from smalti.deploy.shrink import quantize
from smalti.runtime.rounding import rounded
from tests.tiny import tiny_card

DEPTH = 16


def _net() -> bytes:
    """A convolution, a depthwise one in two rows of groups, and one of each pixel, with a ReLU between."""
    rng = np.random.default_rng(3)
    shapes = {"first": (DEPTH, 3, 3, 3), "grouped": (DEPTH, 2, 3, 3), "last": (4, DEPTH, 1, 1)}
    numbers = {}
    nodes, taken = [], "image"
    for name, shape in shapes.items():
        numbers[f"{name}.weight"] = (rng.normal(0, 1, shape) / np.prod(shape[1:]) ** 0.5).astype(np.float32)
        numbers[f"{name}.bias"] = rng.normal(0, 0.1, shape[0]).astype(np.float32)
        groups = DEPTH // 2 if name == "grouped" else 1
        pads = [shape[2] // 2] * 4
        inputs = [taken, f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [name], group=groups, pads=pads, kernel_shape=shape[2:]))
        taken = name
        if name != "last":
            nodes.append(helper.make_node("Relu", [name], [taken := f"{name}_relu"]))
    sides = ["N", 3, "H", "W"]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("last", TensorProto.FLOAT, ["N", 4, "H", "W"])],
        [numpy_helper.from_array(array, name) for name, array in numbers.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _run(content: bytes, images: list[Pixels]) -> list[np.ndarray]:
    """What the graph gives, its integers computed exactly."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return [session.run(None, {"image": image.astype(np.float32)})[0] for image in images]


@pytest.fixture
def images() -> list[Pixels]:
    rng = np.random.default_rng(5)
    lights = (40, 90, 160)
    return [rng.normal(light, 25, (1, 3, 64, 64)).clip(0, 255).astype(np.uint8) for light in lights]


@pytest.fixture
def card() -> Card:
    return tiny_card()


def _shift(content: bytes, images: list[Pixels]) -> float:
    """How far the means of the outputs are from those of the net in floats, at most, in standard deviations."""
    expected, found = _run(_net(), images), _run(content, images)
    apart = np.mean([(b - a).mean(axis=(0, 2, 3)) for a, b in zip(expected, found, strict=True)], axis=0)
    return float((np.abs(apart) / np.concatenate(expected, axis=2).std(axis=(0, 2, 3))).max())


def test_layers_keep_their_means(card: Card, images: list[Pixels], monkeypatch: pytest.MonkeyPatch) -> None:
    kept = _shift(quantize.Quantizer(_net(), card, images).quantized(), images)
    monkeypatch.setattr(quantize, "keep_means", lambda *_: None)
    plain = _shift(quantize.Quantizer(_net(), card, images).quantized(), images)
    assert kept < plain / 2 and kept < 0.01, (kept, plain)


def test_weights_stay_within_a_step(card: Card, images: list[Pixels]) -> None:
    exact = {each.name: numpy_helper.to_array(each) for each in onnx.load_model_from_string(_net()).graph.initializer}
    found = onnx.load_model_from_string(quantize.Quantizer(_net(), card, images).quantized())
    stored = {each.name: numpy_helper.to_array(each) for each in found.graph.initializer}
    for name in ("first.weight", "grouped.weight", "last.weight"):
        integers, scale = stored[f"{name}_quantized"], stored[f"{name}_scale"].reshape(-1, 1, 1, 1)
        assert integers.dtype == np.int8 and stored[name.replace("weight", "bias_quantized")].dtype == np.int32
        apart = exact[name] / scale - integers
        assert np.abs(apart).max() < 1 and np.abs(apart.sum(axis=(1, 2, 3))).max() <= 0.51


@pytest.mark.parametrize("channels", [None, 0, 1, 2])
def test_rounding_keeps_sums(channels: int | None) -> None:
    values = np.random.default_rng(1).normal(0, 3, (4, 5, 6))
    whole = rounded(values, channels)
    assert whole.shape == values.shape and np.array_equal(whole, np.rint(whole)) and np.abs(whole - values).max() < 1
    rest = tuple(axis for axis in range(3) if axis != channels)
    assert np.abs((whole - values).sum(axis=rest)).max() <= 0.5
    assert np.array_equal(rounded(whole, channels), whole)
