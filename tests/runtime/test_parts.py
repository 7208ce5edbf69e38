"""Less work for the same answers: bytes enter as they are, and probabilities leave before they are upsampled."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smalti.card import UNLIKE
from smalti.enlarge import Enlarger
from smalti.runtime.graph import Graph
from smalti.runtime.models import BUNDLED, ModelFile, verify
from smalti.runtime.onnx import OnnxPredictor, exact_here, start
from smalti.runtime.parts import parts_of
from smalti.tiling import Window
from tests.coarse import MIDDLE, coarse_card, coarse_model
from tests.tiny import tiny_card, tiny_model, unlike_above

BYTES = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 48)).astype(np.uint8)
HOLES = np.where(BYTES > 250, np.nan, BYTES).astype(np.float32)


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    return verify(coarse_model(tmp_path / "coarse.onnx", coarse_card(unlike=unlike_above(0.5)), around=1.0))


def whole(model: ModelFile, batch: np.ndarray) -> dict[str, np.ndarray]:
    """What the file's own graph gives."""
    names = list(model.card.outputs)
    return dict(
        zip(
            names,
            start(exact_here(model).content, model.path, 1).run(names, {"image": batch.astype(np.float32)}),
            strict=True,
        )
    )


@pytest.mark.parametrize("batch", [BYTES, BYTES.astype(np.float32), BYTES.astype(np.int32), HOLES], ids=str)
def test_answers_are_those_of_the_whole_graph_to_the_last_bit(model: ModelFile, batch: np.ndarray) -> None:
    expected = whole(model, batch)
    found = OnnxPredictor(model, 1)(batch)
    assert list(found) == ["landcover", UNLIKE]
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_models_that_end_otherwise_are_run_whole() -> None:
    model = verify(BUNDLED / "landcover.onnx")
    predict = OnnxPredictor(model, 1)
    batch = np.random.default_rng(0).integers(0, 256, (1, 3, 64, 96)).astype(np.uint8)
    assert parts_of(model).ending is None and predict.coarse is None
    for name, values in whole(model, batch).items():
        np.testing.assert_array_equal(predict(batch)[name], values)


def test_coarse_answers_are_what_is_enlarged(model: ModelFile) -> None:
    predict = OnnxPredictor(model, 1)
    coarse = predict.coarse
    assert coarse is not None and coarse.factor == 4
    assert (coarse.card.tile, coarse.card.overlap, coarse.card.stride) == (8, 2, 1)
    found = coarse(BYTES)
    assert found["landcover"].shape == (2, 3, 8, 12)
    small = {"landcover": found["landcover"][0]}
    enlarged = Enlarger((32, 48), 4).add(Window(0, 0, 8, 12), small, np.ones((32, 48), bool))
    assert enlarged is not None
    np.testing.assert_allclose(enlarged[1]["landcover"], predict(BYTES)["landcover"][0], atol=1e-6)


@pytest.mark.parametrize(
    "resize",
    [
        {"mode": "nearest"},
        {"coordinate_transformation_mode": "align_corners"},
        {"coordinate_transformation_mode": "asymmetric"},
    ],
    ids=str,
)
def test_other_upsamplings_stay_in_the_graph(tmp_path: Path, resize: dict[str, Any]) -> None:
    model = verify(coarse_model(tmp_path / "other.onnx", coarse_card(), resize=resize))
    predict = OnnxPredictor(model, 1)
    assert predict.coarse is None
    np.testing.assert_array_equal(predict(BYTES)["landcover"], whole(model, BYTES)["landcover"])


def test_tiles_of_broken_coarse_pixels_are_blended_at_full_size(model: ModelFile) -> None:
    odd = replace(model, card=model.card.model_copy(update={"overlap": 10}))
    predict = OnnxPredictor(odd, 1)
    assert predict.coarse is None
    np.testing.assert_array_equal(predict(BYTES)["landcover"], whole(model, BYTES)["landcover"])


@pytest.mark.parametrize(
    ("changes", "scale", "exact"),
    [
        ({}, 1 / 127.5, True),
        ({"mean": (MIDDLE, MIDDLE, 0.5)}, 1 / 127.5, False),
        ({}, 1 / 127, False),
        ({"std": (0.5, 0.5, 0.4)}, 1 / 127.5, False),
        ({}, None, False),
    ],
    ids=str,
)
def test_bytes_enter_as_they_are_where_each_keeps_its_value(
    tmp_path: Path, changes: dict[str, Any], scale: float | None, exact: bool
) -> None:
    model = verify(coarse_model(tmp_path / "bytes.onnx", coarse_card(**changes), scale=scale))
    beginning = parts_of(model).beginning
    assert beginning is not None and beginning.exact == exact
    assert not {"Abs", "Less", "Where"} & {node.op for node in beginning.graph.nodes}
    every = np.arange(3 * 256).reshape(1, 3, 16, 16).astype(np.uint8)
    np.testing.assert_array_equal(OnnxPredictor(model, 1)(every)["landcover"], whole(model, every)["landcover"])


def test_other_pixels_than_bytes_keep_their_guard(tmp_path: Path) -> None:
    assert parts_of(verify(coarse_model(tmp_path / "a.onnx", coarse_card(dtype="uint16")))).beginning is None
    assert parts_of(verify(tiny_model(tmp_path / "b.onnx", tiny_card()))).beginning is None  # it has none


def test_constants_are_read(model: ModelFile) -> None:
    graph = Graph.load(model.content)
    numbers = {"middle": np.uint8(128), "scale": np.float32(1 / 127.5), "infinity": np.float32(np.inf)}
    for name, expected in numbers.items():
        found = graph.array(name)
        assert found is not None and found.dtype == expected.dtype and found == expected
    assert graph.array("image") is None
