"""Maps made by the app: from an upload to tiles, figures and files."""

import io
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image

from smalti.app.cleaning import clean
from smalti.app.database import Database
from smalti.app.folders import Folders
from smalti.app.jobs.queue import Queue
from smalti.app.jobs.results import Results
from smalti.app.jobs.table import Stored
from smalti.app.jobs.worker import CancelledError, work_once
from smalti.card import Task
from smalti.workflows.progress import Progress, Show
from tests.app.conftest import Server
from tests.app.pictures import write_tiff
from tests.app.test_connections import unused
from tests.tiny import tiny_card, tiny_model

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def tile(server: Server, address: str) -> np.ndarray:
    answer = server.http.get(address)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


def test_a_map_has_layers_areas_spots_and_files(server: Server, scene: Path) -> None:
    found = server.upload(scene)
    job = server.mapped(found, options={"confidence": True})
    assert job["layers"] == ["classes", "confidence"]
    at = f"/api/jobs/{job['id']}"
    areas = server.http.get(f"{at}/areas").json()
    assert [row["label"] for row in areas] == ["most red", "most green", "most blue"]
    assert [row["pixels"] for row in areas] == [20000] * 3
    assert areas[0]["hectares"] == pytest.approx(0.5, rel=0.01)
    spot = server.http.get(f"{at}/at", params={"col": 150, "row": 20}).json()
    assert (spot["class"], spot["label"]) == (1, "most green")
    assert spot["values"]["confidence"] == 1
    assert spot["lon"] == pytest.approx(3, abs=0.01)
    names = {result["name"]: result for result in server.http.get(f"{at}/results").json()}
    assert names["map.tif"]["ready"] and not names["map.gpkg"]["ready"]
    file = server.http.get(f"{at}/results/map.tif")
    assert file.headers["content-disposition"] == 'attachment; filename="scene_map.tif"'
    with rasterio.MemoryFile(file.content) as memory, memory.open() as opened:
        assert (opened.read(1)[0, [50, 150, 250]] == [0, 1, 2]).all()


def test_a_map_of_a_scene_without_an_ending_is_named_after_it(server: Server, scene: Path) -> None:
    bare = scene.rename(server.root / "scene")
    (found,) = server.http.post("/api/scenes", json={"path": str(bare)}).json()["scenes"]
    file = server.http.get(f"/api/jobs/{server.mapped(found)['id']}/results/map.tif")
    assert file.headers["content-disposition"] == 'attachment; filename="scene_map.tif"'


def test_an_area_is_stretched_as_its_scene_is(server: Server, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 1000, (3, 200, 300), np.uint16)
    pixels[:, 50:120, 100:180] //= np.array([1, 3, 9], np.uint16)[:, None, None]
    found = server.upload(write_tiff(tmp_path / "deep.tif", pixels))
    maps = []
    for area in (None, [100, 50, 80, 70]):
        job = server.mapped(found, options={"stretch": "2%,98%"}, area=area)
        file = server.http.get(f"/api/jobs/{job['id']}/results/map.tif")
        with rasterio.MemoryFile(file.content) as memory, memory.open() as opened:
            maps.append(opened.read(1))
    inner = (slice(66, 104), slice(116, 164))  # beyond the overlap of tiles
    assert (maps[0][inner] == maps[1][16:54, 16:64]).all()
    assert len(np.unique(maps[0][inner])) == 3


def test_a_model_that_was_replaced_is_the_new_one(server: Server, scene: Path) -> None:
    found = server.upload(scene)
    model = server.folder / "models" / "tiny.onnx"

    def covered() -> list[int]:
        job = server.mapped(found)
        return [row["pixels"] for row in server.http.get(f"/api/jobs/{job['id']}/areas").json()]

    assert covered() == [20000, 20000, 20000]
    tiny_model(model, tiny_card(mean=(0.0, 0.0, 1000.0)))
    assert covered()[2] == 0
    job = server.start(found)
    tiny_model(model, tiny_card(tasks=(Task(name="other", labels=("one", "two", "three")),)))
    server.work()
    failed = server.http.get(f"/api/jobs/{job['id']}").json()
    assert failed["state"] == "failed" and "predicts something else" in failed["problem"]["detail"]


def test_files_that_this_install_cannot_write_are_not_offered(
    server: Server, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = server.mapped(server.upload(scene))
    for there in (True, False):
        if not there:
            monkeypatch.setitem(sys.modules, "pyogrio", None)
        offered = {result["name"] for result in server.http.get(f"/api/jobs/{job['id']}/results").json()}
        assert "map.gpkg" in offered and ("map.fgb" in offered) == there


def test_tiles_of_a_map_lie_over_those_of_its_scene(server: Server, scene: Path) -> None:
    found = server.upload(scene)
    assert found["levels"] == 2
    job = server.mapped(found)
    seen = tile(server, f"/api/scenes/{found['id']}/tiles/1/0/0")
    assert np.abs(seen[0, 0].astype(int) - [200, 0, 0, 255]).max() <= 2  # JPEG
    beyond = tile(server, f"/api/scenes/{found['id']}/tiles/1/1/0")
    assert beyond[0, 43].tolist() == [0, 0, 200, 255] and beyond[0, 44, 3] == 0
    mapped = tile(server, f"/api/jobs/{job['id']}/tiles/classes/0/0/0.png")
    assert mapped[50, [25, 75, 125]].tolist() == [[0, 0, 255, 255], [255, 60, 195, 255], [0, 120, 135, 255]]
    without = tile(server, f"/api/jobs/{job['id']}/tiles/classes/0/0/0.png?hide=1")
    assert without[50, [25, 75, 125], 3].tolist() == [255, 0, 255]


def test_an_area_is_mapped_where_it_was_drawn(server: Server, scene: Path) -> None:
    found = server.upload(scene)
    job = server.mapped(found, area=[80, 20, 100, 64])
    assert job["window"] == [80, 20, 100, 64]
    assert [row["pixels"] for row in server.http.get(f"/api/jobs/{job['id']}/areas").json()] == [1280, 5120, 0]
    seen = tile(server, f"/api/jobs/{job['id']}/tiles/classes/1/0/0.png")
    assert seen[19, 90, 3] == 0 and seen[20, 90, 3] == 255 and seen[20, 79, 3] == 0
    with rasterio.open(server.services.folders.job(job["id"]) / "map.tif") as file:
        assert file.transform.c == 500000 + 40 and file.transform.f == 5000000 - 10


def test_a_polygon_leaves_what_lies_outside_empty(server: Server, scene: Path) -> None:
    corners = [[0, 0], [300, 0], [0, 200], [0, 0]]
    found = server.upload(scene)
    job = server.mapped(found, area={"type": "Polygon", "coordinates": [corners]})
    pixels = [row["pixels"] for row in server.http.get(f"/api/jobs/{job['id']}/areas").json()]
    assert sum(pixels) == pytest.approx(30000, rel=0.02)
    assert pixels[0] > pixels[1] > pixels[2] > 0


def test_a_picture_without_a_place_is_a_scene_too(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((50, 60, 3), (0, 200, 0), np.uint8)).save(path)
    found = server.upload(path)
    assert found["crs"] is None and found["metres_per_pixel"] is None
    job = server.mapped(found)
    areas = server.http.get(f"/api/jobs/{job['id']}/areas").json()
    assert areas[1]["pixels"] == 3000 and areas[1]["hectares"] is None


def test_pixels_of_16_bits_are_stretched_for_the_eye_only(server: Server, tmp_path: Path) -> None:
    pixels = np.tile(np.linspace(1000, 3000, 100, dtype=np.uint16), (3, 80, 1))
    found = server.upload(write_tiff(tmp_path / "deep.tif", pixels))
    seen = tile(server, f"/api/scenes/{found['id']}/tiles/0/0/0")
    assert seen[40, 1, 0] < 10 and seen[40, 98, 0] > 245
    given = tile(server, f"/api/scenes/{found['id']}/tiles/0/0/0?stretch=0,3000&bands=2")
    assert 80 < given[40, 0, 1] < 90 and (given[..., 0] == given[..., 1]).all()
    problem = server.http.get(f"/api/jobs/{server.start(found)['id']}").json()
    assert problem["state"] == "queued"


def test_the_same_key_is_the_same_job(server: Server, scene: Path) -> None:
    found = server.upload(scene)
    ask = {"json": {"scene": found["id"], "model": "tiny"}, "headers": {"Idempotency-Key": "one"}}
    first, second = (server.http.post("/api/jobs", **ask).json() for _ in range(2))
    assert first["id"] == second["id"] and len(server.http.get("/api/jobs").json()) == 1
    other = {**ask, "json": {**ask["json"], "options": {"tta": True}}}
    assert server.refused("POST", "/api/jobs", **other)["status"] == 409


def test_a_failed_job_says_why_in_one_line(server: Server, tmp_path: Path) -> None:
    found = server.upload(write_tiff(tmp_path / "two.tif", np.zeros((2, 20, 20), np.uint8)))
    job = server.start(found)
    server.work()
    failed = server.http.get(f"/api/jobs/{job['id']}").json()
    assert failed["state"] == "failed" and failed["problem"]["exit_code"] == 3
    assert "its bands do not fit" in failed["problem"]["detail"] and failed["problem"]["todo"]
    assert server.http.post(f"/api/jobs/{job['id']}/resume").json()["state"] == "queued"


def test_a_map_that_cannot_be_read_when_it_is_done_fails_its_job_only(
    server: Server, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that became full; it took the worker down three times."""
    values = Task(name="height", kind="value", unit="m")
    tiny_model(server.folder / "models" / "tiny.onnx", tiny_card(tasks=(values,)))
    job = server.start(server.upload(scene))

    def half(job: Stored, folders: Folders, _: Show) -> None:
        folders.job(job.id).mkdir()
        (folders.job(job.id) / "map.tif").write_bytes(b"II*")

    monkeypatch.setattr("smalti.app.jobs.worker.do", half)
    server.work()
    failed = server.http.get(f"/api/jobs/{job['id']}").json()
    assert failed["state"] == "failed" and failed["problem"]["detail"].startswith("map.tif: ")


def test_two_maps_of_a_scene_are_compared(server: Server, scene: Path) -> None:
    found = server.upload(scene)
    before, after = server.mapped(found, area=[0, 0, 200, 100]), server.mapped(found, area=[50, 50, 250, 100])
    answer = server.http.post("/api/compare", json={"before": before["id"], "after": after["id"]})
    assert answer.status_code == 202, answer.text
    server.work()
    job = server.http.get(f"/api/jobs/{answer.json()['id']}").json()
    assert job["state"] == "done" and job["window"] == [50, 50, 150, 50] and job["layers"] == ["change"]
    rows = server.http.get(f"/api/jobs/{job['id']}/areas").json()
    same = {"before": "most red", "after": "most red", "pixels": 2500}
    assert same.items() <= rows[0].items() and len(rows) == 2
    assert tile(server, f"/api/jobs/{job['id']}/tiles/change/1/0/0.png")[60, 60, 3] == 255
    style = server.http.get(f"/api/jobs/{job['id']}/results/map.qml").text
    shown = {label: alpha for alpha, label in re.findall(r'alpha="(\d+)" label="(.+?)"', style)}
    assert shown["most red → most red"] == "0" and shown["most red → most green"] == "255"


def test_a_cancelled_job_keeps_its_strips_and_is_resumed(server: Server, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (3, 1500, 2400), np.uint8)
    job = server.start(server.upload(write_tiff(tmp_path / "long.tif", pixels)))
    at, spool = f"/api/jobs/{job['id']}", server.services.folders.job(job["id"]) / "map.tif.partial"
    worker = threading.Thread(target=server.work)
    worker.start()
    while len(list(spool.glob("rows_*"))) < 4:
        time.sleep(0.01)
    assert server.http.post(f"{at}/cancel").json()["state"] == "cancelled"
    worker.join()
    kept = {path: path.stat().st_mtime_ns for path in spool.glob("rows_*") if path.suffix != ".new"}
    seen = tile(server, f"{at}/tiles/classes/0/0/0.png")
    assert seen[2, 2, 3] == 255 and seen[180, 2, 3] == 0  # what is finished is shown
    assert server.http.get(f"{at}/at", params={"col": 5, "row": 5}).json()["label"]
    assert server.refused("POST", f"{at}/cancel")["status"] == server.refused("GET", f"{at}/areas")["status"] == 409
    assert server.http.post(f"{at}/resume").json()["state"] == "queued"
    worker = threading.Thread(target=server.work)
    worker.start()
    while spool.exists() and len(list(spool.glob("rows_*"))) <= len(kept) + 1:
        assert {path: path.stat().st_mtime_ns for path in kept if path.exists()}.items() <= kept.items()
    worker.join()
    assert server.http.get(at).json()["state"] == "done"


def test_nothing_is_left_of_a_job_that_was_removed_while_it_ran(server: Server, scene: Path) -> None:
    job = server.start(server.upload(scene))
    folder = server.services.folders.job(job["id"])
    queue = Queue(Database(server.services.folders.database))
    take = queue.take

    def removed() -> Any:
        taken = take()
        server.http.post(f"/api/jobs/{job['id']}/cancel")
        assert server.http.delete(f"/api/jobs/{job['id']}").status_code == 204
        return taken

    queue.take = removed  # type: ignore[method-assign]
    assert work_once(server.services.folders, queue, threading.Event())
    assert not folder.exists()


def test_rows_that_are_shown_are_done(server: Server, scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = server.start(server.upload(scene))
    seen = []

    def half(job: Stored, folders: Folders, report: Show) -> None:
        spool = folders.job(job.id) / "map.tif.partial"
        spool.mkdir(parents=True)
        (spool / "rows_00000000_00000100").write_bytes(bytes(100 * 300))
        report(Progress("map", 300, 200 * 300, "Pix"))
        seen.append(server.http.get(f"/api/jobs/{job.id}").json()["rows_done"])
        raise CancelledError

    monkeypatch.setattr("smalti.app.jobs.worker.do", half)
    assert work_once(server.services.folders, Queue(Database(server.services.folders.database)), threading.Event())
    assert seen == [100]
    assert job["rows_done"] == 0


def test_events_end_with_the_job(server: Server, scene: Path) -> None:
    job = server.mapped(server.upload(scene))
    text = server.http.get(f"/api/jobs/{job['id']}/events").text
    assert text.startswith("event: job\ndata: {") and '"state":"done"' in text and text.count("event:") == 1


@pytest.mark.slow
def test_files_that_were_not_asked_for_are_made(server: Server, scene: Path) -> None:
    job = server.mapped(server.upload(scene))
    at = f"/api/jobs/{job['id']}/results"
    page = server.http.get(f"{at}/map.html")
    assert page.status_code == 200, page.text
    assert (
        page.headers["content-type"].startswith("text/html")
        and "default-src 'none'" in page.headers["content-security-policy"]
    )
    polygons = server.http.get(f"{at}/map.geojson").json()
    assert {feature["properties"]["class"] for feature in polygons["features"]} == {
        "most red",
        "most green",
        "most blue",
    }
    assert server.http.get(f"{at}/map.geojson", headers={"Range": "bytes=0-0"}).status_code == 206
    cog = server.http.get(f"{at}/map_cog.tif")
    with rasterio.MemoryFile(cog.content) as memory, memory.open() as opened:
        assert opened.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


class Making:
    """Stands for the process that makes a file: begins, and ends when it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[str] = []
        self.go_on = threading.Event()

        def make(results: Results, job: Stored, name: str) -> None:
            self.begun.append(name)
            assert self.go_on.wait(20)
            (results._folders.job(job.id) / name).write_bytes(b"made")

        monkeypatch.setattr(Results, "_make", make)

    def wait(self, count: int) -> None:
        """Until so many have begun."""
        end = time.monotonic() + 20
        while len(self.begun) < count and time.monotonic() < end:
            time.sleep(0.01)
        assert len(self.begun) == count


def test_files_are_made_beside_each_other_and_each_once(
    server: Server, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, making = server.mapped(server.upload(scene)), Making(monkeypatch)
    with ThreadPoolExecutor(3) as threads:
        names = ("map.geojson", "map.geojson", "map_cog.tif")
        answers = [threads.submit(server.http.get, f"/api/jobs/{job['id']}/results/{name}") for name in names]
        making.wait(2)
        assert clean(server.services, time.time() + 31 * 86400) == 0, "what is being made is in use"
        making.go_on.set()
    assert [answer.result().content for answer in answers] == [b"made"] * 3
    assert sorted(making.begun) == ["map.geojson", "map_cog.tif"]
    assert unused(server, job)


def test_many_who_wait_for_files_do_not_stop_the_server(
    server: Server, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, making = server.mapped(server.upload(scene)), Making(monkeypatch)
    address = f"/api/jobs/{job['id']}/results/map_cog.tif"
    with ThreadPoolExecutor(60) as threads:
        answers = [threads.submit(server.http.get, address) for _ in range(60)]
        making.wait(1)
        try:
            assert server.http.get("/api/jobs", timeout=10).status_code == 200
        finally:
            making.go_on.set()
    found = [answer.result() for answer in answers]
    assert {answer.status_code for answer in found} == {200, 429}
    assert all("map_cog.tif" in answer.json()["detail"] for answer in found if answer.status_code == 429)
    assert server.http.get(address).content == b"made"


@pytest.mark.parametrize("resolution", [1e-300, 0, -1, 1e300])
def test_a_resolution_that_nothing_has_is_refused(resolution: float, server: Server, scene: Path) -> None:
    found = server.upload(scene)
    asked = {"scene": found["id"], "model": "tiny", "options": {"resolution": resolution}}
    problem = server.refused("POST", "/api/jobs", json=asked)
    assert problem["status"] == 422 and problem["detail"].startswith("options.resolution")
