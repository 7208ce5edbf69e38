"""Maps that are made in the page: of all, of a part, in spite of a killed server, compared, downloaded."""

import json
from pathlib import Path
from typing import Any

import pytest
import rasterio
from affine import Affine

from smalti.synth import draw
from smalti.tiling import Window
from tests.app.page.app_page import at, share_of
from tests.app.page.images import PLACE, SIZE, write
from tests.app.page.serving import Server, call, make_map

pytestmark = pytest.mark.slow


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


def test_pixels_of_another_size_than_the_models_are_told(open_page: Any, scene: Path, folder: Path) -> None:
    app = open_page()
    app.drop(scene)
    app.painted()
    said = app.page.inner_text("#panel-map")
    assert "MPix of scene.tif." in said and "per pixel" not in said
    other = write(folder / "other.tif", draw(Window(0, 0, SIZE, SIZE), 3).image, transform=PLACE @ Affine.scale(2))
    app.drop(other)
    app.page.wait_for_selector(
        "#panel-map :text('The scene has 0.6 m per pixel, the model is for 0.15 to 0.4 m: it is resampled')"
    )


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


def test_two_maps_of_one_scene_are_compared(open_page: Any, server: Server, mapped: Any) -> None:
    make_map(server, mapped["scene"], "landcover")
    app = open_page(at(mapped))
    app.page.click("#compare")
    table = app.page.locator(".matrix table")
    assert "water" in table.inner_text()
    assert "town.tif · landcover" in app.page.inner_text("#panel-result [aria-label=Comparison] dl")
    assert "pixels changed" in app.page.inner_text("#panel-result")
    assert app.serious() == []


def test_a_job_survives_a_reload_and_a_killed_server(open_page: Any, server: Server, folder: Path) -> None:
    tall = write(folder / "tall.tif", draw(Window(0, 0, 4096, 512), 3).image)
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
    assert (job["rows_done"], job["state"]) == (4096, "done")
    app.page.wait_for_selector("#offline[hidden]", state="attached")
