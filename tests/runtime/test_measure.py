import os
import sys
from pathlib import Path

import numpy as np
import pytest

from smalti.errors import ModelError
from smalti.runtime import energy, measure
from smalti.runtime.measure import Case, measure_alone, noisy_patches
from smalti.runtime.open import installed_engines, open_model
from smalti.scene import Coarse, coarse_of
from tests.coarse import coarse_card, coarse_model
from tests.tiny import tiny_card, tiny_model


def test_it_measures_at_least_three_tiles(tmp_path: Path) -> None:
    found = measure.measure(Case(str(tiny_model(tmp_path / "tiny.onnx")), "onnx", 1, 64), 0)
    assert len(found.times) == 3 and 0 < found.median < found.opened + 1
    assert found.sample.shape == (3, 4, 4)
    assert found.peak > 10e6


@pytest.mark.parametrize("engine", installed_engines())
def test_tiles_are_timed_as_maps_are_made_and_compared_at_full_size(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, asked = str(coarse_model(tmp_path / "coarse.onnx", coarse_card())), list[tuple[int, ...]]()
    predict = open_model(path, engine, 1)
    inside = coarse_of(predict)
    assert inside is not None

    def ask(batch: np.ndarray) -> dict[str, np.ndarray]:
        asked.append(batch.shape)
        return inside.ask(batch)

    class Watched:
        card, coarse = predict.card, Coarse(inside.card, inside.factor, ask)

        def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
            assert len(asked) == 4  # after all timed tiles, whose peak is measured
            return predict(batch)

    monkeypatch.setattr(measure, "open_model", lambda *given: Watched())
    assert measure.measure(Case(path, engine, 1, 64), 0).sample.shape == (3, 4, 4)
    assert asked == [(1, 3, 64, 64)] * 4


def test_it_runs_in_a_process_of_its_own_and_raises_its_errors(tmp_path: Path) -> None:
    case = Case(str(tiny_model(tmp_path / "tiny.onnx")), "onnx", 1, 64)
    alone = measure_alone(case, 0)
    np.testing.assert_array_equal(alone.sample, measure.measure(case, 0).sample)
    with pytest.raises(ModelError, match="no such model file"):
        measure_alone(Case(str(tmp_path / "none.onnx"), "onnx", 1, 64), 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a new process counts only its own memory anyway")
def test_the_peak_is_not_that_of_the_process_that_asks(tmp_path: Path) -> None:
    ballast = np.ones(1 << 26)  # 512 MB
    assert measure_alone(Case(str(tiny_model(tmp_path / "tiny.onnx")), "onnx", 1, 64), 0).peak < ballast.nbytes


def die(case: Case, seconds: float) -> None:
    os._exit(9)


def test_a_killed_process_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "measure", die)
    with pytest.raises(ModelError, match=r"own\.onnx: its process was killed with onnx at tiles of 4096 pixels"):
        measure_alone(Case("own.onnx", "onnx", 1, 4096), 0)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_tiles_have_the_type_and_the_bands_of_the_card(dtype: str) -> None:
    tile = noisy_patches(tiny_card(("a", "b"), dtype=dtype), 40)
    assert tile.dtype == dtype and tile.shape == (1, 2, 40, 40)
    assert tile.std() > 0


def counter(folder: Path, zone: str, name: str, microjoules: int) -> Path:
    (folder / zone).mkdir(parents=True)
    (folder / zone / "name").write_text(f"{name}\n")
    (folder / zone / "max_energy_range_uj").write_text("10000000\n")
    (folder / zone / "energy_uj").write_text(f"{microjoules}\n")
    return folder / zone / "energy_uj"


def test_energy_of_all_processors_also_over_an_overflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    first, second = (counter(tmp_path, f"intel-rapl:{k}", f"package-{k}", 9_000_000) for k in range(2))
    counter(tmp_path, "intel-rapl:0:0", "core", 5)
    counter(tmp_path, "intel-rapl:2", "psys", 5)
    used = energy.Energy()
    first.write_text("9500000")
    second.write_text("1000000")  # 10 J is its largest value
    assert used.joules() == pytest.approx(0.5 + 2)
    second.unlink()
    assert used.joules() is None


def test_no_counter_no_energy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(energy, "POWERCAP", tmp_path / "none")
    assert energy.Energy().joules() is None
