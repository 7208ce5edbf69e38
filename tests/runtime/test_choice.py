"""The measurement behind `--engine auto`, on a clock that only predictions move."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from smalti.arrays import Floats, Pixels
from smalti.card import UNLIKE, Card, Task
from smalti.errors import MissingExtraError, ModelError
from smalti.files import user_cache
from smalti.runtime import choice
from smalti.runtime.choice import Choice, alike, fastest
from smalti.runtime.open import open_model
from smalti.scene import Coarse, Predictor
from tests.needs import need_engine
from tests.tiny import tiny_card, tiny_model, unlike_above


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Timed:
    """Gives known classes at a known speed; the share `wrong` of the pixels has others, and two of three tiles take
    `busy` times as long."""

    def __init__(self, clock: Clock, seconds: float, wrong: float = 0.0, busy: float = 1.0) -> None:
        self.card: Card = tiny_card()
        self._clock, self._seconds, self._wrong, self._busy = clock, seconds, wrong, busy
        self._calls = 0

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        self._calls += 1
        self._clock.now += self._seconds * (self._busy if self._calls % 3 else 1)
        height, width = batch.shape[2:]
        classes = np.arange(height * width).reshape(height, width) % 3
        classes.ravel()[: round(self._wrong * classes.size)] += 1
        return {"landcover": (np.arange(3)[:, None, None] == classes % 3)[None].astype(np.float32)}


class Machine:
    """Engines by name, and the names of those that were started."""

    def __init__(self) -> None:
        self.clock, self.started = Clock(), list[str]()
        self.engines: dict[str, Callable[[], Predictor]] = {}

    def has(self, engine: str, seconds: float, **more: float) -> None:
        self.engines[engine] = lambda: Timed(self.clock, seconds, **more)

    def start(self, engine: str) -> Predictor:
        self.started.append(engine)
        return self.engines[engine]()

    def choose(self, sha256: str = "a", threads: int | None = None) -> Choice:
        return fastest(self.start, sha256, threads)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    machine = Machine()
    monkeypatch.setattr("smalti.runtime.choice.time.perf_counter", machine.clock)
    monkeypatch.setattr(choice, "installed_engines", lambda: tuple(machine.engines))
    machine.has("onnx", 0.03)
    return machine


def kept() -> list[Path]:
    cache = user_cache()
    assert cache is not None
    return [*(cache / "engines").glob("*")] if cache.exists() else []


def test_one_engine_is_not_measured(machine: Machine) -> None:
    assert machine.choose() == Choice("onnx") and machine.started == [] and kept() == []


@pytest.mark.parametrize(("seconds", "engine"), [(0.02, "other"), (0.028, "onnx"), (0.05, "onnx")])
def test_another_engine_must_be_clearly_faster(machine: Machine, seconds: float, engine: str) -> None:
    machine.has("other", seconds)
    found = machine.choose()
    assert found.engine == engine
    figures = f"onnx 30, other {1e3 * seconds:.0f} ms per tile"
    assert found.said == (f"engine {engine} is used for tiny: {figures}",)
    assert machine.clock.now < 1.3


def test_slow_models_are_measured_on_a_few_tiles(machine: Machine) -> None:
    machine.has("onnx", 2.0)
    machine.has("other", 1.0)
    assert machine.choose().engine == "other"
    assert machine.clock.now == (2.0 + 1.0) * (1 + 3)


def test_a_measurement_is_kept_for_the_same_model_and_threads(machine: Machine) -> None:
    machine.has("other", 0.02)
    machine.choose()
    machine.has("other", 0.2)
    machine.started.clear()
    assert machine.choose() == Choice("other") and machine.started == []
    assert machine.choose(threads=7).engine == "onnx"
    assert machine.choose("b").engine == "onnx"
    assert len(kept()) == 3


def test_a_measurement_is_repeated_with_another_version_or_machine(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has("other", 0.02)
    machine.choose()
    for what, now in (("_versions", lambda: ["2"]), ("_processor", lambda: "another"), ("usable_cores", lambda: 99)):
        monkeypatch.setattr(choice, what, now)
        machine.started.clear()
        machine.choose()
        assert machine.started == ["onnx", "other"]


def test_an_engine_is_timed_without_its_last_upsampling_as_maps_are_made(machine: Machine) -> None:
    class Coarsened(Timed):
        @property
        def coarse(self) -> Coarse | None:
            return Coarse.of(self.card, 4, Timed(self._clock, 0.01))

    machine.engines["onnx"] = lambda: Coarsened(machine.clock, 0.03)
    machine.has("other", 0.02)
    assert machine.choose() == Choice("onnx", ("engine onnx is used for tiny: onnx 10, other 20 ms per tile",))


def test_what_a_busy_machine_finds_is_not_kept(machine: Machine) -> None:
    machine.has("onnx", 0.01, busy=3)
    machine.has("other", 0.02)
    found = machine.choose()
    assert found.engine == "other" and kept() == []
    assert found.said[0].endswith(
        "onnx 30, other 20 ms per tile; the machine is busy, so the next large map measures again"
    )
    machine.has("onnx", 0.01, busy=1.4)
    assert machine.choose().engine == "onnx" and len(kept()) == 1


def test_an_engine_that_is_gone_is_not_chosen(machine: Machine) -> None:
    machine.has("other", 0.02)
    assert machine.choose().engine == "other"
    [file] = kept()
    file.write_text(json.dumps({"engine": "third"}))
    assert machine.choose().engine == "other"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"engine": ["onnx"]}', b"\xff"])
def test_a_damaged_file_is_measured_again(machine: Machine, content: bytes) -> None:
    machine.has("other", 0.02)
    machine.choose()
    [file] = kept()
    file.write_bytes(content)
    assert machine.choose().said
    assert machine.choose().said == ()


def test_without_a_folder_to_write_to_every_call_measures(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.has("other", 0.02)
    cache = user_cache()
    assert cache is not None
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("a file")
    assert machine.choose().said and machine.choose().said
    monkeypatch.setattr(choice, "user_cache", lambda: None)
    assert machine.choose().engine == "other"


def test_an_engine_with_other_answers_is_not_used_and_said_once(machine: Machine) -> None:
    machine.has("other", 0.001, wrong=0.003)
    found = machine.choose()
    assert found.engine == "onnx"
    [line] = found.said
    assert line == (
        "engine other is not used for tiny: 99.71 % of its landcover on a test tile is that of onnx, "
        "expected 99.8 % at least"
    )
    assert machine.choose() == Choice("onnx")
    machine.has("other", 0.001, wrong=0.001)
    assert machine.choose("b").engine == "other"


@pytest.mark.parametrize("error", [ModelError("no kernels"), MissingExtraError("Other", "other")])
def test_an_engine_that_does_not_start_is_said_and_tried_again(machine: Machine, error: Exception) -> None:
    def refuse() -> Predictor:
        raise error

    machine.engines["other"] = refuse
    assert machine.choose() == Choice("onnx", (f"engine other is not used for tiny: {error}",))
    machine.has("other", 0.02)
    assert machine.choose().engine == "other"


def test_of_several_engines_the_right_and_fastest_is_taken(machine: Machine) -> None:
    machine.has("wrong", 0.001, wrong=0.5)
    machine.has("slow", 0.04)
    machine.has("fast", 0.01)
    found = machine.choose()
    assert found.engine == "fast" and len(found.said) == 2 and "onnx 30, slow 40, fast 10 ms" in found.said[1]


def test_predictions_are_compared_by_class_or_within_a_hundredth_of_the_spread() -> None:
    values = np.linspace(100, 200, 1000, dtype=np.float32).reshape(1, 1, 10, 100)
    off = values.copy()
    off[..., 0] += 2  # of 100
    assert alike(values, off, classes=False) == 0.99
    assert alike(values, values + np.float32(0.9), classes=False) == 1
    single = np.array([[0.5]], np.float32)
    assert alike(single, single * np.float32(1.001), classes=False) == 1
    assert alike(single, single * np.float32(1.1), classes=False) == 0
    assert alike(single * 0, single * 0, classes=False) == 1
    assert alike(values, np.full_like(values, np.nan), classes=True) == 0


def test_openvino_passes_the_self_test_of_every_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_engine("openvino")
    monkeypatch.setattr(choice, "_SECONDS", 0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tasks = (*tiny_card().tasks, Task(name="height", kind="value", unit="m"))
    path = str(tiny_model(tmp_path / "tiny.onnx", tiny_card(tasks=tasks, unlike=unlike_above(0.5))))
    answers = open_model(path)(np.zeros((1, 3, 8, 8), np.uint8))
    assert list(answers) == ["landcover", "height", UNLIKE]
    [line] = fastest(lambda engine: open_model(path, engine, threads=1), "tiny", 1).said
    assert ": onnx " in line and ", openvino " in line
