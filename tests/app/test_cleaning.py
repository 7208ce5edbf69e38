"""Old results go, by age; what is in use, and what is the user's, stays."""

import time
from pathlib import Path

import numpy as np

from smalti.app.cleaning import clean
from smalti.app.limits import Limits
from tests.app.conftest import Serve, Server
from tests.app.lesson import begin, noisy
from tests.app.pictures import write_tiff

LATER = 31 * 86400


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


def test_what_a_killed_server_had_begun_of_a_lesson_goes(server: Server) -> None:
    kept = begin(server, noisy(server)).folder
    left = kept.with_name("killed")
    left.mkdir()
    (left / "teach.toml").write_text("")
    assert clean(server.services, time.time()) == 0
    assert clean(server.services, time.time() + 86401) == 1
    assert not left.exists() and kept.exists()
