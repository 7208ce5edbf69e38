"""Maps whose engine is left to the program: it is chosen once for each map, and kept until the map is finished."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

import smalti as sm
from smalti.arrays import Floats, Pixels
from smalti.card import Card
from smalti.errors import MissingExtraError, ModelError
from smalti.runtime import open as engines
from smalti.runtime.choice import Choice
from smalti.runtime.models import ModelFile
from smalti.scene import Predictor
from smalti.workflows import engine as place
from tests.tiny import tiny_card, tiny_model


class Other:
    """Another engine, whose class is the next one; it can be killed at a call."""

    killed_at = 10**9

    def __init__(self, model: ModelFile, threads: int | None) -> None:
        self._same = engines.ENGINES["onnx"](model, threads)
        self._calls = 0

    @property
    def card(self) -> Card:
        return self._same.card

    def __call__(self, batch: Pixels) -> dict[str, Floats]:
        self._calls += 1
        if self._calls == Other.killed_at:
            raise KeyboardInterrupt
        return {name: np.roll(values, 1, axis=1) for name, values in self._same(batch).items()}


class Chosen:
    """In place of the measurement: its result, and how often it was asked for."""

    def __init__(self) -> None:
        self.engine, self.asked = "other", 0

    def __call__(self, start: Callable[[str], Predictor], sha256: str, threads: int | None) -> Choice:
        self.asked += 1
        return Choice(self.engine, (f"{self.engine} it is",))


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Chosen:
    """Two engines; maps of four tiles are worth a measurement."""
    found = Chosen()
    monkeypatch.setitem(engines.ENGINES, "other", Other)
    monkeypatch.setattr("smalti.runtime.choice.fastest", found)
    monkeypatch.setattr(place, "FEWEST_TILES", 4)
    return found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "tiny.onnx", tiny_card(tile=32, overlap=8))


def scene(path: Path, size: int = 80) -> Path:
    """An image of one class, most red: nine tiles at 80 pixels, one at 32."""
    place = {"crs": "EPSG:32633", "transform": Affine(0.3, 0, 5e5, 0, -0.3, 5e6)}
    with rasterio.open(path, "w", "GTiff", size, size, 3, dtype="uint8", **place) as file:
        file.write(np.broadcast_to(np.array([200, 50, 50], np.uint8)[:, None, None], (3, size, size)))
    return path


def engine_of(path: Path) -> str:
    """Which engine has made a map of `scene`."""
    with rasterio.open(path) as file:
        [number] = np.unique(file.read(1))
    return {0: "onnx", 1: "other"}[int(number)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_large_maps_get_the_chosen_engine_and_say_so_once(tmp_path: Path, model: Path, chosen: Chosen) -> None:
    notes: list[str] = []
    scenes = [scene(tmp_path / f"{name}.tif") for name in "ab"]
    done = list(sm.map_many(scenes, f"{tmp_path}/maps/", model=model, progress=lambda now: notes.append(now.note)))
    assert [engine_of(each.path) for each in done if isinstance(each, sm.MapResult)] == ["other", "other"]
    assert chosen.asked == 1 and notes.count("other it is") == 1


def test_test_time_augmentation_goes_through_the_chosen_engine(tmp_path: Path, model: Path, chosen: Chosen) -> None:
    assert engine_of(sm.map(scene(tmp_path / "a.tif"), tmp_path / "m.tif", model=model, tta=True).path) == "other"


def test_small_maps_and_named_engines_are_not_measured(tmp_path: Path, model: Path, chosen: Chosen) -> None:
    small, large = scene(tmp_path / "small.tif", 32), scene(tmp_path / "large.tif")
    assert engine_of(sm.map(small, tmp_path / "s.tif", model=model).path) == "onnx"
    assert engine_of(sm.map(large, tmp_path / "l.tif", model=sm.open_model(model, "onnx")).path) == "onnx"
    assert engine_of(sm.map(large, tmp_path / "o.tif", model=sm.open_model(model, "other")).path) == "other"
    assert (sm.predict(large, model).classes == 0).all()
    assert chosen.asked == 0


def test_many_small_maps_count_together(tmp_path: Path, model: Path, chosen: Chosen) -> None:
    scenes = [scene(tmp_path / f"{k}.tif", 32) for k in range(4)]
    done = list(sm.map_many(scenes, f"{tmp_path}/maps/", model=model))
    assert [engine_of(each.path) for each in done if isinstance(each, sm.MapResult)] == ["other"] * 4


def test_several_machines_use_the_engine_that_all_have(tmp_path: Path, model: Path, chosen: Chosen) -> None:
    large = scene(tmp_path / "a.tif")
    [done] = sm.map_many([large], f"{tmp_path}/maps/", model=model, shard="0/2")
    assert isinstance(done, sm.MapResult) and engine_of(done.path) == "onnx"
    sm.mosaic(large, tmp_path / "out", model=model, tile=64, shard="0/2")
    assert chosen.asked == 0


@pytest.mark.parametrize("first", ["other", "onnx"])
def test_a_killed_map_is_finished_by_the_engine_that_has_begun_it(
    tmp_path: Path, model: Path, chosen: Chosen, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    large = scene(tmp_path / "a.tif")
    run = partial(sm.map, large, model=model, confidence=True)
    chosen.engine = first
    run(tmp_path / "whole" / "m.tif")

    def kill(now: sm.Progress) -> None:
        if now.share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed" / "m.tif", progress=kill)
    assert list((tmp_path / "killed" / "m.tif.partial").glob("rows_*"))
    chosen.engine = "onnx" if first == "other" else "other"
    asked = chosen.asked
    done = run(tmp_path / "killed" / "m.tif")
    assert done.summary is not None and done.summary.pixels < 80 * 80 and chosen.asked == asked
    assert engine_of(done.path) == first and contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_finished_map_stays_whatever_would_be_chosen_now(tmp_path: Path, model: Path, chosen: Chosen) -> None:
    large, out = scene(tmp_path / "a.tif"), tmp_path / "m.tif"
    sm.map(large, out, model=model)
    chosen.engine = "onnx"
    asked = chosen.asked
    assert sm.map(large, out, model=model).summary is None
    assert engine_of(out) == "other" and chosen.asked == asked


def test_a_map_cannot_go_on_without_the_engine_that_has_begun_it(
    tmp_path: Path, model: Path, chosen: Chosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, out = scene(tmp_path / "a.tif"), tmp_path / "m.tif"
    monkeypatch.setattr(Other, "killed_at", 8)
    with pytest.raises(KeyboardInterrupt):
        sm.map(large, out, model=model)
    strips = contents(tmp_path / "m.tif.partial")
    (tmp_path / "m.tif.partial" / "engine").write_text("openvino")
    monkeypatch.delitem(sys.modules, "smalti.runtime.openvino", raising=False)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"^OpenVINO, with which this map was begun, is not installed; install"):
        sm.map(large, out, model=model)
    assert contents(tmp_path / "m.tif.partial").keys() == strips.keys()
    assert engine_of(sm.map(large, out, model=sm.open_model(model, "onnx")).path) == "onnx"


def test_a_model_that_changes_meanwhile_is_one_line(tmp_path: Path, model: Path, chosen: Chosen) -> None:
    net = sm.open_model(model)
    tiny_model(model, tiny_card(tile=64))
    with pytest.raises(ModelError, match=r"tiny\.onnx: has changed since it was opened; run again"):
        sm.map(scene(tmp_path / "a.tif"), tmp_path / "m.tif", model=net)


def test_a_model_starts_on_another_engine_with_its_threads(model: Path, chosen: Chosen) -> None:
    threads: list[int | None] = []

    def start(file: ModelFile, count: int | None) -> Predictor:
        threads.append(count)
        return Other(file, count)

    engines.ENGINES["other"] = start
    net = replace(sm.open_model(model, threads=3), threads=None)  # as workers have it, where no number was asked for
    assert net.on("other").card.name == "tiny" and threads == [3]


def test_tiles_of_a_mosaic_get_the_chosen_engine(tmp_path: Path, model: Path, chosen: Chosen) -> None:
    large = scene(tmp_path / "a.tif")
    done = sm.mosaic(large, tmp_path / "out", model=model, tile=64)
    made = [tile for tile in done.tiles if tile.summary is not None]
    found = set[int]()
    for tile in made:
        with rasterio.open(tile.path) as file:
            found |= {int(number) for number in np.unique(file.read(1))}
    assert found == {1, 255} and len(made) > 1 and chosen.asked == 1
