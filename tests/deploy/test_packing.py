"""Weights stored in 8 bits: the file, what is read of it, and what can be done with it."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from smalti.card import Card, Task
from smalti.deploy.onnx import export_model
from smalti.deploy.packing import FEWEST, packed
from smalti.errors import ModelError
from smalti.nets.build import build
from smalti.runtime.graph import Graph
from smalti.runtime.models import BUNDLED, ModelFile, sealed, verify
from smalti.runtime.onnx import OnnxPredictor
from smalti.runtime.packed import unpacked
from smalti.training.model_file import ModelWeights

CARD = Card(
    name="small", net="fpn", options={"width": 0.5}, tasks=(Task(name="cover", labels=("a", "b")),), tile=64, overlap=0
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model, and the same with its weights packed."""
    folder = tmp_path_factory.mktemp("packed")
    model = build(CARD, seed=0).eval()
    for module in model.modules():  # biases of 0 are not stored
        if isinstance(module, nn.BatchNorm2d | nn.Conv2d) and module.bias is not None:
            nn.init.uniform_(module.bias)
    export_model(model, CARD, folder / "floats.onnx")
    content, _ = sealed(packed((folder / "floats.onnx").read_bytes()), folder / "packed.onnx", CARD)
    (folder / "packed.onnx").write_bytes(content)
    return folder / "floats.onnx", folder / "packed.onnx"


def weights(content: bytes) -> dict[str, np.ndarray]:
    return {each.name: numpy_helper.to_array(each) for each in onnx.load_model_from_string(content).graph.initializer}


def test_large_weights_are_integers_in_the_file_and_floats_when_it_is_read(files: tuple[Path, Path]) -> None:
    floats, small = map(verify, files)
    assert small.size < 0.4 * floats.size == 0.4 * len(floats.content)
    before, after = weights(floats.content), weights(small.content)
    assert before.keys() == after.keys()
    for name, value in before.items():
        if value.size >= FEWEST and value.ndim > 1:
            step = np.abs(value).reshape(len(value), -1).max(axis=1) / 127
            apart = np.abs(value - after[name]).reshape(len(value), -1).max(axis=1)
            assert (apart <= 26 * step).all() and np.abs(value - after[name]).mean() < step.max() / 2
            assert weights(files[1].read_bytes())[f"{name}_8bit"].dtype == np.int8
        else:
            assert np.array_equal(value, after[name])


def test_the_file_is_one_that_every_engine_runs(files: tuple[Path, Path]) -> None:
    tile = np.random.default_rng(0).integers(0, 255, (1, 3, 64, 64), np.uint8)
    [expected] = OnnxPredictor(verify(files[1]))(tile).values()
    session = onnxruntime.InferenceSession(files[1], providers=["CPUExecutionProvider"])
    [found] = session.run(None, {"image": tile.astype(np.float32)})
    assert np.allclose(found, expected, atol=1e-4)


def test_what_is_read_is_a_file_again(files: tuple[Path, Path], tmp_path: Path) -> None:
    small = verify(files[1])
    (tmp_path / "again.onnx").write_bytes(small.content)
    again = verify(tmp_path / "again.onnx")
    assert again.content == small.content and again.sha256 != small.sha256


def test_a_training_starts_from_packed_weights(files: tuple[Path, Path]) -> None:
    images = torch.zeros(2, 3, 64, 64)
    [one, other] = (ModelWeights(verify(file)).unfolded(images) for file in files)
    assert one.keys() == other.keys()


def test_integers_that_are_computed_with_stay() -> None:
    node = onnx.helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"])
    back = onnx.helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"])
    graph = onnx.helper.make_graph([node, back], "tiny", [], [], [])
    content = onnx.helper.make_model(graph).SerializeToString()
    assert unpacked(content) is content


def test_a_step_without_its_integers_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    model = onnx.load(files[1])
    del model.graph.initializer[:]
    content, _ = sealed(model.SerializeToString(), tmp_path / "broken.onnx", CARD)
    (tmp_path / "broken.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"broken.onnx: its packed weights cannot be read \(no constant"):
        verify(tmp_path / "broken.onnx")


@pytest.mark.parametrize("path", sorted(BUNDLED.glob("*.onnx")), ids=lambda path: path.stem)
def test_a_bundled_model_has_no_step_left_that_makes_floats(path: Path) -> None:
    model: ModelFile = verify(path)
    graph = Graph.load(model.content)
    kinds = {node.op for node in graph.nodes}
    assert "QuantizeLinear" in kinds or "DequantizeLinear" not in kinds
