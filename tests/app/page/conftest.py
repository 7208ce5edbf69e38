"""A server and a browser for the tests of one module, and a finished map."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from smalti.synth import draw
from smalti.tiling import Window
from tests.app.page.app_page import AppPage
from tests.app.page.images import SIZE, write
from tests.app.page.serving import Server, call, make_map
from tests.photos.browser import launch


class Web(NamedTuple):
    """A folder that is served as a web server does."""

    folder: Path
    host: str


class Quiet(SimpleHTTPRequestHandler):
    """Files, without a log."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def scene(folder: Path) -> Path:
    return write(folder / "scene.tif", draw(Window(300, 300, SIZE, SIZE), 7).image)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """Another host, from which the server may fetch."""
    folder = tmp_path_factory.mktemp("web")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as host:
        thread = threading.Thread(target=host.serve_forever, daemon=True)
        thread.start()
        yield Web(folder, f"127.0.0.1:{host.server_port}")
        host.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, folder: Path, web: Web) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("data"), folder, "--allow-host", web.host)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launch("EXCLUDE 127.0.0.1")


@pytest.fixture
def open_page(browser: Any, server: Server) -> Iterator[Any]:
    """Opens pages, whose consoles must stay silent; `allowed` are the beginnings of what they may say."""
    pages: list[tuple[AppPage, tuple[str, ...]]] = []

    def opened(at: str = "", *, allowed: tuple[str, ...] = (), **options: Any) -> AppPage:
        pages.append((AppPage(browser, server, at, **options), allowed))
        return pages[-1][0]

    yield opened
    for page, allowed in pages:
        page.close()
        assert [text for text in page.problems if not text.startswith(allowed or "\0")] == []


@pytest.fixture(scope="module")
def mapped(server: Server, scene: Path) -> Any:
    """A finished map with heights, of the scene sent by the interface."""
    sent = call(server, "uploads?name=town.tif", scene.read_bytes())
    return make_map(server, sent["id"], "town")


@pytest.fixture(scope="module")
def colors(server: Server, mapped: Any) -> list[str]:
    return [area["color"] for area in call(server, f"jobs/{mapped['id']}/areas")]
