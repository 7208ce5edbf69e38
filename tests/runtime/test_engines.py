from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from smalti.card import UNLIKE, Card, Task
from smalti.enlarge import Enlarger
from smalti.errors import MissingExtraError, ModelError
from smalti.runtime.batch import usable_cores
from smalti.runtime.models import seal
from smalti.runtime.open import Engine, open_model
from smalti.scene import Predictor, coarse_of
from smalti.tiling import Window
from tests.coarse import coarse_card, coarse_model
from tests.needs import need_engine, openvino_refuses
from tests.tiny import tiny_card, tiny_model, unlike_above

Opener = Callable[[Card], Predictor]


class EngineContract:
    """What every engine must do alike."""

    engine: Engine

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opener:
        return lambda card: open_model(str(tiny_model(tmp_path / "tiny.onnx", card)), self.engine, threads=1)

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
    def test_any_dtype_gives_the_brightest_band(self, opened: Opener, dtype: str) -> None:
        batch = np.random.default_rng(0).integers(0, 255, (2, 3, 8, 12)).astype(dtype)
        answer = opened(tiny_card())(batch)["landcover"]
        assert answer.dtype == np.float32 and answer.shape == (2, 3, 8, 12)
        np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)
        x = batch.astype(np.float64) / 255 * 50
        expected = np.exp(x - x.max(axis=1, keepdims=True))
        np.testing.assert_allclose(answer, expected / expected.sum(axis=1, keepdims=True), atol=1e-5)

    def test_shapes_may_change_from_call_to_call(self, opened: Opener) -> None:
        model = opened(tiny_card())
        for shape in [
            (1, 3, 8, 8),
            (3, 3, 8, 8),
            (1, 3, 16, 4),
            (1, 3, 1, 1),
            (1, 3, 5, 7),
            (2, 3, 8, 8),
            (1, 3, 8, 8),
        ]:
            assert model(np.zeros(shape, np.uint8))["landcover"].shape == shape

    def test_an_answer_is_not_overwritten_by_the_next(self, opened: Opener) -> None:
        model = opened(tiny_card())
        first = model(np.full((1, 3, 4, 4), 7, np.uint8))["landcover"]
        kept = first.copy()
        batch = np.zeros((1, 3, 4, 4), np.uint8)
        batch[:, 1] = 255
        model(batch)
        np.testing.assert_array_equal(first, kept)

    def test_several_threads_get_their_own_answers(self, opened: Opener) -> None:
        model = opened(tiny_card())
        batches = [np.random.default_rng(k).integers(0, 255, (1, 3, 64, 64), np.uint8) for k in range(16)]
        expected = [model(batch)["landcover"] for batch in batches]
        with ThreadPoolExecutor(4) as pool:
            for answer, known in zip(pool.map(model, batches), expected, strict=True):
                np.testing.assert_allclose(answer["landcover"], known, atol=1e-5)

    def test_strided_input_is_taken(self, opened: Opener) -> None:
        model = opened(tiny_card())
        batch = np.random.default_rng(1).integers(0, 255, (8, 8, 3), np.uint8)
        turned = np.rot90(batch, axes=(0, 1)).transpose(2, 0, 1)[None]
        np.testing.assert_allclose(model(turned)["landcover"], model(turned.copy())["landcover"], atol=1e-6)

    def test_several_tasks_answer_by_name(self, opened: Opener) -> None:
        tasks = (Task(name="height", kind="value", unit="m"), Task(name="cover", labels=("a", "b")))
        answers = opened(tiny_card(tasks=tasks, scale=1.0))(np.full((1, 3, 4, 6), 9, np.uint8))
        assert list(answers) == ["height", "cover"]
        np.testing.assert_allclose(answers["height"], np.full((1, 1, 4, 6), 9), rtol=1e-6)
        np.testing.assert_allclose(answers["cover"], np.full((1, 2, 4, 6), 0.5), rtol=1e-6)

    def test_how_unlike_the_training_an_image_is_comes_with_the_tasks(self, opened: Opener) -> None:
        batch = np.random.default_rng(0).integers(0, 255, (3, 3, 8, 12), np.uint8)
        answers = opened(tiny_card(unlike=unlike_above(0.5)))(batch)
        assert list(answers) == ["landcover", UNLIKE] and answers[UNLIKE].dtype == np.float32
        np.testing.assert_allclose(answers[UNLIKE], batch.mean((1, 2, 3))[:, None] / 255, rtol=1e-5)
        assert list(opened(tiny_card())(batch)) == ["landcover"]

    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_answers_before_the_last_upsampling_are_those_that_are_upsampled(self, tmp_path: Path, dtype: str) -> None:
        path = coarse_model(tmp_path / "coarse.onnx", coarse_card(unlike=unlike_above(0.5)), around=1.0)
        model = open_model(str(path), self.engine, threads=1)
        coarse = coarse_of(model)
        assert coarse is not None and coarse.factor == 4 and coarse.card.tile == 8
        batch = np.random.default_rng(0).integers(0, 255, (2, 3, 32, 48)).astype(dtype)
        whole, small = model(batch), coarse(batch)
        assert small["landcover"].shape == (2, 3, 8, 12)
        np.testing.assert_allclose(small[UNLIKE], whole[UNLIKE], rtol=1e-6)
        for one, other in zip(small["landcover"], whole["landcover"], strict=True):
            added = Enlarger((32, 48), 4).add(Window(0, 0, 8, 12), {"landcover": one}, np.ones((32, 48), bool))
            assert added is not None
            np.testing.assert_allclose(added[1]["landcover"], other, atol=1e-5)
        assert coarse_of(open_model(str(tiny_model(tmp_path / "tiny.onnx")), self.engine, threads=1)) is None

    @pytest.mark.parametrize("shape", [(1, 4, 8, 8), (3, 8, 8), (1, 3, 0, 8)])
    def test_wrong_shapes_are_refused(self, opened: Opener, shape: tuple[int, ...]) -> None:
        with pytest.raises(ModelError, match="red, green, blue"):
            opened(tiny_card())(np.zeros(shape, np.uint8))

    def test_a_card_that_is_not_the_graphs_is_refused(self, tmp_path: Path) -> None:
        path = tiny_model(tmp_path / "tiny.onnx")
        seal(path, tiny_card(tasks=(Task(name="trees", kind="value"),)))
        with pytest.raises(ModelError, match="trees"):
            open_model(str(path), self.engine)
        seal(path, tiny_card(unlike=unlike_above(0.5)))
        with pytest.raises(ModelError, match="the graph lacks outputs that its card states: unlike"):
            open_model(str(path), self.engine)

    def test_a_graph_the_engine_refuses_is_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "odd.onnx"
        path.write_bytes(b"\x08\x08\x3a\x02\x0a\x00")
        seal(path, tiny_card())
        with pytest.raises(ModelError) as error:
            open_model(str(path), self.engine)
        assert "\n" not in str(error.value)


class TestOnnxRuntime(EngineContract):
    engine: Engine = "onnx"


class TestAuto(EngineContract):
    engine: Engine = "auto"


class TestOpenVino(EngineContract):
    engine: Engine = "openvino"

    @pytest.fixture(autouse=True)
    def _needs_openvino(self) -> None:
        need_engine("openvino")


def test_engines_agree(tmp_path: Path) -> None:
    need_engine("openvino")
    path = str(tiny_model(tmp_path / "tiny.onnx"))
    batch = np.random.default_rng(0).integers(0, 255, (1, 3, 32, 32), np.uint8)
    onnx, openvino = (open_model(path, engine, 1)(batch)["landcover"] for engine in ("onnx", "openvino"))
    np.testing.assert_allclose(onnx, openvino, atol=1e-5)


def test_without_openvino_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "smalti.runtime.openvino", raising=False)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"smalti\[openvino\]"):
        open_model(str(tiny_model(tmp_path / "tiny.onnx")), "openvino")


def refuse_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO as it is on a processor for which it has no kernels."""
    pytest.importorskip("smalti.runtime.openvino", exc_type=MissingExtraError)
    from smalti.runtime.openvino import openvino

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("Exception from src/core.cpp:117:\nException from src/plugin.cpp:54:\nbad combination\n\n")

    monkeypatch.setattr(openvino.Core, "compile_model", refuse)


def test_openvino_is_refused_before_it_has_work_where_it_cannot_compile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_compile(monkeypatch)
    with pytest.raises(ModelError) as error:
        open_model(str(tiny_model(tmp_path / "tiny.onnx")), "openvino")
    assert "cannot compile it for this processor: bad combination; use ONNX Runtime" in str(error.value)
    assert str(error.value).endswith("--engine onnx") and "core.cpp" not in str(error.value)


def test_auto_answers_where_openvino_cannot_compile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_compile(monkeypatch)
    assert open_model(str(tiny_model(tmp_path / "tiny.onnx")))(np.zeros((1, 3, 8, 8), np.uint8))


def test_tests_of_an_engine_are_skipped_where_it_cannot_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_compile(monkeypatch)
    openvino_refuses.cache_clear()
    try:
        with pytest.raises(pytest.skip.Exception, match="this processor: bad combination"):
            need_engine("openvino")
    finally:
        openvino_refuses.cache_clear()


def test_a_graph_of_several_inputs_is_refused_by_openvino() -> None:
    need_engine("openvino")
    with pytest.raises(ModelError, match="2 inputs"):
        open_model("bestshot", "openvino")


def test_what_fails_while_openvino_runs_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_engine("openvino")
    from smalti.runtime.openvino import OpenVinoPredictor

    class Failing:
        def infer(self, _: object) -> None:
            raise RuntimeError("Exception from src/infer.cpp:3:\nno memory\n")

    model = open_model(str(tiny_model(tmp_path / "tiny.onnx")), "openvino")
    monkeypatch.setattr(OpenVinoPredictor, "_request", lambda *_: Failing())
    with pytest.raises(ModelError, match=r"a batch of shape \(1, 3, 8, 8\): no memory$"):
        model(np.zeros((1, 3, 8, 8), np.uint8))


def test_at_least_one_core() -> None:
    assert usable_cores() >= 1
