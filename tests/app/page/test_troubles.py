"""What the page says when something goes wrong, where it happened, with what to do."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.app.page.app_page import at
from tests.app.page.images import write
from tests.app.page.serving import Server

pytestmark = pytest.mark.slow
REFUSED = "Failed to load resource: the server responded with a status of 422"
LOST = "Failed to load resource: net::ERR_"


def damaged(path: Path) -> Path:
    """A scene of four tiles, the last of which cannot be decoded."""
    noise = np.random.default_rng(0).integers(0, 255, (1, 512, 512)).astype(np.uint8)
    write(path, noise, tiled=True, blockxsize=256, blockysize=256, compress="deflate")
    content = bytearray(path.read_bytes())
    content[-20_000:] = bytes(20_000)
    path.write_bytes(content)
    return path


def test_a_damaged_scene_is_told_once_above_it(open_page: Any, folder: Path) -> None:
    path = damaged(folder / "damaged.tif")
    app = open_page(f"#path={path}", allowed=(REFUSED,), color_scheme="dark")
    told = app.page.wait_for_selector("#trouble .problem").inner_text()
    assert "damaged.tif" in told
    assert "again" in told.splitlines()[-1]
    app.painted()
    assert app.pixels().std() > 20  # the good part of it
    assert app.serious() == []
    app.page.click("#trouble >> text=Close")
    for _ in range(3):
        app.page.click(".ol-zoom-in")
    app.painted()
    assert app.page.locator("#trouble").is_hidden()


def test_each_bad_file_is_named_and_the_good_one_is_opened(open_page: Any, scene: Path, tmp_path: Path) -> None:
    names = ("empty.tif", "notes.tif", "short.jpg")
    for name, content in zip(names, (b"", b"not an image", b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(50)), strict=True):
        (tmp_path / name).write_bytes(content)
    app = open_page(allowed=(REFUSED,), viewport={"width": 360, "height": 700})
    app.drop(*(tmp_path / name for name in names), scene)
    told = app.page.wait_for_selector("#panel-scene .problem").inner_text()
    assert told.startswith("3 of 4 files")
    assert all(name in told for name in names)
    app.painted()
    assert app.page.inner_text("#title") == scene.name
    assert app.serious() == []
    assert app.page.locator("#panel-scene").evaluate("(part) => part.scrollWidth - part.clientWidth") == 0


def test_a_file_that_cannot_be_made_is_told_where_it_was_asked_for(open_page: Any, mapped: Any) -> None:
    app = open_page(at(mapped), allowed=("Failed to load resource: the server responded with a status of 507",))
    full = {"status": 507, "detail": "map.gpkg: the disk is full; free space on it", "todo": "free space on it"}
    app.page.route("**/results/map.gpkg", lambda route: route.fulfill(status=507, json=full))
    app.page.click(".downloads a:has-text('GeoPackage')")
    told = app.page.wait_for_selector("#panel-result .problem").inner_text()
    assert told.split("\n\n") == ["map.gpkg: the disk is full", "Free space on it"]
    assert "not made" in app.page.inner_text(".downloads a:has-text('GeoPackage')")


def test_an_idle_page_notices_a_dead_server_and_its_return(open_page: Any, server: Server, mapped: Any) -> None:
    app = open_page(at(mapped), allowed=(LOST,), clock=True)
    app.painted()
    app.tab("map")
    app.page.click("#panel-map summary:has-text('Options')")
    field = app.page.locator("#panel-map input[type=number]").first
    field.fill("25")
    server.kill()
    app.page.clock.fast_forward(10_000)
    told = app.page.wait_for_selector("#offline:not([hidden])").inner_text()
    assert "does not answer" in told
    assert app.serious() == []
    server.start()
    app.page.clock.fast_forward(2000)
    app.page.wait_for_selector("#offline[hidden]", state="attached")
    assert field.input_value() == "25"
    assert app.page.inner_text("#title") == "town.tif"
    app.painted()
