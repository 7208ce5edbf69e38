"""Maps made by the workers of a cluster, which run in this process or on this machine."""

import gc
import logging
import threading
from functools import partial
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import pytest
import rasterio
from affine import Affine
from distributed import get_worker

import smalti as sm
from smalti.cluster.connect import Connection, local_workers
from smalti.cluster.tasks import Calls, ask_each
from smalti.errors import (
    BusyError,
    ClusterError,
    GeoreferenceWarning,
    OptionError,
    OutputError,
    RasterError,
    SmaltiError,
    warn,
)
from smalti.lock import hold
from smalti.runtime.choice import Choice
from smalti.runtime.models import ModelFile
from smalti.runtime.onnx import OnnxPredictor
from smalti.runtime.open import ENGINES
from smalti.scene import Predictor
from smalti.workflows.map_result import MapResult
from smalti.workflows.worker_model import WorkerModel
from tests.conftest import Run
from tests.tiny import tiny_card, tiny_model


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    folder = tmp_path / "scenes"
    folder.mkdir()
    for k, height in enumerate((40, 150, 40, 50)):
        pixels = np.random.default_rng(k).integers(1, 255, (3, height, 60), np.uint8)
        place = {"crs": "EPSG:32633", "transform": Affine(0.3, 0, 5e5, 0, -0.3, 5e6)}
        shape = {"height": height, "width": 60, "count": 3, "dtype": "uint8"}
        with rasterio.open(folder / f"{k}.tif", "w", driver="GTiff", **shape, **place) as file:
            file.write(pixels)
    tiny_model(tmp_path / "tiny.onnx", tiny_card(tile=32, overlap=8))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_many_scenes_have_the_bytes_of_a_loop_and_errors_come_last(
    scenes: Path, tmp_path: Path, scheduler: str
) -> None:
    (scenes / "1a.tif").write_bytes(b"no image")
    asked: dict[str, Any] = {"model": tmp_path / "tiny.onnx", "options": sm.MapOptions(polygons=".gpkg")}
    alone = list(sm.map_many([scenes], f"{tmp_path}/alone/", **asked))
    heard: list[sm.Progress] = []
    found = list(sm.map_many([scenes], f"{tmp_path}/both/", **asked, scheduler=scheduler, progress=heard.append))
    assert [type(each) for each in found] == [MapResult] * 4 + [RasterError]
    assert str(found[-1]) == str(next(each for each in alone if isinstance(each, SmaltiError)))
    assert (heard[-1].done, heard[-1].total, heard[-1].unit) == (5, 5, "scenes")
    assert contents(tmp_path / "both") == contents(tmp_path / "alone")
    again = list(sm.map_many([scenes], f"{tmp_path}/both/", **asked, scheduler=scheduler))
    assert all(each.summary is None for each in again if isinstance(each, MapResult))


def test_one_scene_is_made_as_strips_with_the_bytes_of_a_single_run(
    scenes: Path, tmp_path: Path, scheduler: str
) -> None:
    asked: dict[str, Any] = {"model": tmp_path / "tiny.onnx", "confidence": True, "polygons": tmp_path / "p.geojson"}
    heard: list[sm.Progress] = []
    sm.map(scenes / "1.tif", tmp_path / "alone" / "map.tif", **asked)
    done = sm.map(scenes / "1.tif", tmp_path / "both" / "map.tif", **asked, scheduler=scheduler, progress=heard.append)
    assert done.summary is not None and done.summary.pixels == 150 * 60
    assert heard[-1].done == 150 * 60
    assert contents(tmp_path / "both") == contents(tmp_path / "alone")
    with pytest.raises(RasterError, match=r"broken\.tif"):
        (scenes / "broken.tif").write_bytes(b"no image")
        sm.map(scenes / "broken.tif", tmp_path / "b.tif", model=tmp_path / "tiny.onnx", scheduler=scheduler)


def test_a_map_that_another_process_makes_is_waited_for(
    scenes: Path, tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("smalti.workflows.map_on_cluster", "smalti.cluster.tasks"):
        monkeypatch.setattr(f"{place}.LATER_S", 0.05)
    said: list[str] = []
    ready = threading.Event()

    def show(progress: sm.Progress) -> None:
        said.append(progress.note)
        if progress.note.startswith("waiting:"):
            ready.set()

    asked: dict[str, Any] = {"model": tmp_path / "tiny.onnx", "scheduler": scheduler}
    got: list[MapResult | SmaltiError] = []
    many = threading.Thread(target=lambda: got.extend(sm.map_many([scenes], f"{tmp_path}/m/", **asked, progress=show)))
    with hold(tmp_path / "m" / "2.tif"):
        many.start()
        assert ready.wait(60)
    many.join(60)
    assert [type(each) for each in got] == [MapResult] * 4
    assert sum("2.tif: PID" in note for note in said) == 1

    one = threading.Thread(target=sm.map, args=(scenes / "0.tif", tmp_path / "one.tif"), kwargs=asked)
    with hold(tmp_path / "one.tif"):
        one.start()
        one.join(0.5)
        assert one.is_alive() and not (tmp_path / "one.tif").exists()
    one.join(60)
    assert (tmp_path / "one.tif").exists()


def test_workers_take_the_engine_that_has_begun_a_map(
    scenes: Path, tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []

    def start(engine: str, model: ModelFile, threads: int | None) -> Predictor:
        used.append(engine)
        return OnnxPredictor(model, threads)

    def kill(now: sm.Progress) -> None:
        if now.share > 0.3:
            raise KeyboardInterrupt

    for engine in ("onnx", "other"):
        monkeypatch.setitem(ENGINES, engine, partial(start, engine))
    monkeypatch.setattr("smalti.runtime.choice.fastest", lambda *_: Choice("other"))
    monkeypatch.setattr("smalti.workflows.engine.FEWEST_TILES", 1)
    out, asked = tmp_path / "m.tif", dict[str, Any](model=tmp_path / "tiny.onnx")
    sm.map(scenes / "1.tif", tmp_path / "strips.tif", **asked, scheduler=scheduler)
    list(sm.map_many([scenes], f"{tmp_path}/maps/", **asked, scheduler=scheduler))
    assert set(used) == {"onnx"}
    with pytest.raises(KeyboardInterrupt):
        sm.map(scenes / "1.tif", out, **asked, progress=kill)
    used.clear()
    sm.map(scenes / "1.tif", out, **asked, scheduler=scheduler)
    assert "other" in used


def replies(scheduler: str, function: Any, arguments: list[Any]) -> tuple[dict[int, Any], list[str]]:
    said: list[str] = []
    with Connection(scheduler) as connection:
        found = dict(Calls(connection, function, arguments, said.append).replies())
    return found, said


_full: set[str] = set()
_choosing = threading.Lock()


def full_on_one_worker(argument: int) -> str:
    with _choosing:
        _full.add(get_worker().address) if not _full else None
    if get_worker().address in _full:
        raise OutputError("no space left on device")
    return f"{argument} here"


def test_another_worker_may_have_room_and_the_full_one_is_told_of_once(scheduler: str) -> None:
    _full.clear()
    found, said = replies(scheduler, full_on_one_worker, [*range(20)])
    assert [found[number].result for number in range(20)] == [f"{number} here" for number in range(20)]
    assert len(said) == 1 and said[0].endswith("no space left on device; another worker tries")


def nobody_has_room(argument: int) -> str:
    if argument == 2:
        raise MemoryError("5 GB")
    warn(GeoreferenceWarning(f"{argument} warns"))
    raise OutputError("no space left on device")


def test_errors_and_warnings_come_back(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.cluster.tasks.LATER_S", 0.01)
    found, said = replies(scheduler, nobody_has_room, [1, 2])
    assert str(found[0].result) == "no space left on device" and isinstance(found[0].result, OutputError)
    assert [str(warning) for warning in found[0].warnings] == ["1 warns"]
    assert "not enough memory on worker inproc://" in str(found[1].result) and "(5 GB)" in str(found[1].result)
    assert len(said) == 2  # one for each worker, of four tries


def defect(argument: int) -> None:
    raise ZeroDivisionError(argument)


def test_a_defect_is_not_hidden(scheduler: str) -> None:
    with pytest.raises(ZeroDivisionError):
        replies(scheduler, defect, [1])


@pytest.mark.parametrize("text", ["local:0", "local:", "locally", "10.0.0.1", ""])
def test_what_is_no_scheduler_is_one_line(text: str, scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="scheduler is"):
        sm.map(scenes / "0.tif", tmp_path / "m.tif", model=tmp_path / "tiny.onnx", scheduler=text)
    assert local_workers("local:3") == 3
    for address in ("tcp://host:8786", "localhost:8786", "local-1.lan:8786"):
        assert local_workers(address) is None


def test_an_address_where_nobody_answers_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.cluster.connect.CONNECT_S", 0.3)
    for address in ("tcp://127.0.0.1:9", "127.0.0.1:9", "nothing://127.0.0.1:9"):
        with pytest.raises(ClusterError, match=r"127\.0\.0\.1:9: no scheduler answers .*check the address"):
            Connection(address).__enter__()
        left = [each for each in gc.get_objects() if type(each) is distributed.Client]
        assert not [each for each in left if each.status != "closed"]  # its finalizer could wait for ever


def test_dask_itself_says_nothing_while_connected(scheduler: str) -> None:
    logs = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [log.level for log in logs]
    with Connection(scheduler):
        assert not any(log.isEnabledFor(logging.CRITICAL) for log in logs)
    assert [log.level for log in logs] == levels


def test_other_versions_are_refused_before_the_first_task(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("smalti.cluster.connect.__version__", "9.9")
        with pytest.raises(ClusterError, match=r"worker inproc://.*: has smalti 0.*; install smalti 9\.9 there"):
            Connection(scheduler).__enter__()
    there = distributed.__version__
    monkeypatch.setattr("distributed.__version__", "1.0")
    with pytest.raises(ClusterError, match=rf"the scheduler has distributed {there}, here is 1\.0; install the same"):
        Connection(scheduler).__enter__()


def test_another_model_of_that_name_is_refused(scenes: Path, tmp_path: Path, scheduler: str) -> None:
    model = sm.open_model(tmp_path / "tiny.onnx")
    tiny_model(tmp_path / "tiny.onnx", tiny_card(tile=64))
    with pytest.raises(ClusterError, match=r"a worker has another model .*tiny\.onnx \(sha256 \w{8}, here \w{8}\)"):
        sm.map(scenes / "0.tif", tmp_path / "m.tif", model=model, scheduler=scheduler)
    (tmp_path / "tiny.onnx").unlink()
    with pytest.raises(ClusterError, match=r"a worker cannot open the model: .*tiny\.onnx"):
        WorkerModel(f"{tmp_path}/tiny.onnx", "auto", None, None, model.sha256).opened()


def busy(argument: int) -> None:
    raise BusyError("asked")


def test_workers_are_asked_one_by_one(scheduler: str) -> None:
    with Connection(scheduler) as connection, pytest.raises(ClusterError, match=r"worker inproc://.*: asked"):
        ask_each(connection, busy, 1)


@pytest.mark.slow
def test_a_folder_on_a_cluster_of_this_machine(scenes: Path, tmp_path: Path, smalti: Run) -> None:
    (scenes / "1a.tif").write_bytes(b"no image")
    arguments = ("map", "scenes", "-o", "maps/", "--model", "tiny.onnx", "--scheduler")
    done = smalti(*arguments, "local:2", check=False)
    lines = done.stderr.splitlines()
    assert done.returncode == 3 and lines[-1].startswith("smalti: scenes/1a.tif: "), done.stderr
    assert len(list((tmp_path / "maps").glob("*.tif"))) == 4 and len(lines) == 1
    assert smalti(*arguments, "local:x", check=False).returncode == 2
    assert not list((tmp_path / "maps").glob("*.lock"))
