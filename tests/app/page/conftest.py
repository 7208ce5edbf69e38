"""A server and a browser for the tests of one module, and a finished map."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smalti.synth import draw
from smalti.tiling import Window
from tests.app.page.app_page import AppPage
from tests.app.page.images import SIZE, write
from tests.app.page.serving import Server, call, make_map
from tests.photos.browser import launch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def scene(folder: Path) -> Path:
    return write(folder / "scene.tif", draw(Window(300, 300, SIZE, SIZE), 7).image)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("data"), folder)
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
