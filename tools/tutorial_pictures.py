#!/usr/bin/env python3
"""Runs the tutorials, and makes the pictures on their pages: `python tools/tutorial_pictures.py`.

Takes some minutes, most of them for the training. All scenes are drawn.
"""

import runpy
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image, ImageDraw
from pyogrio.raw import read
from shapely import from_wkb, get_parts

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
GAP = 8
WIDTH = 420
"""Pixels of each picture in a row."""


def picture(path: Path, colors_of: Path | None = None) -> Image.Image:
    """A raster as it looks: its colours, or those of its palette or of another raster's."""
    with rasterio.open(path) as raster, rasterio.open(colors_of or path) as colored:
        if raster.count >= 3:
            return Image.fromarray(raster.read([1, 2, 3]).transpose(1, 2, 0))
        palette = np.zeros((256, 3), np.uint8)
        for value, color in colored.colormap(1).items():
            palette[value] = color[:3]
        return Image.fromarray(palette[raster.read(1)])


def outlines(polygons: Path, scene: Path) -> Image.Image:
    """Polygons of buildings drawn over the scene."""
    meta, _, shapes, columns = read(polygons)
    names = dict(zip(meta["fields"], columns, strict=True))["class"]
    image = picture(scene)
    with rasterio.open(scene) as raster:
        into = ~raster.transform
    draw = ImageDraw.Draw(image)
    for shape in get_parts(from_wkb(shapes[names == "building"])):
        for ring in (shape.exterior, *shape.interiors):
            draw.line([into * point for point in ring.coords], fill=(255, 60, 30), width=4)
    return image


def row(pictures: list[Image.Image], path: Path) -> None:
    """Pictures side by side, as a JPEG."""
    small = [image.resize((WIDTH, WIDTH * image.height // image.width), Image.Resampling.LANCZOS) for image in pictures]
    whole = Image.new("RGB", (len(small) * (WIDTH + GAP) - GAP, max(image.height for image in small)), "white")
    for number, image in enumerate(small):
        whole.paste(image, (number * (WIDTH + GAP), 0))
    whole.save(path, quality=85, optimize=True)


def main() -> None:
    """Writes docs/images/own-images.jpg and scene-to-polygons.jpg."""
    run_page = runpy.run_path(str(ROOT / "tests" / "test_examples.py"))["run_page"]
    with tempfile.TemporaryDirectory() as folder:
        at = run_page(DOCS / "tutorials" / "scene-to-polygons.md", Path(folder))
        shown = [picture(at / "scene.tif"), picture(at / "map.tif"), outlines(at / "map.gpkg", at / "scene.tif")]
        row(shown, DOCS / "images" / "scene-to-polygons.jpg")
    with tempfile.TemporaryDirectory() as folder:
        at = run_page(DOCS / "tutorials" / "own-images.md", Path(folder))
        truth = picture(at / "new_classes.tif", colors_of=at / "new_map.tif")
        row([picture(at / "new.tif"), truth, picture(at / "new_map.tif")], DOCS / "images" / "own-images.jpg")


if __name__ == "__main__":
    main()
