"""The steps that make a model smaller: the moved softmax, integers, layers left in float, and the search."""

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest

from smalti.arrays import Pixels
from smalti.card import Card, Task
from smalti.deploy.agreement import agreement
from smalti.deploy.calibration_tiles import drawn_tiles
from smalti.deploy.onnx import export_model
from smalti.deploy.shrink import search
from smalti.deploy.shrink.card import card_of
from smalti.deploy.shrink.cost import cost_of
from smalti.deploy.shrink.early import with_early_softmax
from smalti.deploy.shrink.gate import Agreement, GateRow
from smalti.deploy.shrink.pictures import differing
from smalti.deploy.shrink.quantize import Quantizer
from smalti.deploy.shrink.search import Shrunk
from smalti.deploy.shrink.sensitivity import sensitivity
from smalti.errors import DataError
from smalti.nets.build import build
from smalti.runtime.integers import in_floats
from smalti.runtime.models import BUNDLED, ModelFile, seal, verify
from smalti.runtime.onnx import OnnxPredictor
from smalti.watch import silent
from tests.tiny import tiny_card, tiny_model

FIRST = "encoder.stages.0.1.depthwise"
"""The layer of `landcover` that loses most as integers."""


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    """`landcover` with small tiles, in floats."""
    path = tmp_path_factory.mktemp("models") / "landcover.onnx"
    shutil.copy(BUNDLED / "landcover.onnx", path)
    seal(path, verify(path).card.model_copy(update={"tile": 128, "overlap": 32}))
    return in_floats(verify(path))


@pytest.fixture(scope="module")
def tiles(parent: ModelFile) -> list[Pixels]:
    return drawn_tiles(parent.card, range(4))


@pytest.fixture(scope="module")
def quantizer(parent: ModelFile, tiles: Sequence[Pixels]) -> Quantizer:
    return Quantizer(parent.content, parent.card, tiles)


def run(parent: ModelFile, content: bytes) -> OnnxPredictor:
    return OnnxPredictor(ModelFile(parent.path, content, parent.card, ""))


def share(parent: ModelFile, content: bytes, tiles: Sequence[Pixels]) -> float:
    """The agreement of a graph with its parent."""
    predict, exact = run(parent, content), OnnxPredictor(parent)
    found = agreement(parent.card.tasks, [exact(tile) for tile in tiles], [predict(tile) for tile in tiles])
    return found["landcover"]


def test_a_softmax_moves_before_the_upsampling_and_changes_little(parent: ModelFile, tiles: Sequence[Pixels]) -> None:
    content = with_early_softmax(parent.content)
    assert content is not None
    nodes = {name: node for node in onnx.load_model_from_string(content).graph.node for name in node.output}
    last = nodes["landcover"]
    assert [nodes[last.input[0]].op_type, last.op_type] == ["Mul", "Resize"]
    found = run(parent, content)(tiles[0])["landcover"]
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    assert share(parent, content, tiles) > 0.97


def test_what_is_unlike_the_training_is_told_by_the_small_map(parent: ModelFile, tiles: Sequence[Pixels]) -> None:
    content = with_early_softmax(parent.content)
    assert content is not None
    graph = onnx.load_model_from_string(content).graph
    assert [node.op_type for node in graph.node if "landcover" in node.input] == []
    predict, exact = run(parent, content), OnnxPredictor(parent)
    assert predict.coarse is not None
    for tile in tiles:
        np.testing.assert_allclose(predict.coarse(tile)["unlike"], exact(tile)["unlike"], atol=0.02)


def test_a_softmax_that_follows_no_upsampling_stays(tmp_path: Path) -> None:
    assert with_early_softmax(verify(tiny_model(tmp_path / "tiny.onnx")).content) is None


def test_two_tasks_keep_the_value_as_it_was(tmp_path: Path) -> None:
    tasks = (Task(name="landcover", labels=("land", "water")), Task(name="height", kind="value", minimum=0.0))
    options = {"encoder": "resnet18", "width": 0.125, "sharing": "shared"}
    card = Card(name="two", net="multitask", options=options, tasks=tasks)
    export_model(build(card), card, tmp_path / "two.onnx")
    two = verify(tmp_path / "two.onnx")
    content = with_early_softmax(two.content)
    assert content is not None
    tile = drawn_tiles(card.model_copy(update={"tile": 64}), [0])[0]
    before, after = OnnxPredictor(two)(tile), run(two, content)(tile)
    np.testing.assert_allclose(after["height"], before["height"], atol=1e-4)


def test_all_between_the_convolutions_becomes_integers(
    parent: ModelFile, quantizer: Quantizer, tiles: Sequence[Pixels]
) -> None:
    content = quantizer.quantized()
    graph = onnx.load_model_from_string(content).graph
    made = {name: node.op_type for node in graph.node for name in node.output}
    layers = [node for node in graph.node if node.op_type == "Conv"]
    assert len(layers) == len(quantizer.layers) == 60
    assert {made[node.input[0]] for node in layers} == {made[node.input[1]] for node in layers} == {"DequantizeLinear"}
    assert len(content) < 0.32 * len(parent.content)
    assert share(parent, content, tiles) > 0.9


def test_a_layer_that_is_left_out_keeps_its_weights_in_any_engine(
    parent: ModelFile, quantizer: Quantizer, tiles: Sequence[Pixels]
) -> None:
    """ONNX Runtime would quantize them with one scale for all channels: the predictions were useless."""
    content = quantizer.quantized([FIRST])
    graph = onnx.load_model_from_string(content).graph
    [layer] = [node for node in graph.node if node.name == FIRST]
    assert layer.input[1] in {constant.name for constant in graph.initializer if constant.data_type == 1}
    assert share(parent, content, tiles) > 0.95


def test_one_layer_alone_can_be_integers(quantizer: Quantizer) -> None:
    graph = onnx.load_model_from_string(quantizer.with_one(FIRST)).graph
    assert Counter(node.op_type for node in graph.node)["QuantizeLinear"] == 2  # around the layer


def test_the_cost_of_a_graph_does_not_depend_on_its_numbers(parent: ModelFile, quantizer: Quantizer) -> None:
    before, after = cost_of(parent), cost_of(ModelFile(parent.path, quantizer.quantized(), parent.card, ""))
    assert (before.parameters, before.multiply_adds) == (after.parameters, after.multiply_adds)
    assert 2.1e6 < before.parameters < 2.2e6 and before.size == parent.path.stat().st_size


def test_layers_are_compared_by_what_they_change(parent: ModelFile, tiles: Sequence[Pixels]) -> None:
    class Two(Quantizer):
        def __init__(self) -> None:
            pass

        @property
        def layers(self) -> list[str]:
            return ["head", "first"]

        def with_one(self, layer: str) -> bytes:
            return layer.encode()

    class Off:
        card = parent.card

        def __init__(self, by: float) -> None:
            self.by = by

        def __call__(self, batch: Pixels) -> dict[str, np.ndarray]:
            return {"landcover": batch.astype(np.float32) + self.by}

    found = dict(sensitivity(Two(), lambda content: Off({b"head": 0.5, b"first": 2.0}[content]), Off(0), tiles))
    assert found["first"] == pytest.approx(4 * found["head"], rel=1e-3)


def test_without_labels_the_gate_is_the_share_of_other_predictions(parent: ModelFile, tiles: Sequence[Pixels]) -> None:
    [row] = Agreement(parent, tiles)(parent)
    assert (row.task, row.measure, row.before, row.after, row.loss) == ("landcover", "agreement", 1.0, 1.0, 0.0)
    assert row.scores[0].protocol.startswith("data: 4 tiles without labels")


class FakeQuantizer:
    """Eight layers, of which it only keeps which were left in float."""

    floats: frozenset[str] | None = None
    layers = tuple("abcdefgh")

    def __init__(self, content: bytes, card: Card, tiles: Sequence[Pixels]) -> None:
        self.content = content

    def quantized(self, left_out: Sequence[str] = ()) -> bytes:
        FakeQuantizer.floats = frozenset(left_out)
        return self.content


Run = Callable[[float, dict[str, float], float], Shrunk]


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """A search where a moved softmax, some sets of layers in float, and all others lose that much; `h` costs most."""
    monkeypatch.setattr(search, "Quantizer", FakeQuantizer)
    monkeypatch.setattr(search, "with_early_softmax", lambda content: content)
    monkeypatch.setattr(search.Search, "_by_cost", lambda self, quantizer, tiles: list("hgfedcba"))
    monkeypatch.setattr(FakeQuantizer, "floats", None)
    parent = verify(tiny_model(tmp_path / "tiny.onnx"))

    def run_it(moved: float, known: dict[str, float], otherwise: float) -> Shrunk:
        losses = {frozenset(layers): loss for layers, loss in known.items()}

        def judge(model: ModelFile) -> list[GateRow]:
            floats = FakeQuantizer.floats
            loss = moved if floats is None else losses.get(floats, otherwise)
            return [GateRow("data", "landcover", "mIoU", 1.0, 1 - loss / 100, loss)]

        card = parent.card.model_copy(update={"name": "small"})
        return search.Search(parent, card, judge, 1.0, silent).run([])

    return run_it


def test_what_passes_in_integers_is_taken(searched: Run) -> None:
    found = searched(0.2, {}, 0.9)
    assert found.early and found.floats == () and found.layers == 8 and found.loss == 0.9
    assert found.model.card.name == "small"


def test_layers_stay_in_float_until_it_passes_and_no_longer_than_needed(searched: Run) -> None:
    found = searched(0.7, {"hgf": 0.5, "gf": 0.6, "g": 3.0, "f": 3.0}, 2.0)
    assert not found.early  # it costs more than half of what may be lost
    assert found.floats == ("g", "f") and found.loss == 0.6


def test_the_least_loss_is_returned_where_nothing_passes(searched: Run, tmp_path: Path) -> None:
    found = searched(0.7, {"h": 1.5}, 2.0)
    parent = verify(tmp_path / "tiny.onnx")
    card = card_of(parent, found, "4 tiles of drawn scenes", 1.0)
    assert "gate MISSED: a loss of 1.50 % where 1 % is allowed" in card.origin.chosen
    assert "1 of 8 layers in float: h" in card.origin.chosen
    assert card.origin.recipe == f"shrunk from tiny (sha256 {parent.sha256})"


def test_tiles_that_differ_most_come_first(parent: ModelFile, quantizer: Quantizer, tiles: Sequence[Pixels]) -> None:
    found = differing(parent, ModelFile(parent.path, quantizer.quantized(), parent.card, ""), tiles)
    shares = [each.agreement for each in found]
    assert shares == sorted(shares) and found[0].changed.mean() == pytest.approx(1 - shares[0])


def test_other_bands_are_not_drawn() -> None:
    with pytest.raises(DataError, match="takes uint8 of red, nir, which are not drawn; give images of these bands"):
        drawn_tiles(tiny_card(bands=("red", "nir")), [0])
