"""Maps of a store made by the workers of a cluster: each delivers its own, and all are listed once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

import smalti as sm
from smalti.errors import ClusterError
from smalti.remote.address import parse_address
from smalti.remote.store import Store, StoreError
from smalti.workflows.map_result import MapResult
from smalti.workflows.on_cluster import check_folder
from tests.remote.loopback import Faulty, scene
from tests.remote.valid_stac import check_valid
from tests.tiny import tiny_model


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with two workers."""
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        yield cluster.scheduler_address


def content(address: str) -> bytes:
    found = Store(parse_address(address)).get(parse_address(address))
    assert found is not None, address
    return found[0]


def scenes(folder: Path) -> Path:
    for k in range(3):
        scene(folder / f"{k}.tif", k, east=500000 + 1000 * k)
    return folder


def linked(collection: bytes) -> list[str]:
    return [link["href"] for link in json.loads(collection)["links"] if link["rel"] == "item"]


@pytest.mark.slow
def test_each_worker_delivers_and_all_maps_are_listed_once(store: Faulty, tmp_path: Path, scheduler: str) -> None:
    folder, out = scenes(tmp_path / "in"), "s3://maps/cluster"
    (folder / "3.tif").write_bytes(b"no image")
    asked: dict[str, Any] = {"model": tiny_model(tmp_path / "tiny.onnx"), "scheduler": scheduler}
    found = list(sm.map_many([folder], out, **asked, options=sm.MapOptions(polygons=".parquet")))
    assert [type(each).__name__ for each in found] == ["MapResult"] * 3 + ["RasterError"]
    addresses = [each.addresses for each in found if isinstance(each, MapResult)]
    assert sorted(addresses) == [(f"{out}/{k}.tif", f"{out}/{k}.parquet") for k in range(3)]
    assert linked(content(f"{out}/collection.json")) == [f"./{k}.json" for k in range(3)]
    check_valid(json.loads(content(f"{out}/collection.json")), tmp_path)
    sm.map(folder / "1.tif", tmp_path / "alone.tif", model=asked["model"], cog=True)
    assert content(f"{out}/1.tif") == (tmp_path / "alone.tif").read_bytes()
    assert not [path for path in (tmp_path / "cache" / "smalti" / "stores").rglob("*") if path.is_file()]
    items = [content(f"{out}/{k}.json") for k in range(3)]
    again = list(sm.map_many([folder], out, **asked, options=sm.MapOptions(polygons=".parquet")))
    assert [each.summary for each in again if isinstance(each, MapResult)] == [None] * 3, [*map(str, again[2:])]
    assert [content(f"{out}/{k}.json") for k in range(3)] == items


def test_maps_of_a_folder_are_described_by_workers(tmp_path: Path, scheduler: str) -> None:
    folder, model = scenes(tmp_path / "in"), tiny_model(tmp_path / "tiny.onnx")
    asked: dict[str, Any] = {"model": model, "options": sm.MapOptions(stac=True)}
    assert len(list(sm.map_many([folder], f"{tmp_path}/both/", **asked, scheduler=scheduler))) == 3
    assert len(list(sm.map_many([folder], f"{tmp_path}/alone/", **asked))) == 3
    for name in ("collection.json", "0.tif", "1.tif", "2.tif"):
        assert (tmp_path / "both" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    assert {path.name for path in (tmp_path / "both").iterdir()} == {
        path.name for path in (tmp_path / "alone").iterdir()
    }


def test_one_scene_as_strips_goes_into_a_store(store: Faulty, tmp_path: Path, scheduler: str) -> None:
    tall, model = scene(tmp_path / "tall.tif", size=400), tiny_model(tmp_path / "tiny.onnx")
    done = sm.map(tall, "s3://maps/strips/tall.tif", model=model, scheduler=scheduler)
    assert done.addresses == ("s3://maps/strips/tall.tif",) and done.summary is not None
    assert json.loads(json.dumps(done.item)) == json.loads(content("s3://maps/strips/tall.json"))
    sm.map(tall, tmp_path / "alone.tif", model=model, cog=True)
    assert content("s3://maps/strips/tall.tif") == (tmp_path / "alone.tif").read_bytes()
    assert linked(content("s3://maps/strips/collection.json")) == ["./tall.json"]


def test_a_worker_that_does_not_see_the_folder_of_strips_is_one_line(tmp_path: Path) -> None:
    check_folder(tmp_path)
    with pytest.raises(ClusterError, match=r"a worker does not see .*none: strips of one scene need a folder"):
        check_folder(tmp_path / "none")


@pytest.mark.slow
def test_a_store_that_refuses_ends_the_run(
    store: Faulty, tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smalti.cluster.tasks.LATER_S", 0.01)
    folder, model = scenes(tmp_path / "in"), tiny_model(tmp_path / "tiny.onnx")
    store.go_wrong({"path": r"/maps/refuses/\d.tif$", "method": "PUT", "kind": "expired", "times": 999})
    found = list(sm.map_many([folder], "s3://maps/refuses/", model=model, scheduler=scheduler))
    assert len(found) == 1 and isinstance(found[0], StoreError) and "expired" in str(found[0])
    place = parse_address("s3://maps/refuses/collection.json")
    assert Store(place).get(place) is None
    store.go_wrong()
    found = list(sm.map_many([folder], "s3://maps/refuses/", model=model, scheduler=scheduler))
    assert [type(each).__name__ for each in found] == ["MapResult"] * 3
    assert linked(content("s3://maps/refuses/collection.json")) == [f"./{k}.json" for k in range(3)]
