from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from smalti.card import Card, Task
from smalti.errors import ModelError
from smalti.runtime.models import seal
from smalti.runtime.ranker import open_ranker

NAMES = ["focus", "light"]


def graph(path: Path, inputs: tuple[str, str] = ("image", "cues"), kind: str = "score") -> Path:
    """Scores with the first cue; embeds with the mean of each channel, at unit length."""
    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Slice", [inputs[1], "start", "end", "axis"], ["score"]),
        helper.make_node("GlobalAveragePool", [inputs[0]], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("LpNormalization", ["flat"], ["embedding"], axis=1, p=2),
    ]
    known = [helper.make_tensor(n, TensorProto.INT64, [1], [v]) for n, v in (("start", 0), ("end", 1), ("axis", 1))]
    takes = [value(inputs[0], 1, ["n", 3, 64, 64]), value(inputs[1], 1, ["n", 2])]
    gives = [value("score", 1, ["n", 1]), value("embedding", 1, ["n", 3])]
    made = helper.make_graph(nodes, "g", takes, gives, known)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    task = Task(name="score", kind="score") if kind == "score" else Task(name="score", labels=("a",))
    seal(path, Card(name="small", net="ranker", options={"cues": NAMES}, tile=64, overlap=0, tasks=(task,)))
    return path


def test_scores_and_embeddings_come_per_photo(tmp_path: Path) -> None:
    ranker = open_ranker(str(graph(tmp_path / "small.onnx")), NAMES, threads=1)
    images = np.random.default_rng(0).integers(0, 255, (4, 3, 64, 64), np.uint8)
    cues = np.arange(8, dtype=np.float32).reshape(4, 2)
    scores, embeddings = ranker(images, cues)
    np.testing.assert_array_equal(scores, [0, 2, 4, 6])
    assert embeddings.shape == (4, 3) and ranker.side == 64
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "cues"), [((1, 3, 32, 64), (1, 2)), ((1, 3, 64, 64), (1, 3)), ((2, 3, 64, 64), (1, 2))]
)
def test_other_shapes_are_refused_in_one_line(tmp_path: Path, shape: tuple[int, ...], cues: tuple[int, int]) -> None:
    ranker = open_ranker(str(graph(tmp_path / "small.onnx")), threads=1)
    with pytest.raises(ModelError, match="model small got") as error:
        ranker(np.zeros(shape, np.uint8), np.zeros(cues, np.float32))
    assert "\n" not in str(error.value)


def test_models_that_are_no_rankers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="predicts classes, not scores"):
        open_ranker(str(graph(tmp_path / "classes.onnx", kind="classes")))
    with pytest.raises(ModelError, match="not a ranker"):
        open_ranker(str(graph(tmp_path / "other.onnx", inputs=("image", "tone"))))
    with pytest.raises(ModelError, match="other cues"):
        open_ranker(str(graph(tmp_path / "small.onnx")), ["focus", "noise"])
