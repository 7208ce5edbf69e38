"""Models in integers on processors that add products of bytes in 16 bits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smalti.arrays import Pixels
from smalti.lessons.network import TeachableNetwork
from smalti.runtime import onnx
from smalti.runtime.graph import Graph
from smalti.runtime.integers import in_floats, in_integers
from smalti.runtime.models import BUNDLED, ModelFile, verify
from smalti.runtime.onnx import OnnxPredictor, saturates, start
from smalti.runtime.saturation import sum_of_largest, unsaturated
from smalti.synth import draw
from smalti.tiling import Window

IN_INTEGERS = ("landcover", "landcover_fast")


@pytest.fixture(scope="module", params=IN_INTEGERS)
def model(request: pytest.FixtureRequest) -> ModelFile:
    return verify(BUNDLED / f"{request.param}.onnx")


@pytest.fixture(scope="module")
def tile() -> Pixels:
    return draw(Window(0, 0, 256, 256), 5).image[None]


def _kernels(model: ModelFile) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The integers O,I,H,W of each layer, and what these stand for, by the layer's output."""
    graph = Graph.load(model.content)
    read = {node.outputs[0]: node for node in graph.nodes if node.op == "DequantizeLinear"}
    numbers = graph.arrays({name for node in read.values() for name in node.inputs})
    found = {}
    for node in graph.nodes:
        if node.op == "Conv" and node.inputs[1] in read:
            integers, scale = (numbers[name] for name in read[node.inputs[1]].inputs[:2])
            found[node.outputs[0]] = integers, integers * scale.reshape(-1, 1, 1, 1)
    return found


def test_no_two_weights_of_a_channel_saturate(model: ModelFile) -> None:
    before, after = _kernels(model), _kernels(unsaturated(model))
    assert before.keys() == after.keys() and len(after) > 20
    for name, (integers, values) in after.items():
        ends = np.sort(integers.reshape(len(integers), -1).astype(int), axis=1)
        assert max(ends[:, -2:].sum(axis=1).max(), -ends[:, :2].sum(axis=1).min()) * 255 < 2**15
        step = np.abs(before[name][1]).max(axis=(1, 2, 3)) / 127
        moved = np.abs(values - before[name][1]).max(axis=(1, 2, 3))
        assert (moved <= 2.05 * step).all()  # one step, which is twice as long at most


def test_biases_keep_their_values(model: ModelFile) -> None:
    def biases(model: ModelFile) -> list[np.ndarray]:
        graph = Graph.load(model.content)
        read = [node for node in graph.nodes if node.op == "DequantizeLinear"]
        numbers = graph.arrays({name for node in read for name in node.inputs})
        own = [node.inputs[:2] for node in read if node.inputs[0] in numbers and numbers[node.inputs[0]].ndim == 1]
        return [numbers[integers] * numbers[scale] for integers, scale in own]

    before, after = biases(model), biases(unsaturated(model))
    assert len(before) == len(after) > 20
    for each, other in zip(before, after, strict=True):
        np.testing.assert_allclose(each, other, atol=1e-3 * np.abs(each).max() + 1e-6)


def test_the_map_is_that_of_floats_but_for_rounding(model: ModelFile, tile: Pixels) -> None:
    coarse, floats = (OnnxPredictor(each, 1)(tile) for each in (unsaturated(model), in_floats(model)))
    assert (coarse["landcover"].argmax(1) == floats["landcover"].argmax(1)).mean() > 0.96


def test_a_sum_is_right_with_coarser_weights(model: ModelFile) -> None:
    """One scale for all channels, no bias, and whichever processor this is."""
    largest = replace(model, content=sum_of_largest(64))
    session = start(unsaturated(largest).content, Path("sum"), 1)
    (found,) = session.run(["found"], {"image": np.full((1, 64, 8, 8), 255, np.float32)})
    np.testing.assert_allclose(found, 255 * 127 * 64, rtol=0.02)


def test_weights_about_another_number_than_zero_become_floats(model: ModelFile) -> None:
    graph = Graph.load(sum_of_largest(64))
    odd = graph.without_constants(["even"]).with_constants({"even": np.array(1, np.int8)})
    assert not in_integers(unsaturated(replace(model, content=odd.dump())))


def test_only_a_processor_that_saturates_takes_coarser_weights(
    model: ModelFile, tile: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx, "saturates", lambda: False)
    assert onnx.exact_here(model) is model
    coarse = unsaturated(model)
    expected = OnnxPredictor(coarse, 1)(tile)
    exact = TeachableNetwork(coarse, 1)(tile[0])
    monkeypatch.setattr(onnx, "saturates", lambda: True)
    found = OnnxPredictor(model, 1)(tile)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    np.testing.assert_array_equal(TeachableNetwork(model, 1)(tile[0]).logits, exact.logits)


def test_a_sum_that_saturates_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = saturates.__wrapped__
    assert right() in (True, False)  # whichever processor this is

    class Session:
        def run(self, names: object, given: object) -> list[np.ndarray]:
            return [np.full((1, 64, 8, 8), 32 * 32767, np.float32)]  # each pair of products at the end of 16 bits

    monkeypatch.setattr(onnx, "start", lambda *_: Session())
    assert right()
