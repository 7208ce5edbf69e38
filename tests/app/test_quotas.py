"""Quotas hold whatever is done at once, taken apart, or removed again."""

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from smalti.app.limits import Limits
from smalti.app.scenes.table import Scenes
from tests.app.bombs import archive
from tests.app.conftest import TOKEN, Serve, Server
from tests.app.test_attacks import stored_files


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Semaphore, threading.Event]]:
    """Scenes that have arrived wait before they are stored: how many do, and what lets them go on."""
    arrived, go = threading.Semaphore(0), threading.Event()
    true = Scenes.add

    def add(*given: Any, **more: Any) -> Any:
        arrived.release()
        assert go.wait(20)
        return true(*given, **more)

    monkeypatch.setattr(Scenes, "add", add)
    yield arrived, go
    go.set()


@pytest.fixture
def apart() -> Iterator[Callable[..., Future[httpx.Response]]]:
    """Sends a request in a thread of its own."""
    with ThreadPoolExecutor(8) as pool:
        yield lambda server, path, **more: pool.submit(server.http.post, path, **more)


def test_removed_jobs_count_on(serve: Serve, scene: Path) -> None:
    server = serve(limits=Limits(pixels=130_000))
    found = server.upload(scene)
    for _ in range(2):
        job = server.mapped(found)
        assert server.http.delete(f"/api/jobs/{job['id']}").status_code == 204
    problem = server.refused("POST", "/api/jobs", json={"scene": found["id"], "model": "tiny"})
    assert problem["status"] == 429 and "megapixels a day" in problem["detail"]


def test_what_was_not_mapped_is_given_back_until_it_is_resumed(serve: Serve, scene: Path) -> None:
    server = serve(limits=Limits(pixels=70_000))
    found = server.upload(scene)
    first = server.start(found)
    server.http.post(f"/api/jobs/{first['id']}/cancel")
    server.start(found)
    assert server.refused("POST", f"/api/jobs/{first['id']}/resume")["status"] == 429
    assert server.http.get(f"/api/jobs/{first['id']}").json()["state"] == "cancelled"


def test_uploads_at_once_share_the_bytes_of_a_token(
    serve: Serve,
    scene: Path,
    gate: tuple[threading.Semaphore, threading.Event],
    apart: Callable[..., Future[httpx.Response]],
) -> None:
    arrived, go = gate
    server = serve(limits=Limits(bytes=2 * scene.stat().st_size + 10))
    sent = [apart(server, "/api/uploads", params={"name": f"{k}.tif"}, content=scene.read_bytes()) for k in range(2)]
    assert all(arrived.acquire(timeout=20) for _ in sent)
    more = {"params": {"name": "more.tif"}, "content": scene.read_bytes()}
    assert "bytes of this token" in server.refused("POST", "/api/uploads", **more)["detail"]
    packed = archive({"a.tif": scene.read_bytes()})
    assert server.refused("POST", "/api/uploads", params={"name": "a.zip"}, content=packed)["status"] == 413
    go.set()
    assert [one.result().status_code for one in sent] == [201, 201]
    assert len(stored_files(server)) == 2


def test_a_zip_may_not_unpack_beyond_the_bytes_of_a_token(serve: Serve, scene: Path) -> None:
    size = scene.stat().st_size
    server = serve(limits=Limits(bytes=3 * size))
    server.upload(scene)
    three = archive({f"{k}.tif": scene.read_bytes() for k in range(3)})
    assert server.refused("POST", "/api/uploads", params={"name": "a.zip"}, content=three)["status"] == 413
    one = archive({"a.tif": scene.read_bytes()})
    assert server.http.post("/api/uploads", params={"name": "a.zip"}, content=one).status_code == 201


def test_servers_of_one_folder_share_the_bytes_of_a_token(
    serve: Serve,
    scene: Path,
    gate: tuple[threading.Semaphore, threading.Event],
    apart: Callable[..., Future[httpx.Response]],
) -> None:
    arrived, go = gate
    limits = Limits(bytes=scene.stat().st_size + 10)
    sent = [
        apart(serve(limits=limits), "/api/uploads", params={"name": "a.tif"}, content=scene.read_bytes())
        for _ in range(2)
    ]
    assert all(arrived.acquire(timeout=20) for _ in sent)
    go.set()
    assert sorted(one.result().status_code for one in sent) == [201, 413]


@pytest.fixture
def slow(scene: Path) -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """The address of a scene that arrives in two parts, what is set with the first, and what lets the second one go."""
    begun, go = threading.Event(), threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = scene.read_bytes()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content[:-100])
            begun.set()
            go.wait(20)
            self.wfile.write(content[-100:])

        def log_message(self, *_: object) -> None:
            pass

    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{found.server_address[1]}/scene.tif", begun, go
    go.set()
    found.shutdown()
    found.server_close()


def test_addresses_take_bytes_and_places_as_uploads_do(
    serve: Serve,
    scene: Path,
    slow: tuple[str, threading.Event, threading.Event],
    apart: Callable[..., Future[httpx.Response]],
) -> None:
    url, begun, go = slow
    hosts = (url.split("/")[2],)
    server = serve(limits=Limits(bytes=scene.stat().st_size + 10, uploads=2), hosts=hosts)
    fetched = apart(server, "/api/scenes", json={"url": url})
    assert begun.wait(20)
    send = {"params": {"name": "a.tif"}, "content": scene.read_bytes()}
    assert "bytes of this token" in server.refused("POST", "/api/uploads", **send)["detail"]
    go.set()
    assert fetched.result().status_code == 201
    full = serve(limits=Limits(uploads=1, waiting=0), hosts=hosts)
    begun.clear()
    go.clear()
    other = apart(full, "/api/scenes", json={"url": url})
    assert begun.wait(20)
    assert full.refused("POST", "/api/uploads", **send)["status"] == 429
    assert full.refused("POST", "/api/scenes", json={"url": url})["status"] == 429
    go.set()
    assert other.result().status_code == 201


def test_an_address_that_sends_too_slowly_is_given_up(
    serve: Serve, slow: tuple[str, threading.Event, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, begun, go = slow
    monkeypatch.setattr("smalti.app.access.pace.PATIENCE_S", 0.2)
    monkeypatch.setattr("smalti.app.access.pace.LEAST", 2**30)
    server = serve(hosts=(url.split("/")[2],))

    def send_the_rest() -> None:
        begun.wait(20)
        time.sleep(0.5)
        go.set()

    threading.Thread(target=send_the_rest).start()
    problem = server.refused("POST", "/api/scenes", json={"url": url})
    assert problem["status"] == 422 and "TimeoutError" in problem["detail"]


@pytest.mark.parametrize("path", ["/api/uploads?name=a.tif", "/api/jobs"])
def test_a_byte_now_and_then_is_too_slow(path: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalti.app.access.pace.PATIENCE_S", 0.3)
    url = server.http.base_url
    head = f"POST {path} HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 1000\r\n"
    ended = threading.Event()
    with socket.create_connection((url.host, url.port or 80), 10) as connection:

        def trickle() -> None:
            with suppress(OSError):  # the server may end the connection first
                while not ended.wait(0.05):
                    connection.sendall(b" ")

        connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode())
        sender = threading.Thread(target=trickle)
        sender.start()
        try:
            assert b" 408 " in connection.recv(100)
        finally:
            ended.set()
            sender.join()


def test_streams_that_are_opened_at_once_are_bounded(serve: Serve, scene: Path) -> None:
    server = serve(limits=Limits(streams=3))
    job = server.start(server.upload(scene))
    url = server.http.base_url
    asked = f"GET /api/jobs/{job['id']}/events HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    streams = [socket.create_connection((url.host, url.port or 80), 20) for _ in range(40)]
    try:
        for stream in streams:
            stream.sendall(asked.encode())
        lines = [stream.recv(20).split(b" ")[1] for stream in streams]
    finally:
        for stream in streams:
            stream.close()
    assert sorted(lines) == [b"200"] * 3 + [b"429"] * 37
    server.http.post(f"/api/jobs/{job['id']}/cancel")
    for _ in range(4):
        assert server.http.get(f"/api/jobs/{job['id']}/events").status_code == 200
