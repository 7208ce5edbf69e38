"""Connections that keep the server waiting are ended; those that are used are not."""

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from smalti.app.access import connections
from tests.app.conftest import TOKEN, Serve, Server

HEAD = f"Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
Hurry = Callable[[float], Server]


@pytest.fixture
def hurry(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Hurry:
    """Starts another server of the same folder, of so little patience: what is prepared on the first is not hurried."""

    def start(patience: float) -> Server:
        monkeypatch.setattr(connections, "PATIENCE_S", patience)
        return serve()

    return start


def opened(server: Server) -> socket.socket:
    url = server.http.base_url
    return socket.create_connection((url.host, url.port or 80), 10)


def ended(connection: socket.socket) -> bool:
    """Whether the server ends a connection, perhaps after the rest of an answer, within the time that is waited."""
    try:
        while connection.recv(1000):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    return True


def unused(server: Server, job: dict[str, Any]) -> bool:
    """Whether a job is not read any more, or soon."""
    end = time.monotonic() + 10
    while job["id"] in server.services.uses and time.monotonic() < end:
        time.sleep(0.05)
    return job["id"] not in server.services.uses


@pytest.mark.parametrize("sent", ["", "GET /health HTTP/1.1\r\nHo"])
def test_half_a_head_does_not_keep_a_connection(sent: str, hurry: Hurry) -> None:
    with opened(hurry(0.4)) as connection:
        connection.sendall(sent.encode())
        assert ended(connection)


def test_half_a_head_after_an_answer_does_not_keep_it_either(hurry: Hurry) -> None:
    with opened(hurry(2)) as connection:
        connection.sendall(f"GET /health HTTP/1.1\r\n{HEAD}\r\n".encode())
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /health")
        assert ended(connection)


def test_who_does_not_read_is_not_waited_for(server: Server, hurry: Hurry, scene: Path) -> None:
    job = server.mapped(server.upload(scene))
    (server.services.folders.job(job["id"]) / "map.tif").write_bytes(bytes(30_000_000))
    quick = hurry(0.4)
    with opened(quick) as connection:
        connection.sendall(f"GET /api/jobs/{job['id']}/results/map.tif HTTP/1.1\r\n{HEAD}\r\n".encode())
        received = len(connection.recv(100))
        assert unused(quick, job)
        try:
            while part := connection.recv(2**20):
                received += len(part)
        except ConnectionResetError:
            pass
    assert received < 30_000_000


def test_what_is_used_stays(hurry: Hurry) -> None:
    url = hurry(2).http.base_url
    with closing(http.client.HTTPConnection(url.host, url.port, timeout=10)) as connection:
        connection.connect()
        first = connection.sock
        for _ in range(12):
            connection.request("GET", "/health")
            assert connection.getresponse().read()
            time.sleep(0.3)
        assert connection.sock is first


def test_a_stream_without_news_stays(server: Server, hurry: Hurry, scene: Path) -> None:
    job = server.start(server.upload(scene))
    with hurry(0.4).http.stream("GET", f"/api/jobs/{job['id']}/events") as answer:
        parts: Iterator[bytes] = answer.iter_raw()
        assert b"queued" in next(parts)
        time.sleep(1)
        server.http.post(f"/api/jobs/{job['id']}/cancel")
        assert b"cancelled" in next(parts)


def test_too_many_connections_end_the_one_that_is_idle_longest(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST", 3)
    idle = [opened(server) for _ in range(4)]
    try:
        assert ended(idle[0])
        assert server.http.get("/health").status_code == 200
        assert ended(idle[1])
    finally:
        for connection in idle:
            connection.close()


def test_head_is_answered_as_get_without_its_body(server: Server, scene: Path) -> None:
    job = server.mapped(server.upload(scene))
    waiting = server.start(server.upload(scene))
    for path in (
        f"/api/jobs/{job['id']}/results/map.tif", f"/api/scenes/{job['scene']}/tiles/0/0/0", "/health", "/",
        f"/api/jobs/{waiting['id']}/events", f"/api/jobs/{job['id']}",
    ):  # fmt: skip
        head = server.http.head(path)
        assert head.status_code == 200 and head.content == b"", path
        if "events" not in path:
            assert head.headers["content-length"] == server.http.get(path).headers["content-length"]
    assert server.http.head("/api/jobs/none").status_code == 404
    assert server.http.head("/api/jobs", headers={"Authorization": ""}).status_code == 401
    assert unused(server, job)


@pytest.mark.parametrize("part", ["bytes=9999999-", "bytes=abc", "bytes=5-2", "pages=1"])
def test_a_part_that_there_is_not_is_a_problem(part: str, server: Server, scene: Path) -> None:
    job = server.mapped(server.upload(scene))
    path = f"/api/jobs/{job['id']}/results/map.tif"
    whole = server.http.get(path).content
    answer = server.http.get(path, headers={"Range": part})
    assert answer.status_code == 416 and answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-range"] == f"bytes */{len(whole)}" and "no such part" in answer.json()["detail"]
    assert server.http.get(path, headers={"Range": "bytes=4-9"}).content == whole[4:10]
    assert unused(server, job)


def test_a_download_that_is_broken_off_is_in_use_no_longer(server: Server, scene: Path) -> None:
    job = server.mapped(server.upload(scene))
    (server.services.folders.job(job["id"]) / "map.tif").write_bytes(bytes(30_000_000))
    with opened(server) as connection:
        connection.sendall(f"GET /api/jobs/{job['id']}/results/map.tif HTTP/1.1\r\n{HEAD}\r\n".encode())
        assert connection.recv(100)
        assert job["id"] in server.services.uses
    assert unused(server, job)
