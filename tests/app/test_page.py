"""The page in a real browser: open, map, look, download, and what happens when things go wrong."""

import io
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from smalti.synth import draw
from smalti.tiling import Window
from tests.app.app_page import TOKEN, AppPage, Server, share_of
from tests.photos.browser import launch

pytest.importorskip("fastapi")
pytestmark = pytest.mark.slow

SIZE = 256
PLACE = Affine(0.3, 0, 305000, 0, -0.3, 2790000)


def write(path: Path, pixels: np.ndarray[Any, Any]) -> Path:
    bands, height, width = pixels.shape
    profile = {"driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": pixels.dtype}
    with rasterio.open(path, "w", crs="EPSG:32640", transform=PLACE, **profile) as raster:
        raster.write(pixels)
    return path


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


def call(server: Server, path: str, body: Any = None) -> Any:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.address}/api/{path}", data, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def make_map(server: Server, scene: str, model: str) -> Any:
    job = call(server, "jobs", {"scene": scene, "model": model, "options": {"confidence": True}})
    for _ in range(1200):
        job = call(server, f"jobs/{job['id']}")
        if job["state"] not in ("queued", "running"):
            break
        time.sleep(0.1)
    assert job["state"] == "done", job["problem"]
    return job


@pytest.fixture(scope="module")
def mapped(server: Server, scene: Path) -> Any:
    """A finished map with heights, of the scene sent by the interface."""
    sent = call(server, "uploads?name=town.tif", scene.read_bytes())
    return make_map(server, sent["id"], "town")


@pytest.fixture(scope="module")
def colors(server: Server, mapped: Any) -> list[str]:
    return [area["color"] for area in call(server, f"jobs/{mapped['id']}/areas")]


def at(job: Any) -> str:
    return f"#scene={job['scene']}&job={job['id']}"


def test_a_dropped_image_is_mapped_and_the_map_lies_above_it(
    open_page: Any, scene: Path, colors: list[str], tmp_path: Path
) -> None:
    app = open_page()
    app.drop(scene)
    app.painted()
    assert share_of(app.pixels(), colors) < 0.1
    app.page.click("#start")
    app.done()
    app.opaque()
    assert share_of(app.pixels(), colors) > 0.4  # the square scene within the wide viewer
    app.page.click("#panel-result .legend input >> nth=0")  # one class less
    app.painted()
    assert "hide=0" in str(app.page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)"))
    with app.page.expect_download() as download:
        app.page.click("text=GeoTIFF >> nth=0")
    download.value.save_as(tmp_path / "map.tif")
    with rasterio.open(tmp_path / "map.tif") as raster, rasterio.open(scene) as given:
        assert (raster.shape, raster.crs, raster.transform) == (given.shape, given.crs, given.transform)


def test_results_that_were_not_asked_for_are_made_when_they_are_downloaded(
    open_page: Any, mapped: Any, tmp_path: Path
) -> None:
    app = open_page(at(mapped))
    with app.page.expect_download() as download:
        app.page.click("text=GeoJSON")
    download.value.save_as(tmp_path / "map.geojson")
    assert json.loads((tmp_path / "map.geojson").read_text())["features"]


def test_swipe_shows_the_scene_at_its_left_and_the_map_at_its_right(
    open_page: Any, mapped: Any, colors: list[str]
) -> None:
    app = open_page(at(mapped))
    app.painted()
    app.opaque()
    app.page.check("#swipe-on")
    app.painted()
    pixels = app.pixels()
    middle = pixels.shape[1] // 2
    assert share_of(pixels[:, : middle - 20], colors) < 0.1
    assert share_of(pixels[:, middle + 20 :], colors) > 0.4
    handle = app.page.locator("#swipe")
    handle.focus()
    handle.press("Home")
    app.painted()
    assert handle.get_attribute("aria-valuenow") == "0"
    assert share_of(app.pixels()[:, : middle - 20], colors) > 0.4


def test_a_drawn_box_is_all_that_is_mapped(open_page: Any, server: Server, scene: Path) -> None:
    app = open_page()
    app.drop(scene)
    app.painted()
    app.page.locator("label", has_text="Box").click()
    box = app.page.locator("#map").bounding_box()
    assert app.page.locator("#start").is_disabled()
    for x, y in ((0.45, 0.4), (0.6, 0.7)):
        app.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        app.page.mouse.down()
        app.page.mouse.up()
    app.page.click("#start:enabled")
    app.done()
    job = call(server, "jobs")[0]
    col, row, width, height = job["area"]
    assert 0 < col < col + width < SIZE
    assert 0 < row < row + height < SIZE
    assert (height > 40) and (width > 20)


def test_the_cursor_is_told_coordinates_class_and_confidence(open_page: Any, mapped: Any) -> None:
    app = open_page(at(mapped))
    app.painted()
    app.page.locator("#map").hover()
    app.page.wait_for_selector("#readout:has-text('confidence')")
    text = app.page.inner_text("#readout")
    assert "305" in text
    assert "height" in text
    assert "column" in text


def test_layers_of_values_are_shown_with_hillshade(open_page: Any, mapped: Any) -> None:
    app = open_page(at(mapped))
    app.opaque()
    seen = [app.pixels()]
    for name in ("Confidence", "Height"):
        app.page.locator("#panel-result label", has_text=name).click()
        app.painted()
        seen.append(app.pixels())
    app.page.check("[data-key=shade]")
    app.painted()
    seen.append(app.pixels())
    for one, other in zip(seen, seen[1:], strict=False):
        assert (one != other).any(axis=-1).mean() > 0.05


def test_two_maps_of_one_scene_are_compared(open_page: Any, server: Server, mapped: Any) -> None:
    make_map(server, mapped["scene"], "landcover")
    app = open_page(at(mapped))
    app.page.click("#compare")
    table = app.page.locator(".matrix table")
    assert "→ water" in table.inner_text()
    assert "pixels changed" in app.page.inner_text("#panel-result")


def test_bands_and_stretch_are_for_the_eye(open_page: Any, folder: Path) -> None:
    pixels = np.random.default_rng(1).integers(200, 3000, (4, 64, 64)).astype(np.uint16)
    pixels[3] = 3000 - pixels[0]
    app = open_page()
    app.drop(write(folder / "bands.tif", pixels))
    app.painted()
    before = app.pixels()
    assert before.std() > 20  # not as dark as 16 bits are without a stretch
    app.tab("scene")
    app.page.select_option("[aria-label='Red band']", "4")
    app.painted()
    assert (app.pixels() != before).any(axis=-1).mean() > 0.2


def test_an_image_of_the_server_is_opened_however_large(open_page: Any, server: Server, folder: Path) -> None:
    side = 20_000
    profile = {"driver": "GTiff", "count": 1, "height": side, "width": side, "dtype": "uint8", "transform": PLACE}
    with rasterio.open(folder / "large.tif", "w", tiled=True, compress="deflate", SPARSE_OK=True, **profile) as raster:
        raster.write(np.full((1, 4096, side // 2), 200, np.uint8), window=((0, 4096), (0, side // 2)))
    app = open_page()
    app.page.click("summary:has-text('On the server')")
    app.page.click(f"text={folder.name}")
    begun = time.monotonic()
    app.page.click("text=large.tif")
    app.painted()
    assert time.monotonic() - begun < 60  # far from a limit: that it comes, not how fast
    app.tab("scene")
    assert "20,000 × 20,000" in app.page.inner_text("#panel-scene")
    light = app.pixels().min(axis=-1) > 150
    assert 0.005 < light.mean() < 0.4
    for _ in range(4):
        app.page.click(".ol-zoom-in")
    app.painted()


def test_a_job_survives_a_reload_and_a_killed_server(open_page: Any, server: Server, folder: Path) -> None:
    tall = write(folder / "tall.tif", draw(Window(0, 0, 1536, 512), 3).image)
    app = open_page(allowed=("Failed to load resource: net::ERR_",))
    app.drop(tall)
    app.painted()
    app.page.click("#panel-map summary:has-text('Options')")
    app.page.locator("label", has_text="Flips and turns").click()
    app.page.click("#start")
    app.page.wait_for_selector("#panel-result progress:not([value='0'])")
    app.page.reload()
    app.ready()
    assert app.page.inner_text("#panel-result .state") in ("running", "queued", "done")
    server.kill()
    app.page.wait_for_selector("#offline:not([hidden])")
    server.start()
    app.done()
    job = call(server, "jobs")[0]
    assert (job["rows_done"], job["state"]) == (1536, "done")
    app.page.wait_for_selector("#offline[hidden]", state="attached")


def test_everything_can_be_done_by_keyboard(open_page: Any, scene: Path) -> None:
    app = open_page()
    keys = app.page.keyboard
    app.page.locator("#welcome button").first.focus()
    with app.page.expect_file_chooser() as chooser:
        keys.press("Enter")
    chooser.value.set_files(scene)
    app.page.wait_for_selector("#start:enabled")
    keys.press("2")
    for _ in range(30):
        keys.press("Tab")
        if app.page.evaluate("document.activeElement.id") == "start":
            break
    keys.press("Enter")
    app.done()
    app.painted()
    keys.press("s")
    app.page.wait_for_selector("#swipe:not([hidden])")
    for _ in range(60):
        keys.press("Tab")
        if app.page.evaluate("document.activeElement.id") == "map":
            break
    keys.press("+")
    app.page.wait_for_selector("#readout:has-text('confidence')")
    before = app.page.locator("#readout span", has_text="column").inner_text()
    keys.press("ArrowRight")
    app.page.wait_for_selector(f"#readout:not(:has-text('{before}'))")
    keys.press("?")
    app.page.wait_for_selector("#keys[open]")
    keys.press("Escape")
    app.page.wait_for_selector("#keys:not([open])", state="attached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: Any, mapped: Any, scheme: str) -> None:
    app = open_page(color_scheme=scheme)
    assert app.serious() == []
    app = open_page(at(mapped), color_scheme=scheme)
    app.page.wait_for_selector("#panel-result .legend td + td")
    light = np.asarray(Image.open(io.BytesIO(app.page.locator("header").screenshot())).convert("L")).mean() > 128
    assert light == (scheme == "light")
    for name in ("result", "jobs", "scene", "map"):
        app.tab(name)
        assert app.serious() == [], name


def test_a_phone_has_room_for_all_of_it(open_page: Any, mapped: Any) -> None:
    app = open_page(at(mapped), viewport={"width": 360, "height": 700}, has_touch=True)
    app.painted()
    for name in ("scene", "map", "result", "jobs"):
        app.tab(name)
        wide = "() => [document.documentElement, document.querySelector('.panel:not([hidden])')].map((e) => e.scrollWidth - e.clientWidth)"
        assert app.page.evaluate(wide) == [0, 0], name
    assert app.page.locator("#map").bounding_box()["height"] > 200


def test_an_error_is_told_where_it_happened_with_what_to_do(open_page: Any, mapped: Any, tmp_path: Path) -> None:
    app = open_page(at(mapped), allowed=("Failed to load resource: the server responded with a status of 422",))
    (tmp_path / "notes.tif").write_text("not an image")
    app.drop(tmp_path / "notes.tif")
    told = app.page.wait_for_selector("#panel-scene .problem").inner_text()
    assert "notes.tif" in told
    assert told.count("\n") >= 1
    app.tab("map")
    app.page.click("#panel-map summary:has-text('Options')")
    app.page.locator("label", has_text="Stretch for the model").locator("input").fill("9,1")
    app.page.click("#start")
    assert "9" in app.page.wait_for_selector("#panel-map .problem").inner_text()
