"""Maps go from catalogues and stores to stores, whatever goes wrong, and are described by STAC."""

import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import pyarrow.parquet
import pytest
import rasterio

import smalti as sm
from smalti.errors import BusyError, OptionError, OutputError, RasterError, UnreachableError
from smalti.remote import store as store_module
from smalti.remote.address import parse_address
from smalti.remote.lease import leased_object
from smalti.remote.query import Query
from smalti.remote.store import Store, StoreError
from smalti.workflows.map_result import MapResult
from tests.remote.loopback import Faulty, scene, set_environment
from tests.remote.valid_stac import check_valid
from tests.tiny import tiny_model


def _model() -> sm.OpenModel:
    """One that knows its answers by heart; its tiles have 64 pixels."""
    folder = Path(tempfile.mkdtemp())
    try:
        return sm.open_model(tiny_model(folder / "tiny.onnx"), threads=1)
    finally:
        shutil.rmtree(folder)


MODEL = _model()


def mapped(names: str | Sequence[str], out: str, query: Query = Query(), **options: Any) -> list[MapResult]:
    found = list(sm.map_many([names] if isinstance(names, str) else names, out, model=MODEL, query=query,
                             options=sm.MapOptions(**options)))  # fmt: skip
    for result in found:
        if not isinstance(result, MapResult):
            raise result
    return [result for result in found if isinstance(result, MapResult)]


def names(prefix: str) -> set[str]:
    place = parse_address(prefix)
    found = obstore.list(Store(place)._opened, place.key).collect()
    return {str(entry["path"]).removeprefix(f"{place.key}/") for entry in found}


def content(address: str) -> bytes:
    found = Store(parse_address(address)).get(parse_address(address))
    assert found is not None
    return found[0]


@pytest.mark.slow
def test_a_search_is_mapped_into_a_store(store: Faulty, web: Faulty, folder: Path, tmp_path: Path) -> None:
    out, query = "s3://maps/search", Query(where=["eo:cloud_cover<15"])
    first = mapped(f"{web.url}/catalog.json", out, query, polygons=".parquet", confidence=True)
    assert [result.addresses[0] for result in first] == [f"{out}/scene-0.tif", f"{out}/scene-1.tif"]
    of_one = {f"scene-0{end}" for end in (".tif", ".tif.aux.xml", ".qml", "_confidence.tif", "_confidence.tif.aux.xml",
                                          ".parquet", ".json")}  # fmt: skip
    assert of_one < names(out) and not {name for name in names(out) if name.endswith(".lock")}
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    again = mapped(f"{web.url}/catalog.json", out, polygons=".parquet", confidence=True)
    assert [result.summary is None for result in again] == [True, True, False]
    assert again[0].polygon_count == first[0].polygon_count and again[0].grid == first[0].grid

    sm.map(folder / "c" / "scene-0.tif", tmp_path / "local.tif", model=MODEL, cog=True)
    assert content(f"{out}/scene-0.tif") == (tmp_path / "local.tif").read_bytes()
    collection = json.loads(content(f"{out}/collection.json"))
    check_valid(collection, tmp_path)
    assert [link["href"] for link in collection["links"] if link["rel"] == "item"] == [
        f"./scene-{k}.json" for k in range(3)
    ]
    assert collection["extent"]["temporal"]["interval"] == [["2024-01-15T00:00:00Z", "2024-03-15T00:00:00Z"]]
    rows = pyarrow.parquet.read_table(io.BytesIO(content(f"{out}/index.parquet"))).to_pylist()
    assert [row["map"] for row in rows] == [f"{out}/scene-{k}.tif" for k in range(3)]
    assert [row["polygon_count"] for row in rows] == [result.polygon_count for result in again]


def test_an_item_states_where_when_what_and_from_what(store: Faulty, web: Faulty, tmp_path: Path) -> None:
    mapped(f"{web.url}/c/scene-1.json", "s3://maps/item/a.tif", report=True)
    item = json.loads(content("s3://maps/item/a.json"))
    check_valid(item, tmp_path)
    assert item["bbox"] == pytest.approx([15.0127, 45.153, 15.0133, 45.1535], abs=2e-4)
    assert item["properties"]["datetime"] == "2024-02-15T00:00:00Z"
    assert item["properties"]["proj:code"] == "EPSG:32633"
    asset = item["assets"]["map"]
    assert asset["href"] == "./a.tif" and asset["raster:bands"][0]["data_type"] == "uint8"
    assert [c["title"] for c in asset["classification:classes"]] == [*MODEL.card.class_task().labels, "no data"]
    links = {link["rel"]: link["href"] for link in item["links"]}
    assert links["derived_from"] == f"{web.url}/c/scene-1.json"
    assert json.loads(content(f"s3://maps/item/{links['model'].removeprefix('./')}"))["sha256"] == MODEL.sha256
    assert b"<html" in content("s3://maps/item/a.html")
    with rasterio.MemoryFile(content("s3://maps/item/a.tif")) as memory, memory.open() as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_maps_of_a_folder_are_described_on_request(tmp_path: Path) -> None:
    for k in range(2):
        scene(tmp_path / "in" / f"{k}.tif", k)
    mapped(str(tmp_path / "in"), f"{tmp_path}/out/", stac=True)
    once = (tmp_path / "out" / "1.json").read_bytes()
    mapped(str(tmp_path / "in"), f"{tmp_path}/out/", stac=True)
    assert (tmp_path / "out" / "1.json").read_bytes() == once
    for name in ("0.json", "1.json", "collection.json"):
        check_valid(json.loads((tmp_path / "out" / name).read_text()), tmp_path)
    assert str(tmp_path) not in once.decode()
    (tmp_path / "out" / "0.json").write_text("{}")
    with pytest.raises(OutputError, match=r"0\.json: exists and is not an item"):
        mapped(str(tmp_path / "in"), f"{tmp_path}/out/", stac=True)


def test_a_changed_scene_is_mapped_again(store: Faulty, tmp_path: Path) -> None:
    store.put("scenes/changes.tif", scene(tmp_path / "a.tif", 0).read_bytes())
    assert mapped("s3://scenes/changes.tif", "s3://maps/changes/")[0].summary is not None
    assert mapped("s3://scenes/changes.tif", "s3://maps/changes/")[0].summary is None
    before = content("s3://maps/changes/changes.tif")
    store.put("scenes/changes.tif", scene(tmp_path / "a.tif", 1).read_bytes())
    assert mapped("s3://scenes/changes.tif", "s3://maps/changes/")[0].summary is not None
    assert content("s3://maps/changes/changes.tif") != before


def test_a_scene_that_changes_while_it_is_read_is_no_map(store: Faulty, tmp_path: Path) -> None:
    store.put("scenes/moves.tif", scene(tmp_path / "a.tif", 0).read_bytes())
    other = scene(tmp_path / "a.tif", 1).read_bytes()
    found = list(sm.map_many(["s3://scenes/moves.tif"], "s3://maps/moves/", model=MODEL,
                             progress=lambda _: store.put("scenes/moves.tif", other)))  # fmt: skip
    assert isinstance(found[0], RasterError) and "has changed while it was read" in str(found[0])
    assert names("s3://maps/moves") == set()


def test_nothing_of_others_is_replaced(store: Faulty, tmp_path: Path) -> None:
    file = str(scene(tmp_path / "a.tif"))
    for prefix, name in (("one", "a.tif"), ("two", "a.json"), ("three", "collection.json"), ("four", "a.html"),
                         ("five", "index.parquet")):  # fmt: skip
        store.put(f"maps/others-{prefix}/{name}", b"{}")
        with pytest.raises(OutputError, match=rf"{name}: exists and is not"):
            mapped(file, f"s3://maps/others-{prefix}/", report=True)
        assert names(f"s3://maps/others-{prefix}") == {name}


def test_what_cannot_be_is_refused_before_the_first_scene(store: Faulty, web: Faulty, tmp_path: Path) -> None:
    file = str(scene(tmp_path / "a.tif"))
    with pytest.raises(StoreError, match="there is no such bucket"):
        mapped(file, "s3://no-bucket/x/")
    with pytest.raises(OptionError, match="3 scenes need a prefix"):
        mapped(f"{web.url}/catalog.json", "s3://maps/x.tif")
    with pytest.raises(OptionError, match="give --polygons only an ending"):
        mapped(file, "s3://maps/x/", polygons="a/b.gpkg")
    store.go_wrong({"path": "/maps/denied", "kind": "expired", "times": 99})
    with pytest.raises(StoreError, match="the credentials have expired"):
        mapped(file, "s3://maps/denied/")
    scene(tmp_path / "c" / "scene.tif", count=1)
    asset = {"href": "./scene.tif", "type": "image/tiff", "bands": [{"name": "pan"}]}
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "pan",
        "properties": {},
        "links": [],
        "assets": {"a": asset},
    }
    (tmp_path / "c" / "pan.json").write_text(json.dumps(item))
    with pytest.raises(RasterError, match=r"item pan: a has 1 band, the model takes 3 \(red, green, blue\)"):
        mapped(str(tmp_path / "c" / "pan.json"), f"{tmp_path}/out/")


def test_an_upload_that_fails_is_resumed_without_predicting(store: Faulty, tmp_path: Path) -> None:
    file = str(scene(tmp_path / "a.tif"))
    store.go_wrong({"path": "/maps/upload/a.tif$", "method": "PUT", "kind": "expired", "times": 1})
    with pytest.raises(
        StoreError, match=r"expired \(ExpiredToken\); renew them and run again; the finished map is kept in"
    ):
        mapped(file, "s3://maps/upload/")
    assert "a.json" not in names("s3://maps/upload")
    assert mapped(file, "s3://maps/upload/")[0].summary is None
    assert {"a.tif", "a.json", "index.parquet"} < names("s3://maps/upload")


@pytest.mark.slow
def test_a_scene_that_cannot_be_read_any_more_is_resumed(store: Faulty, tmp_path: Path) -> None:
    from smalti.raster.far import READING

    tall = scene(tmp_path / "tall.tif", size=1400)
    store.put("scenes/tall.tif", tall.read_bytes())
    broken: list[float] = []

    def break_off(progress: sm.Progress) -> None:
        if progress.done > 300_000 and not broken:
            broken.append(progress.done)
            store.go_wrong({"path": "/scenes/tall", "kind": "503", "times": 999})

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(READING, "GDAL_HTTP_MAX_RETRY", "1")
        found = list(sm.map_many(["s3://scenes/tall.tif"], f"{tmp_path}/out/", model=MODEL, progress=break_off))
    assert isinstance(found[0], UnreachableError), found
    assert "finished rows are kept" in str(found[0])
    store.go_wrong()
    resumed = sm.map("s3://scenes/tall.tif", tmp_path / "out" / "tall.tif", model=MODEL)
    assert resumed.summary is not None and resumed.summary.pixels < 1400 * 1400
    sm.map(tall, tmp_path / "whole.tif", model=MODEL)
    assert (tmp_path / "out" / "tall.tif").read_bytes() == (tmp_path / "whole.tif").read_bytes()


@pytest.mark.parametrize("kind", ["503", "cut"])
def test_what_passes_is_not_noticed(store: Faulty, tmp_path: Path, kind: str) -> None:
    store.put(f"scenes/passes-{kind}.tif", scene(tmp_path / "a.tif").read_bytes())
    store.go_wrong(
        {"path": f"/scenes/passes-{kind}", "method": "GET", "kind": kind, "times": 2},
        {"path": f"/maps/passes-{kind}/.*tif$", "method": "PUT", "kind": kind, "times": 2},
    )
    mapped(f"s3://scenes/passes-{kind}.tif", f"s3://maps/passes-{kind}/")
    assert store.came() >= 3
    sm.map(tmp_path / "a.tif", tmp_path / "local.tif", model=MODEL, cog=True)
    assert content(f"s3://maps/passes-{kind}/passes-{kind}.tif") == (tmp_path / "local.tif").read_bytes()


def test_two_processes_never_make_one_map(store: Faulty, tmp_path: Path) -> None:
    file, output = str(scene(tmp_path / "a.tif")), parse_address("s3://maps/lease-of-map/a.tif")
    program = (
        "import sys\nfrom smalti.remote.address import parse_address\nfrom smalti.remote.store import Store\n"
        "from smalti.remote.lease import leased_object\noutput = parse_address(sys.argv[1])\n"
        "with leased_object(Store(output), output):\n print('held', flush=True)\n sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(output)]
    environment = set_environment(store, tmp_path)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match="is already making it"):
            mapped(file, "s3://maps/lease-of-map/")
        other.kill()  # its lease stays
    assert mapped(file, "s3://maps/lease-of-map/")[0].summary is not None
    with leased_object(Store(output), output):
        pass


@pytest.mark.slow
def test_a_killed_run_resumes(store: Faulty, tmp_path: Path) -> None:
    tall = scene(tmp_path / "tall.tif", size=900)
    store.put("scenes/killed.tif", tall.read_bytes())
    model = str(tiny_model(tmp_path / "tiny.onnx"))
    command = [
        sys.executable,
        "-m",
        "smalti",
        "map",
        "s3://scenes/killed.tif",
        "-o",
        "s3://maps/killed",
        "--model",
        model,
    ]
    environment = set_environment(store, tmp_path / "cache")
    store.go_wrong({"path": "/scenes/killed", "method": "GET", "kind": "slow", "times": 60})
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as run:
        strips = tmp_path / "cache" / "smalti" / "stores" / "s3" / "maps" / "killed" / "killed.tif.partial"
        while run.poll() is None and not list(strips.glob("rows_*")):
            time.sleep(0.01)
        run.kill()
    assert list(strips.glob("rows_*"))
    assert "killed.tif.lock" in names("s3://maps/killed")
    store.go_wrong()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sm.map(tall, tmp_path / "whole.tif", model=model, cog=True)
    assert content("s3://maps/killed/killed.tif") == (tmp_path / "whole.tif").read_bytes()
    assert "killed.tif.lock" not in names("s3://maps/killed")


def test_a_store_that_lasts_in_refusing_ends_the_run(
    store: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(store_module.BUDGET, "retry_timeout", timedelta(seconds=0.2))
    for k in range(2):
        scene(tmp_path / "in" / f"{k}.tif", k)
    store.go_wrong({"path": r"/maps/ends/\d.tif$", "method": "PUT", "kind": "503", "times": 999})
    found = list(sm.map_many([tmp_path / "in"], "s3://maps/ends", model=MODEL))
    assert len(found) == 1 and isinstance(found[0], StoreError)
    assert urllib.request.urlopen(f"{store.url}/-/faults").status == 200
