"""Models in integers, and the same in floats."""

from pathlib import Path

import numpy as np
import pytest

from smalti.arrays import Pixels
from smalti.runtime.graph import Graph
from smalti.runtime.integers import in_floats
from smalti.runtime.models import BUNDLED, ModelFile, verify
from smalti.runtime.onnx import OnnxPredictor, exact_here
from smalti.synth import draw
from smalti.tiling import Window
from tests.tiny import tiny_model


@pytest.fixture(scope="module")
def fast() -> ModelFile:
    return verify(BUNDLED / "landcover_fast.onnx")


@pytest.fixture(scope="module")
def tile() -> Pixels:
    return draw(Window(0, 0, 256, 256), 5).image[None]


def test_floats_give_what_integers_give_but_for_rounding(fast: ModelFile, tile: Pixels, tmp_path: Path) -> None:
    floats = in_floats(fast)
    (tmp_path / "floats.onnx").write_bytes(floats.content)
    assert verify(tmp_path / "floats.onnx").card == fast.card
    graph = Graph.load(floats.content)
    assert not {node.op for node in graph.nodes} & {"QuantizeLinear", "DequantizeLinear"}
    assert (floats.card, floats.path, floats.sha256) == (fast.card, fast.path, fast.sha256)
    before, after = OnnxPredictor(fast, 1)(tile), OnnxPredictor(floats, 1)(tile)
    assert (before["landcover"].argmax(1) == after["landcover"].argmax(1)).mean() > 0.97
    np.testing.assert_allclose(after["unlike"], before["unlike"], atol=0.02)


def test_weights_have_their_names_and_are_a_step_of_integers_apart(fast: ModelFile) -> None:
    whole, floats = Graph.load(fast.content), Graph.load(in_floats(fast).content)
    name = "model.net.encoder.stages.1.0.shortcut.conv.weight"
    stored = whole.arrays([f"{name}_quantized", f"{name}_scale"])
    kernel = floats.array(name)
    assert kernel is not None and kernel.shape == stored[f"{name}_quantized"].shape
    steps = kernel / stored[f"{name}_scale"].reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(steps, stored[f"{name}_quantized"], atol=1e-4)


def test_a_model_in_floats_stays_as_it_is(tmp_path: Path) -> None:
    model = verify(tiny_model(tmp_path / "tiny.onnx"))
    assert in_floats(model) is model and exact_here(model) is model


def test_what_was_rounded_twice_has_names_of_its_own(tile: Pixels) -> None:
    """A model in integers that was shrunk again, whose outputs themselves are rounded."""
    pytest.importorskip("onnx")
    from smalti.deploy.shrink.quantize import Quantizer

    town = in_floats(verify(BUNDLED / "town.onnx"))
    once = ModelFile(town.path, Quantizer(town.content, town.card, [tile]).quantized(), town.card, "")
    floats = in_floats(once)
    twice = ModelFile(town.path, Quantizer(floats.content, town.card, [tile]).quantized(), town.card, "")
    before, after = (OnnxPredictor(in_floats(model), 1)(tile) for model in (once, twice))
    np.testing.assert_allclose(after["height"], before["height"], atol=3)
    assert (before["landcover"].argmax(1) == after["landcover"].argmax(1)).mean() > 0.9
