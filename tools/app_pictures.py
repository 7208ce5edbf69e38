#!/usr/bin/env python3
"""Takes the pictures of the app in docs/: `python tools/app_pictures.py docs/images`.

Needs chromium (`apt-get install chromium`) and playwright. All scenes are drawn.
"""

import io
import runpy
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rasterio
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from smalti import draw

ROOT = Path(__file__).resolve().parent.parent
SERVING = runpy.run_path(str(ROOT / "tests" / "app" / "page" / "serving.py"))
SCREEN = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
SIZE = 2048
SEED = 7


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
    page.locator(".model label").filter(has_text=model).click()


def start(page: Page) -> None:
    """Starts the map, and waits until its first rows are there."""
    page.click("#start")
    page.wait_for_selector("#panel-result .state[data-state=running]")
    page.wait_for_selector("#panel-result .figures >> text=MPix/s")


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
    page.locator(".model label").filter(has_text="landcover").click()
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
        page = browser.new_page(viewport=SCREEN)
        page.set_default_timeout(300_000)
        page.goto(address)
        page.wait_for_selector("html[data-ready=yes]")
        work(page)
        browser.close()


def drawn(path: Path) -> Path:
    """A scene as a file."""
    scene: Any = draw(SIZE, seed=SEED)
    grid = scene.grid
    profile = {"driver": "GTiff", "count": 3, "height": SIZE, "width": SIZE, "dtype": "uint8"}
    with rasterio.open(path, "w", crs=grid.crs, transform=grid.transform, **profile) as raster:
        raster.write(scene.image)
    return path


def main() -> None:
    """Writes docs/images/app*.jpg."""
    to = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        scene = drawn(folder / "town.tif")
        server = SERVING["Server"](folder / "data", folder)

        def work(page: Page) -> None:
            by_day(page, scene, to)
            by_night(page, to)
            changed(page, to)
            on_a_phone(page, to)

        try:
            in_browser(work, f"{server.address}/?token={SERVING['TOKEN']}")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
