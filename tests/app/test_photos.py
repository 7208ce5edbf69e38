"""Photo series in the app: photos of a folder, or uploaded together."""

import re
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from smalti.app.database import Database
from smalti.mapping.places import IMAGES
from tests.app.conftest import Server

pytestmark = pytest.mark.slow


def photo(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).resize((320, 240)).save(path)
    return path


def test_photos_that_were_uploaded_together_have_a_page(server: Server, tmp_path: Path) -> None:
    for seed in range(2):
        path = photo(tmp_path / f"photo{seed}.jpg", seed)
        answer = server.http.post("/api/uploads", params={"name": path.name, "set": "trip"}, content=path.read_bytes())
        assert answer.json()["name"] == path.name
    job = server.http.post("/api/photos", json={"set": "trip"}).json()
    server.work()
    done = server.http.get(f"/api/jobs/{job['id']}").json()
    assert done["state"] == "done", done
    with Database(server.services.folders.database).change() as change:
        change.execute("UPDATE jobs SET used = 0")
    page = server.http.get(f"/api/jobs/{job['id']}/page/")
    assert server.services.jobs.unused(time.time() - 60) == []
    assert (
        page.status_code == 200
        and "photo0" in page.text
        and "frame-ancestors 'self'" in page.headers["content-security-policy"]
    )
    beside = server.services.folders.found(server.services.jobs.get("user", job["id"]).spec["folder"]) / "notes.txt"
    beside.write_text("for nobody")
    for path in (
        "..%2f..%2f..%2fapp.sqlite",
        "%2fetc%2fpasswd",
        "nothing.jpg",
        beside.name,
        "%00.jpg",
        "x" * 300 + ".jpg",
    ):
        assert server.refused("GET", f"/api/jobs/{job['id']}/page/{path}")["status"] == 404
    assert server.refused("POST", "/api/photos", json={"set": "other"})["status"] == 404
    assert server.refused("POST", "/api/photos", json={"folder": "/etc"})["status"] == 404


def test_all_photos_that_are_ranked_are_kept_and_others_refused(server: Server) -> None:
    def send(name: str) -> httpx.Response:
        return server.http.post("/api/uploads", params={"name": name, "set": "raw"}, content=b"of a camera")

    endings = server.http.get("/api/options").json()["photos"]
    assert {".dng", ".cr3", ".nef", ".arw", ".heic", ".avif"} <= set(endings)
    for ending in set(endings) - IMAGES:
        assert (send(f"photo{ending}").status_code, send(f"photo{ending}").status_code) == (201, 409), ending
    refused = send("notes.txt")
    assert refused.status_code == 422 and refused.json()["todo"] == "leave it out"
    assert server.http.post("/api/photos", json={"set": "raw"}).status_code == 202


def test_nothing_is_written_beside_photos_of_the_user(server: Server) -> None:
    folder = server.root / "trip"
    (folder / "day").mkdir(parents=True)
    for seed, name in enumerate(("a.jpg", "day/b.jpg")):
        photo(folder / name, seed)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    job = server.http.post("/api/photos", json={"folder": str(folder)}).json()
    server.work()
    assert server.http.get(f"/api/jobs/{job['id']}").json()["state"] == "done"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    at = f"/api/jobs/{job['id']}/page/"
    page = server.http.get(at).text
    thumbs = re.findall(r'src="([^"]+\.jpg)"', page)
    assert len(thumbs) == 2 and 'href="day/b.jpg"' in page
    for link in [*thumbs, "a.jpg", "day/b.jpg"]:
        assert server.http.get(at + link).headers["content-type"] == "image/jpeg"
    assert server.http.delete(f"/api/jobs/{job['id']}").status_code == 204
    assert sorted(path.name for path in folder.rglob("*")) == ["a.jpg", "b.jpg", "day"]
