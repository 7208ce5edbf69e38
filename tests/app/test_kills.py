"""The server or its worker is killed in the middle of a job: the map is byte for byte that of an undisturbed run."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from smalti.workflows.map import map as map_scene
from tests.app.pictures import write_tiff
from tests.tiny import tiny_card, tiny_model

TOKEN = "a-token-that-is-long-enough"
pytestmark = pytest.mark.slow


class Running:
    """`smalti serve` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "smalti", "serve", "--port", "0", "--data", "data", "--root", str(folder)]
        environment = {**os.environ, "SMALTI_TOKEN": TOKEN}
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        address = self.process.stdout.readline().strip()
        assert TOKEN not in address
        self.http = httpx.Client(
            base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60, trust_env=False
        )

    def worker(self) -> psutil.Process:
        """The process that makes maps."""
        return wait_for(lambda: next(p for p in psutil.Process(self.process.pid).children() if "jobs" in p.cmdline()))

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(20)
        self.http.close()
        assert self.process.stdout
        self.process.stdout.close()


def wait_for(look: Callable[[], Any], seconds: float = 120) -> Any:
    """The first result that is true; whatever is not there yet counts as false."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except (StopIteration, psutil.Error):
            pass
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A scene of 123 strips: not mapped before it is killed."""
    (tmp_path / "models").mkdir()
    tiny_model(tmp_path / "models" / "tiny.onnx", tiny_card())
    pixels = np.random.default_rng(1).integers(0, 255, (3, 6000, 700), np.uint8)
    write_tiff(tmp_path / "scene.tif", pixels, tiled=True)
    yield tmp_path
    for process in psutil.process_iter(["cmdline"]):
        if str(tmp_path) in " ".join(process.info["cmdline"] or ()):
            process.kill()


def started(server: Running, folder: Path) -> str:
    scene = server.http.post("/api/scenes", json={"path": str(folder / "scene.tif")}).json()["scenes"][0]
    job = server.http.post("/api/jobs", json={"scene": scene["id"], "model": "tiny"}).json()
    spool = folder / "data" / "jobs" / job["id"] / "map.tif.partial"
    wait_for(lambda: len(list(spool.glob("rows_????????_????????"))) > 3)
    return str(job["id"])


def finished(server: Running, job: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = server.http.get(f"/api/jobs/{job}").json()
        assert found["state"] in ("queued", "running", "done"), found
        return found if found["state"] == "done" else None

    found: dict[str, Any] = wait_for(look)
    return found


def test_a_kill_during_an_upload_leaves_nothing(folder: Path) -> None:
    server = Running(folder)
    sent = threading.Event()

    def parts() -> Iterator[bytes]:
        yield (folder / "scene.tif").read_bytes()
        sent.wait(60)

    def upload() -> None:
        with suppress(httpx.HTTPError):
            server.http.post("/api/uploads", params={"name": "a.tif"}, content=parts())

    sender = threading.Thread(target=upload)
    sender.start()
    incoming, size = folder / "data" / "incoming", (folder / "scene.tif").stat().st_size

    def held() -> int:
        return sum(path.stat().st_size for path in incoming.rglob("*") if path.is_file())

    wait_for(lambda: held() > size // 2)
    server.end(signal.SIGKILL)
    sent.set()
    sender.join()
    again = Running(folder)
    assert again.http.get("/api/scenes").json() == [] and held() < 1000
    assert list((folder / "data" / "scenes").iterdir()) == []
    content = (folder / "scene.tif").read_bytes()
    assert again.http.post("/api/uploads", params={"name": "a.tif"}, content=content).status_code == 201
    again.end(signal.SIGINT)


def test_kills_lose_nothing(folder: Path) -> None:
    server = Running(folder)
    job = started(server, folder)
    before = server.http.get(f"/api/jobs/{job}").json()
    assert before["state"] == "running"
    worker = server.worker()
    worker.kill()
    wait_for(lambda: server.worker().pid != worker.pid)
    server.end(signal.SIGKILL)
    again = Running(folder)
    assert finished(again, job)["rows_done"] == 6000
    answer = again.http.get(f"/api/jobs/{job}/results/map.tif")
    map_scene(folder / "scene.tif", folder / "plain.tif", model=folder / "models" / "tiny.onnx")
    assert answer.content == (folder / "plain.tif").read_bytes()
    processes = psutil.Process(again.process.pid).children()
    again.end(signal.SIGINT)
    assert again.process.returncode == 0
    assert not psutil.wait_procs(processes, timeout=15)[1]
