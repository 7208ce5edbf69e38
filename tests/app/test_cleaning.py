"""Old results go, by age; what is in use, and what is the user's, stays."""

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smalti.app import database
from smalti.app.cleaning import clean
from smalti.app.database import Database
from smalti.app.limits import Limits
from smalti.app.viewing.view import Views
from tests.app.conftest import Serve, Server
from tests.app.lesson import begin, noisy
from tests.app.pictures import write_tiff

LATER = 31 * 86400
OPEN_FILES = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux lists the open files")


def test_old_results_and_uploads_are_removed_together(server: Server, scene: Path) -> None:
    found = server.upload(scene)
    job = server.mapped(found)
    folder = server.services.folders.job(job["id"])
    assert clean(server.services, time.time()) == 0 and folder.exists()
    assert clean(server.services, time.time() + LATER) == 2
    assert not folder.exists() and not server.services.folders.scene(found["id"]).exists()
    assert server.http.get("/api/jobs").json() == server.http.get("/api/scenes").json() == []


def test_what_is_in_use_stays(server: Server, scene: Path) -> None:
    found = server.upload(scene)
    done = server.mapped(found)
    waiting = server.start(found)
    with server.services.uses.reading(done["id"]):
        assert clean(server.services, time.time() + LATER) == 0
    assert clean(server.services, time.time() + LATER) == 1
    assert [job["id"] for job in server.http.get("/api/jobs").json()] == [waiting["id"]]
    assert server.http.get("/api/scenes").json()[0]["id"] == found["id"]


def test_files_of_the_user_are_never_removed(server: Server) -> None:
    path = write_tiff(server.root / "mine.tif", np.zeros((3, 20, 20), np.uint8))
    (found,) = server.http.post("/api/scenes", json={"path": str(path)}).json()["scenes"]
    assert clean(server.services, time.time() + LATER) == 0
    assert server.http.delete(f"/api/scenes/{found['id']}").status_code == 204
    assert path.exists() and list(server.root.iterdir()) == [path]


def test_zero_days_keep_all(serve: Serve, scene: Path) -> None:
    server = serve(limits=Limits(keep_days=0))
    server.upload(scene)
    assert clean(server.services, time.time() + LATER) == 0


def test_what_a_killed_server_had_received_in_part_goes_and_that_of_another_one_stays(serve: Serve) -> None:
    other = serve()
    incoming = other.services.folders.root / "incoming"
    (used,) = (folder for folder in incoming.iterdir() if folder.is_dir())
    (used / "part").write_bytes(b"half")
    (incoming / "killed").mkdir()
    (incoming / "killed" / "part").write_bytes(b"half")
    serve()
    assert (used / "part").is_file()
    assert not (incoming / "killed").exists()


def test_a_scene_that_a_job_needs_is_not_removed(server: Server, scene: Path) -> None:
    found = server.upload(scene)
    job = server.start(found)
    assert server.refused("DELETE", f"/api/scenes/{found['id']}")["status"] == 409
    assert server.refused("DELETE", f"/api/jobs/{job['id']}")["status"] == 409
    server.http.post(f"/api/jobs/{job['id']}/cancel")
    assert server.http.delete(f"/api/jobs/{job['id']}").status_code == 204
    assert server.http.delete(f"/api/scenes/{found['id']}").status_code == 204


def test_what_a_killed_server_had_not_registered_goes(serve: Serve, scene: Path) -> None:
    """It was killed between the last byte and the table, or between the table and the disk."""
    server = serve()
    found = server.upload(scene)
    job = server.mapped(found)
    send = {"params": {"name": "scene.tif", "set": "trip"}, "content": scene.read_bytes()}
    together = server.http.post("/api/uploads", **send).json()
    root = server.services.folders.root
    (kept,) = root.glob("sets/*/trip/scene.tif")
    left = [root / "scenes" / ("0" * 16) / "a.tif", root / "jobs" / ("1" * 16) / "map.tif", kept.with_name("left.tif")]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"II*")
    other = serve()
    assert all(path.exists() for path in left), "another server lives, and may be about to register them"
    server.stop()
    other.stop()
    again = serve()
    assert not any(path.exists() for path in left)
    assert {one["id"] for one in again.http.get("/api/scenes").json()} == {found["id"], together["id"]}
    for scene_id in (found["id"], together["id"]):
        assert again.http.get(f"/api/scenes/{scene_id}/tiles/0/0/0").status_code == 200
    assert again.http.get(f"/api/jobs/{job['id']}/results/map.tif").status_code == 200
    send["params"] = {"name": "left.tif", "set": "trip"}
    assert again.http.post("/api/uploads", **send).status_code == 201


def test_a_set_goes_with_its_last_image(server: Server, scene: Path) -> None:
    def send(name: str, content: bytes) -> dict[str, str]:
        return server.http.post("/api/uploads", params={"name": name, "set": "one"}, content=content).json()

    send("a.tfw", b"1\n0\n0\n-1\n0\n0\n")
    scenes = [send(name, scene.read_bytes())["id"] for name in ("a.tif", "b.tif")]
    (folder,) = server.services.folders.root.glob("sets/*/one")
    for scene_id, left in zip(scenes, (["a.tfw", "b.tif"], []), strict=True):
        assert server.http.delete(f"/api/scenes/{scene_id}").status_code == 204
        assert sorted(path.name for path in folder.glob("*")) == left


def test_photos_that_are_no_scenes_go_by_age(server: Server) -> None:
    sent = server.http.post("/api/uploads", params={"name": "a.heic", "set": "trip"}, content=b"photo")
    assert sent.status_code == 201 and sent.json() is None
    job = server.http.post("/api/photos", json={"set": "trip"}).json()
    (folder,) = server.services.folders.root.glob("sets/*/trip")
    assert clean(server.services, time.time() + LATER) == 0 and folder.exists()
    server.http.post(f"/api/jobs/{job['id']}/cancel")
    assert server.http.delete(f"/api/jobs/{job['id']}").status_code == 204
    assert clean(server.services, time.time()) == 0 and folder.exists()
    assert clean(server.services, time.time() + LATER) == 1 and not folder.exists()


def test_a_moved_data_folder_keeps_all(serve: Serve, scene: Path) -> None:
    server = serve()
    found = server.upload(scene)
    send = {"params": {"name": "scene.tif", "set": "trip"}, "content": scene.read_bytes()}
    together = server.http.post("/api/uploads", **send).json()
    server.http.post("/api/uploads", params={"name": "a.heic", "set": "photos"}, content=b"photo")
    photos = server.http.post("/api/photos", json={"set": "photos"}).json()
    server.stop()
    moved = server.folder / "moved"
    (server.folder / "data").rename(moved)
    again = serve(data=moved)
    for scene_id in (found["id"], together["id"]):
        assert again.http.get(f"/api/scenes/{scene_id}/tiles/0/0/0").status_code == 200
    (folder,) = moved.glob("sets/*/photos")
    assert again.services.folders.found(again.services.jobs.get("user", photos["id"]).spec["folder"]) == folder
    assert clean(again.services, time.time() + LATER) == 2, "the scenes"
    assert (folder / "a.heic").is_file()


def test_sets_that_were_registered_by_absolute_paths_stay(serve: Serve, scene: Path) -> None:
    """Former versions did; the same folder goes on, and a moved one loses nothing."""
    server = serve()
    send = {"params": {"name": "scene.tif", "set": "trip"}, "content": scene.read_bytes()}
    together = server.http.post("/api/uploads", **send).json()
    server.http.post("/api/uploads", params={"name": "a.heic", "set": "photos"}, content=b"photo")
    path = server.services.scenes.get("user", together["id"]).path
    with Database(server.services.folders.database).change() as change:
        change.execute("UPDATE scenes SET path = ?", (str(path),))
    server.stop()
    again = serve()
    assert again.http.get(f"/api/scenes/{together['id']}/tiles/0/0/0").status_code == 200
    again.stop()
    moved = server.folder / "moved"
    (server.folder / "data").rename(moved)
    last = serve(data=moved)
    for folder in moved.glob("sets/*/*"):
        os.utime(folder, (0, 0))
    assert clean(last.services, time.time()) == 0
    assert sorted(path.name for path in moved.glob("sets/*/*/*")) == ["a.heic", "scene.tif"]
    assert [one["id"] for one in last.http.get("/api/scenes").json()] == [together["id"]]


def test_photos_of_a_series_are_scenes_that_stay(server: Server, scene: Path) -> None:
    send = {"params": {"name": "scene.tif", "set": "trip"}, "content": scene.read_bytes()}
    found = server.http.post("/api/uploads", **send).json()
    job = server.http.post("/api/photos", json={"set": "trip"}).json()
    problem = server.refused("DELETE", f"/api/scenes/{found['id']}")
    assert problem["status"] == 409 and "\n" not in problem["detail"] and "cancel that job" in problem["detail"]
    server.http.post(f"/api/jobs/{job['id']}/cancel")
    assert server.services.scenes.unused(time.time() + LATER) == []
    assert server.http.delete(f"/api/scenes/{found['id']}").status_code == 204, "nobody waits for it"


def test_scenes_go_with_their_series(server: Server, scene: Path) -> None:
    send = {"params": {"name": "scene.tif", "set": "trip"}, "content": scene.read_bytes()}
    server.http.post("/api/uploads", **send)
    job = server.http.post("/api/photos", json={"set": "trip"}).json()
    assert clean(server.services, time.time() + LATER) == 0
    assert list(server.services.folders.root.glob("sets/*/trip/scene.tif"))
    server.http.post(f"/api/jobs/{job['id']}/cancel")
    assert clean(server.services, time.time() + LATER) == 2
    assert not list(server.services.folders.root.glob("sets/*/trip"))


LOOKS = ("tiles/classes/0/0/0.png", "at?col=1&row=1", "areas", "results/map.tif")


@pytest.mark.parametrize("look", LOOKS)
def test_a_map_that_is_looked_at_stays_with_its_scene(look: str, server: Server, scene: Path) -> None:
    found = server.upload(scene)
    job = server.mapped(found)
    age(server, 40 * 86400)
    assert server.http.get(f"/api/jobs/{job['id']}/{look}").status_code == 200
    assert clean(server.services, time.time()) == 0
    assert server.http.delete(f"/api/jobs/{job['id']}").status_code == 204
    assert clean(server.services, time.time()) == 0, "its scene was seen, too"


def test_a_scene_that_is_looked_at_stays(server: Server, scene: Path) -> None:
    found, other = server.upload(scene), server.upload(scene)
    age(server, 40 * 86400)
    address = f"/api/scenes/{found['id']}/tiles/0/0/0"
    tag = server.http.get(address).headers["etag"]
    assert clean(server.services, time.time()) == 1
    assert [one["id"] for one in server.http.get("/api/scenes").json()] == [found["id"]] != [other["id"]]
    age(server, 40 * 86400)
    assert server.http.get(address, headers={"If-None-Match": tag}).status_code == 304
    assert clean(server.services, time.time()) == 0, "what the browser keeps was looked at, too"


def test_a_use_is_noted_once_an_hour(server: Server, scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes wait for each other and for the disk, and a page asks for many tiles."""
    found = server.upload(scene)
    job = server.mapped(found)
    age(server, 7200)
    changes: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(lambda text: changes.append(text) if text.startswith("UPDATE") else None)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    for _ in range(3):
        assert server.http.get(f"/api/jobs/{job['id']}/tiles/classes/0/0/0.png").status_code == 200
        assert server.http.get(f"/api/scenes/{found['id']}/tiles/0/0/0").status_code == 200
    assert [text.split()[1] for text in changes] == ["jobs", "scenes"]


def test_what_cannot_be_noted_is_shown_all_the_same(
    server: Server, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = server.upload(scene)
    job = server.mapped(found)
    age(server, 7200)
    monkeypatch.setattr(database, "_WAIT_S", 0.01)
    with Database(server.services.folders.database).change():
        assert server.http.get(f"/api/scenes/{found['id']}/tiles/0/0/0").status_code == 200
        assert server.http.get(f"/api/jobs/{job['id']}/areas").status_code == 200


@OPEN_FILES
@pytest.mark.parametrize("by_age", [True, False])
def test_what_is_removed_is_not_kept_open(by_age: bool, server: Server, scene: Path) -> None:
    """The disk keeps the pixels of open files, and Windows the files."""
    found = server.upload(scene)
    job = server.mapped(found)
    for address in (f"scenes/{found['id']}/tiles/0/0/0", f"jobs/{job['id']}/tiles/classes/0/0/0.png"):
        assert server.http.get(f"/api/{address}").status_code == 200
    assert len(held(server.services.folders.root)) > 1
    if by_age:
        assert clean(server.services, time.time() + LATER) == 2
    else:
        for kind, one in (("jobs", job), ("scenes", found)):
            assert server.http.delete(f"/api/{kind}/{one['id']}").status_code == 204
    assert held(server.services.folders.root) == []


@OPEN_FILES
def test_a_file_that_is_removed_while_it_is_read_is_closed_after_it(tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    views, path = Views(), write_tiff(tmp_path / "scenes" / "a.tif", np.zeros((3, 20, 20), np.uint8))
    with views.open(path):
        assert len(held(tmp_path)) == 1
        views.forget(path)
        path.unlink()
    assert held(tmp_path) == []


def test_a_file_that_the_system_does_not_remove_is_no_problem(
    server: Server, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows keeps one that another program has open; the next start removes it."""
    found = server.upload(scene)
    job = server.mapped(found)
    server.services.folders.overviews(f"{job['id']}.classes").touch()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError("in use")))
        for kind, one in (("jobs", job), ("scenes", found)):
            assert server.http.delete(f"/api/{kind}/{one['id']}").status_code == 204


def held(folder: Path) -> list[str]:
    """The files of a data folder's scenes, jobs and overviews that this process has open, removed ones, too."""
    places = tuple(f"{folder / kind}{os.sep}" for kind in ("scenes", "jobs", "cache"))
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return [file for file in found if file.startswith(places)]


def age(server: Server, seconds: float) -> None:
    """As if nobody had used anything for so long."""
    with Database(server.services.folders.database).change() as change:
        for table in ("scenes", "jobs"):
            change.execute(f"UPDATE {table} SET used = ?", (time.time() - seconds,))


def test_what_a_killed_server_had_begun_of_a_lesson_goes(server: Server) -> None:
    kept = begin(server, noisy(server)).folder
    left = kept.with_name("killed")
    left.mkdir()
    (left / "teach.toml").write_text("")
    assert clean(server.services, time.time()) == 0
    assert clean(server.services, time.time() + 86401) == 1
    assert not left.exists() and kept.exists()
