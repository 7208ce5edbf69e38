#!/usr/bin/env python3
"""Takes the pictures of the app in docs/: `python tools/app_pictures.py docs/images [DATA]`.

Needs chromium (`apt-get install chromium`) and playwright. The scenes are drawn. With DATA, the folder of images and
labels of `benchmarks/teach_places.py`, only the picture of a lesson is taken, on a part of Banepa: strokes are painted
where the map differs most from the buildings of OpenStreetMap.
"""

import io
import json
import runpy
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from rasterio.features import rasterize, shapes
from rasterio.warp import transform_geom

from smalti import draw, predict

ROOT = Path(__file__).resolve().parent.parent
SERVING = runpy.run_path(str(ROOT / "tests" / "app" / "page" / "serving.py"))
SCREEN = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
SIZE = 2048
SEED = 7
CHIP, COLS, ROWS = "OAM-{}-{}-19.tif", range(386690, 386694), range(220241, 220245)
EDGE_M = 20037508.342789244
"""Half the width of a web map."""
STROKES = 30
"""Of each of two classes."""
Stroke = tuple[str, float, float]
"""A class, and the column and row of the stroke's middle."""


def painted(page: Page) -> None:
    """Waits until all tiles are there."""
    page.wait_for_timeout(700)
    page.wait_for_selector("#map[data-state=ready]")


def save(page: Page, path: Path) -> None:
    """What the browser shows, as a JPEG."""
    painted(page)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.save(path, quality=82, optimize=True, progressive=True)


def choose(page: Page, scene: Path, model: str) -> None:
    """Opens a scene, and chooses a model of that name."""
    with page.expect_file_chooser() as chooser:
        page.click("#tools >> text=Choose files")
    chooser.value.set_files(scene)
    painted(page)
    page.click(f".model label:has([value={model}])")


def start(page: Page) -> None:
    """Starts the map, and waits until much of it is there."""
    page.click("#start")
    page.wait_for_selector("#panel-result .state[data-state=running]")
    page.wait_for_function("(document.querySelector('#panel-result progress')?.value ?? 0) > 0.4")


def done(page: Page) -> None:
    """Waits until the map is there, and its areas."""
    page.wait_for_selector("#panel-result .state[data-state=done]")
    page.wait_for_selector("#panel-result .legend td + td")


def by_day(page: Page, scene: Path, to: Path) -> None:
    """Choosing a model, the map as it grows, the map beside the scene."""
    choose(page, scene, "town")
    save(page, to / "app-model.jpg")
    start(page)
    save(page, to / "app-running.jpg")
    done(page)
    page.check("#swipe-on")
    page.mouse.move(960, 330)
    page.wait_for_selector("#readout b")
    save(page, to / "app.jpg")


def by_night(page: Page, to: Path) -> None:
    """Heights with hillshade."""
    page.emulate_media(color_scheme="dark")
    page.uncheck("#swipe-on")
    page.locator("#panel-result label").filter(has_text="Height").click()
    page.check("[data-key=shade]")
    save(page, to / "app-height.jpg")


def changed(page: Page, to: Path) -> None:
    """Another model's map, compared."""
    page.emulate_media(color_scheme="light")
    page.click("#tab-map")
    page.click(".model label:has([value=landcover])")
    start(page)
    done(page)
    page.click("#compare")
    page.wait_for_selector(".matrix")
    save(page, to / "app-compare.jpg")


def on_a_phone(page: Page, to: Path) -> None:
    """The same on a small screen."""
    page.set_viewport_size(PHONE)
    page.click("#tab-jobs")
    page.locator(".job .name").last.click()
    page.wait_for_selector("#panel-result .legend td + td")
    page.click(".fit")
    save(page, to / "app-phone.jpg")


def in_browser(work: Callable[[Page], None], address: str) -> None:
    """Opens the app, and does the work in it."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(viewport=SCREEN, bypass_csp=True)  # to wait for what the page computes
        page.set_default_timeout(300_000)
        page.goto(address)
        page.wait_for_selector("html[data-ready=yes]")
        work(page)
        browser.close()


def served(folder: Path, work: Callable[[Page], None]) -> None:
    """Does the work in the app of a server of its own."""
    server = SERVING["Server"](folder / "data", folder)
    try:
        in_browser(work, f"{server.address}/?token={SERVING['TOKEN']}")
    finally:
        server.kill()


def drawn(path: Path) -> Path:
    """A scene as a file."""
    scene: Any = draw(SIZE, seed=SEED)
    grid = scene.grid
    profile = {"driver": "GTiff", "count": 3, "height": SIZE, "width": SIZE, "dtype": "uint8"}
    with rasterio.open(path, "w", crs=grid.crs, transform=grid.transform, **profile) as raster:
        raster.write(scene.image)
    return path


def banepa(data: Path, path: Path) -> NDArray[np.bool_]:
    """Writes four by four tiles of a web map of Banepa as one scene; returns which of its pixels are buildings."""
    folder = data / "banepa" / "train"
    chips = [[np.asarray(Image.open(folder / "oam" / CHIP.format(col, row))) for col in COLS] for row in ROWS]
    pixels = np.moveaxis(np.concatenate([np.concatenate(line, axis=1) for line in chips]), -1, 0)
    size = 2 * EDGE_M / 2**19 / 512
    place = Affine(size, 0, COLS[0] * 512 * size - EDGE_M, 0, -size, EDGE_M - ROWS[0] * 512 * size)
    profile = {"count": 3, "height": pixels.shape[1], "width": pixels.shape[2], "dtype": "uint8", "transform": place}
    with rasterio.open(path, "w", driver="GTiff", crs="EPSG:3857", **profile) as raster:
        raster.write(pixels)
    labels = json.loads(next((folder / "osm").glob("*.geojson")).read_text(encoding="utf-8"))
    polygons = [transform_geom("OGC:CRS84", "EPSG:3857", feature["geometry"]) for feature in labels["features"]]
    return rasterize(polygons, pixels.shape[1:], transform=place, dtype="uint8") > 0


def mistakes(scene: Path, buildings: NDArray[np.bool_]) -> list[Stroke]:
    """Where the model is wrong, the largest regions first, and what is right there; the classes in turn."""
    import shapely

    found: Any = predict(scene, "landcover")
    mapped = found.classes == found.card.class_task().labels.index("building")
    strokes = []
    for label, wrong in (("building", buildings & ~mapped), ("land", mapped & ~buildings)):
        regions = [shapely.geometry.shape(shape) for shape, _ in shapes(wrong.astype("uint8"), mask=wrong)]
        largest = sorted(regions, key=lambda region: -region.buffer(-8).area)[:STROKES]
        points = [region.buffer(-8).representative_point() for region in largest]
        strokes.append([(label, point.x, point.y) for point in points if not point.is_empty])
    return [stroke for pair in zip(*strokes, strict=False) for stroke in pair]


def paint(page: Page, side: int, strokes: list[Stroke]) -> None:
    """Paints strokes with the mouse, while the whole scene of that many pixels is in view."""
    box = page.locator("#map").bounding_box()
    assert box is not None
    scale = (min(box["width"], box["height"]) - 48) / side
    page.locator("#map").focus()
    for label, col, row in strokes:
        page.keyboard.press({"land": "1", "building": "3"}[label])
        x, y = (
            box[a] + box[b] / 2 + (at - side / 2) * scale for a, b, at in (("x", "width", col), ("y", "height", row))
        )
        page.mouse.move(x - 8 * scale, y)
        page.mouse.down()
        page.mouse.move(x + 8 * scale, y, steps=3)
        page.mouse.up()


def lesson(page: Page, scene: Path, strokes: list[Stroke], to: Path) -> None:
    """A lesson on a scene: the live map right of the line."""
    choose(page, scene, "landcover")
    page.click("#tab-teach")
    page.click("#begin")
    page.wait_for_selector("#panel-teach[data-state=ready]")
    with rasterio.open(scene) as raster:
        paint(page, raster.width, strokes)
    page.wait_for_selector(f"#panel-teach:has-text('{len(strokes)} strokes held out')")
    page.wait_for_selector("#panel-teach[data-state=ready]")
    page.keyboard.press("s")
    page.mouse.move(900, 420)
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(700)
    page.wait_for_selector("#panel-teach[data-state=ready]")
    page.locator("#undo-lesson").scroll_into_view_if_needed()
    save(page, to / "app-teach.jpg")


def main() -> None:
    """Writes docs/images/app*.jpg."""
    to = Path(sys.argv[1]).resolve()
    if len(sys.argv) > 2:
        with tempfile.TemporaryDirectory(
            ignore_cleanup_errors=True
        ) as place:  # processes of the server end a little later
            scene = Path(place) / "banepa.tif"
            strokes = mistakes(scene, banepa(Path(sys.argv[2]), scene))
            served(Path(place), lambda page: lesson(page, scene, strokes, to))
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:  # the server may still be writing
        folder = Path(place)
        scene = drawn(folder / "town.tif")

        def work(page: Page) -> None:
            by_day(page, scene, to)
            by_night(page, to)
            changed(page, to)
            on_a_phone(page, to)

        served(folder, work)


if __name__ == "__main__":
    main()
