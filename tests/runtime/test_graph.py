import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalti.runtime.graph import Graph, Node
from smalti.runtime.models import BUNDLED, verify
from smalti.runtime.onnx import OnnxPredictor, exact_here, start
from smalti.runtime.protobuf import Field, build, parse

FIELDS = st.lists(st.tuples(st.integers(1, 26), st.integers(0, 2**64 - 1) | st.binary(max_size=300)))


@given(FIELDS)
def test_what_is_built_is_parsed_again(fields: list[Field]) -> None:
    assert parse(build(fields)) == fields


def test_numbers_of_fixed_size_are_kept() -> None:
    content = b"\x0d\x00\x00\x80\x3f" + b"\x11" + bytes(8)  # field 1, a float; field 2, a double
    assert build(parse(content)) == content


@pytest.mark.parametrize("content", [b"\x0a\x05abc", b"\x80", b"\x0b"])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        parse(content)


def test_a_graph_is_written_as_it_was_read() -> None:
    content = verify(BUNDLED / "landcover.onnx").content
    graph = Graph.load(content)
    again = Graph.load(graph.dump())
    assert again == graph
    assert "landcover" in graph.outputs
    assert abs(len(graph.dump()) - len(content)) < 1000  # the shapes that it states of its outputs


def test_changed_graphs_run() -> None:
    onnx = pytest.importorskip("onnx")
    model = verify(BUNDLED / "landcover.onnx")
    graph = Graph.load(exact_here(model).content)
    double = Node.make("Mul", ["landcover", "two"], "double")
    again = Node.make("Concat", ["double", "double"], "both", axis=1)
    changed = Graph((*graph.nodes, double, again), graph.outputs, graph.others, graph.model)
    changed = changed.with_constants({"two": np.array([2.0], np.float32)}).with_outputs(["landcover", "both"])
    onnx.checker.check_model(onnx.load_from_string(model.content))  # the checker itself works
    pixels = np.random.default_rng(0).integers(0, 255, (1, 3, 64, 64)).astype(np.float32)
    plain, both = start(changed.dump(), model.path).run(None, {"image": pixels})
    np.testing.assert_array_equal(plain, OnnxPredictor(model)(pixels)["landcover"])
    np.testing.assert_allclose(both, np.concatenate([2 * plain] * 2, axis=1))


def test_nodes_are_found() -> None:
    graph = Graph.load(verify(BUNDLED / "landcover.onnx").content)
    node = graph.producer("landcover")
    assert node is not None and node.op == "Mul" and node in graph.consumers(node.inputs[0])
    assert graph.producer("image") is None
    ancestors = graph.ancestors("landcover")
    assert ancestors[-1] == node and len(ancestors) > 100
    resize = next(node for node in graph.nodes if node.op == "Resize")
    assert (4, b"linear") in (resize.attribute("mode") or [])
    assert resize.attribute("nothing") is None
