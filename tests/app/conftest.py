"""A server on the loopback in the test's own process, a client with its token, and a worker that works when told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from numpy.typing import NDArray

from smalti.app.access.connections import Patient
from smalti.app.access.hosts import parse_hosts
from smalti.app.access.roots import resolved
from smalti.app.access.tokens import one_token
from smalti.app.database import Database
from smalti.app.jobs.queue import Queue
from smalti.app.jobs.worker import work_once
from smalti.app.limits import Limits
from smalti.app.listening import address_of, listen
from smalti.app.server import guarded_app
from smalti.app.services import Services, Settings
from tests.app.pictures import write_tiff
from tests.tiny import tiny_model

TOKEN = "a-token-that-is-long-enough"
USUAL = Limits()


@dataclass(frozen=True)
class Server:
    """A running server, as a test sees it."""

    http: httpx.Client
    services: Services
    folder: Path
    root: Path
    stop: Callable[[], None]

    def work(self) -> None:
        """Does all waiting jobs."""
        queue = Queue(Database(self.services.folders.database))
        while work_once(self.services.folders, queue, threading.Event()):
            pass

    def upload(self, path: Path) -> dict[str, Any]:
        answer = self.http.post("/api/uploads", params={"name": path.name}, content=path.read_bytes())
        assert answer.status_code == 201, answer.text
        return answer.json()

    def start(self, scene: dict[str, Any], **more: Any) -> dict[str, Any]:
        answer = self.http.post("/api/jobs", json={"scene": scene["id"], "model": "tiny", **more})
        assert answer.status_code == 202, answer.text
        return answer.json()

    def mapped(self, scene: dict[str, Any], **more: Any) -> dict[str, Any]:
        job = self.start(scene, **more)
        self.work()
        done = self.http.get(f"/api/jobs/{job['id']}").json()
        assert done["state"] == "done", done
        return done

    def refused(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The problem that a request is answered with."""
        answer = self.http.request(method, path, **more)
        assert answer.status_code >= 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["detail"]
        return problem


Serve = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts servers with the given settings; their root holds a scene, and `tiny` is a model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    tiny_model(tmp_path / "models" / "tiny.onnx")
    root = tmp_path / "root"
    root.mkdir()
    stops: list[Callable[[], None]] = []

    def start(*, limits: Limits = USUAL, hosts: tuple[str, ...] = (), **more: Any) -> Server:
        plain = Settings(tmp_path / "data", resolved([root]), parse_hosts(hosts), one_token(TOKEN), limits=limits)
        listening = listen("127.0.0.1", 0)
        app = guarded_app(replace(plain, **more), processes=False)
        config = uvicorn.Config(app, log_level="error", lifespan="off", ws="none", http=Patient)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        client = httpx.Client(
            base_url=address_of(listening), headers={"Authorization": f"Bearer {TOKEN}"}, timeout=120, trust_env=False
        )
        services = app.services
        receiving = ExitStack()
        receiving.enter_context(services.uploads.open())

        def stop() -> None:
            receiving.close()
            client.close()
            server.should_exit = True
            thread.join(10)
            services.teacher.close()
            services.views.close()
            listening.close()

        stops.append(stop)
        return Server(client, services, tmp_path, root, stop)

    yield start
    for stop in stops:
        stop()


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve()


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A georeferenced scene of 300 x 200 pixels in three colours: red to the left, green, blue."""
    pixels: NDArray[np.uint8] = np.zeros((3, 200, 300), np.uint8)
    for band in range(3):
        pixels[band, :, band * 100 : (band + 1) * 100] = 200
    return write_tiff(tmp_path / "scene.tif", pixels)
