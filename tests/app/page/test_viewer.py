"""Looking at scenes and maps in the page: swipe, layers, cursor, keys, phones, errors."""

import io
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image

from smalti.synth import draw
from smalti.tiling import Window
from tests.app.page.app_page import at, share_of
from tests.app.page.images import PLACE, write
from tests.app.page.serving import Server

pytestmark = pytest.mark.slow


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
    assert app.page.locator("#panel-result").evaluate("(part) => part.scrollWidth - part.clientWidth") == 0
    app.page.check("[data-key=shade]")
    app.painted()
    seen.append(app.pixels())
    assert app.page.locator("#panel-result .ramp canvas").get_attribute("aria-label").startswith("From")
    for one, other in pairwise(seen):
        assert (one != other).any(axis=-1).mean() > 0.05


def test_hillshade_grows_with_its_job(open_page: Any, mapped: Any) -> None:
    app = open_page(at(mapped))
    app.painted()
    app.page.route("**/events", lambda _: None)  # never answered: the job is as far as is said here
    change = """async (changes) => {
      const { get, set } = await import(new URL("static/js/core/store.js", document.baseURI).pathname);
      set({ job: { ...get("job"), ...changes } });
    }"""
    app.page.evaluate(change, {"state": "running", "rows_done": 64})
    app.tab("result")
    app.page.check("[data-key=shade]")
    app.painted()
    with app.page.expect_request(lambda request: "/hillshade/" in request.url and "v=done" in request.url):
        app.page.evaluate(change, {"state": "done"})


def test_photos_of_a_folder_become_series(open_page: Any, tmp_path: Path) -> None:
    pixels = draw(Window(0, 0, 240, 320), 5).image.transpose(1, 2, 0)
    (tmp_path / "burst").mkdir()
    photos = [tmp_path / "burst" / f"IMG_{shot}.jpg" for shot in range(3)]
    for shot, photo in enumerate(photos):
        Image.fromarray(pixels).resize((320 >> shot, 240 >> shot)).resize((320, 240)).save(photo)
    app = open_page()
    with app.page.expect_file_chooser() as chooser:
        app.page.click("#tools >> text=Choose a folder")
    chooser.value.set_files(photos[0].parent)
    app.page.click("text=Series: find the best")
    frame = app.page.frame_locator("#photos iframe")
    assert "3 photos" in frame.locator("header").inner_text()
    assert "burst" in frame.locator("header").inner_text()
    app.tab("scene")
    app.page.click("#panel-scene summary:has-text('3 photos')")
    assert app.page.locator("#panel-scene button >> text=/^Find the best/").is_visible()
    app.page.locator("#panel-scene .item .name", has_text="IMG_0").click()
    app.page.wait_for_selector("#photos[hidden]", state="attached")


def test_images_of_a_dropped_archive_become_scenes(open_page: Any, scene: Path, tmp_path: Path) -> None:
    archive = tmp_path / "two.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("north.tif", "south.tif"):
            file.write(scene, name)
    app = open_page()
    app.drop(archive)
    app.painted()
    app.tab("scene")
    assert {"north.tif", "south.tif"} <= set(app.page.inner_text("#panel-scene").splitlines())


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
    app.page.click("text=large.tif")
    app.painted()
    app.tab("scene")
    assert "20,000" in app.page.inner_text("#panel-scene")
    light = app.pixels().min(axis=-1) > 150
    assert 0.005 < light.mean() < 0.4
    for _ in range(4):
        app.page.click(".ol-zoom-in")
    app.painted()


def test_everything_can_be_done_by_keyboard(open_page: Any, scene: Path) -> None:
    app = open_page()
    keys = app.page.keyboard
    with app.page.expect_file_chooser() as chooser:
        app.page.locator("#welcome button").first.press("Enter")
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
        for part in ("html", f"#panel-{name}"):
            assert app.page.locator(part).evaluate("(part) => part.scrollWidth - part.clientWidth") == 0, (name, part)
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
