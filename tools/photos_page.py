#!/usr/bin/env python3
"""Draws photos, lets `smalti photos` make its page of them, and takes the picture in docs/how-to/photos.md.

    python tools/photos_page.py docs/images/photos.jpg

Needs chromium (`apt-get install chromium`) and playwright. All photos are drawn.
"""

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from smalti.synth import draw
from smalti.tiling import Window

HEIGHT, WIDTH = 800, 1200
SHOTS: tuple[tuple[int, tuple[tuple[float, float, int], ...]], ...] = (
    # seed, then for each shot of the series: blur in pixels, brightness, columns moved
    (11, ((1.6, 1.0, 0), (0.0, 1.0, 6), (0.3, 1.0, 11), (0.0, 0.6, 15), (2.6, 1.0, 22))),
    (5, ((0.0, 1.0, 0), (0.9, 1.0, 8), (0.0, 1.02, 14))),
    (17, ((0.0, 1.0, 0),)),
)
SCREEN = {"width": 1240, "height": 760}


def photo(seed: int, blur: float, brightness: float, moved: int) -> Image.Image:
    """One shot from above."""
    pixels: Any = np.ascontiguousarray(draw(Window(300, 300 + moved, HEIGHT, WIDTH), seed).image.transpose(1, 2, 0))
    if blur:
        pixels = cv2.GaussianBlur(pixels, (0, 0), blur)
    return Image.fromarray(np.clip(pixels * brightness, 0, 255).astype(np.uint8))


def draw_all(folder: Path) -> None:
    """All series, seconds apart within each."""
    for hour, (seed, shots) in enumerate(SHOTS, start=9):
        for second, shot in enumerate(shots):
            exif = Image.Exif()
            exif[0x8769] = {0x9003: f"2024:05:17 {hour:02}:30:{2 * second:02}"}
            photo(seed, *shot).save(folder / f"IMG_{hour}{second:02}.jpg", quality=92, exif=exif)


def pictures(page: Page) -> list[Image.Image]:
    """The page with a choice made, and two photos side by side at 100 %."""
    page.wait_for_selector("html[data-ready=yes]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("p")
    shots = [page.screenshot()]
    for _ in range(3):  # the worst of the series
        page.keyboard.press("ArrowRight")
    page.keyboard.press("c")
    page.wait_for_selector(".panes:not(:has(.pane:not([data-state=ready]))) .pane")
    page.keyboard.press("z")
    shots.append(page.screenshot())
    return [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]


def main() -> None:
    """Writes the picture: the page above, the comparison below."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place) / "May"
        folder.mkdir()
        draw_all(folder)
        subprocess.run([sys.executable, "-m", "smalti", "photos", folder, "--report"], check=True)
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"],
        )
        page = browser.new_page(viewport=SCREEN)
        page.goto((folder / "smalti-photos.html").as_uri())
        above, below = pictures(page)
        browser.close()
    both = Image.new("RGB", (above.width, above.height + below.height + 12), "white")
    both.paste(above, (0, 0))
    both.paste(below, (0, above.height + 12))
    both.save(sys.argv[1], quality=80, optimize=True, progressive=True)


if __name__ == "__main__":
    main()
