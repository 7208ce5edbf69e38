from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest

from smalti.card import Card
from smalti.deploy.plain import fixed_graph, plain_graph
from smalti.runtime.models import BUNDLED, ModelFile, verify

SIDE = 64


def bundled(name: str) -> tuple[ModelFile, Card]:
    """A model, and its card with small tiles."""
    model = verify(BUNDLED / f"{name}.onnx")
    return model, model.card.model_copy(update={"tile": SIDE, "overlap": 16})


def run(content: bytes, pixels: np.ndarray) -> list[np.ndarray]:
    found: list[np.ndarray] = onnxruntime.InferenceSession(content).run(None, {"image": pixels})
    return found


def sizes(part: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_param or dim.dim_value for dim in part.type.tensor_type.shape.dim]


@pytest.mark.parametrize("name", ["landcover", "town"])
def test_it_has_one_size_one_softmax_and_no_arithmetic_on_sizes(name: str) -> None:
    model, card = bundled(name)
    graph = plain_graph(model.content, card)
    kinds = Counter(node.op_type for node in graph.graph.node)
    assert kinds["Softmax"] == 1
    assert not {"Shape", "Reshape", "Squeeze", "Abs", "Less", "ReduceMax", "Exp", "Reciprocal"} & set(kinds)
    assert sizes(graph.graph.input[0]) == [1, 3, SIDE, SIDE]
    assert [sizes(part) for part in graph.graph.output] == [[1, task.channels, SIDE, SIDE] for task in card.tasks]
    assert graph.ir_version == 9 and [(each.domain, each.version) for each in graph.opset_import] == [("", 18)]
    pixels = np.random.default_rng(0).integers(0, 255, (1, 3, SIDE, SIDE)).astype(np.float32)
    whole = run(model.content, pixels)[: len(card.tasks)]  # without `unlike`
    for one, other in zip(whole, run(graph.SerializeToString(), pixels), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_the_guard_may_stay() -> None:
    model, card = bundled("landcover")
    guarded = plain_graph(model.content, card, guard=True).SerializeToString()
    pixels = np.full((1, 3, SIDE, SIDE), np.nan, np.float32)
    assert np.isfinite(run(guarded, pixels)[0]).all()


def test_further_outputs_are_left_out() -> None:
    model, card = bundled("town")
    one = card.model_copy(update={"tasks": card.tasks[:1]})
    graph = fixed_graph(model.content, one, batch=None)
    assert [(part.name, sizes(part)) for part in graph.graph.output] == [("landcover", ["batch", 5, SIDE, SIDE])]
    assert len(graph.graph.node) < len(fixed_graph(model.content, card).graph.node)
    pixels = np.full((2, 3, SIDE, SIDE), 90, np.float32)
    np.testing.assert_array_equal(run(graph.SerializeToString(), pixels)[0], run(model.content, pixels)[0])


def test_steps_that_only_resemble_a_guard_or_a_softmax_stay() -> None:
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Abs", ["image"], ["size"]),
        helper.make_node("Less", ["size", "limit"], ["small"]),
        helper.make_node("Where", ["small", "other", "image"], ["chosen"]),  # not the value that is compared
        helper.make_node("Exp", ["chosen"], ["powers"]),
        helper.make_node("ReduceSum", ["powers", "axes"], ["sum"]),
        helper.make_node("Reciprocal", ["sum"], ["part"]),
        helper.make_node("Mul", ["powers", "part"], ["landcover"]),  # without the maximum
    ]
    card = bundled("landcover")[1]
    values = [
        helper.make_tensor_value_info(name, kind, ["batch", 3, "height", "width"]) for name in ("image", "landcover")
    ]
    constants = [
        onnx.numpy_helper.from_array(np.array(value), name)
        for name, value in (("limit", np.float32(3)), ("other", np.float32(2)), ("axes", np.array([1])))
    ]
    graph = helper.make_graph(nodes, "steps", values[:1], values[1:], constants)
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()
    plain = plain_graph(content, card).SerializeToString()
    pixels = np.random.default_rng(0).normal(0, 3, (1, 3, SIDE, SIDE)).astype(np.float32)
    np.testing.assert_allclose(run(plain, pixels)[0], run(content, pixels)[0], rtol=1e-6)
