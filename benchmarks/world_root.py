"""Lays the image sets of recipes/world.toml out as the recipe expects them.

    python benchmarks/world_root.py SETS OUT

SETS holds the sets as they were published: `dubai`, `kampala`, `naip`, `places`, `banepa`, `chesapeake` and `weights`.
In OUT, a new folder, most are links. Two need work:

* banepa: its chips are web map tiles without a georeference, which their names give: they become GeoTIFFs, beside the
  polygons of buildings;
* chesapeake: its patches are NumPy archives: bands 1 to 4 (red, green, blue, near infrared) and the land cover become
  GeoTIFFs, in a folder for each of the two NAIP tiles.
"""

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import MemoryFile

LINKED = ("dubai", "kampala", "naip", "places", "weights")
EARTH = 20037508.342789244
"""Metres from the middle of the web Mercator map to its border."""
COVER = 8
"""The channel of a patch that holds the land cover."""


def main() -> None:
    """Makes the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, help="the folder with the sets")
    parser.add_argument("out", type=Path, help="a new folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True)
    for name in LINKED:
        (options.out / name).symlink_to((options.sets / name).resolve())
    lay_out_banepa(options.sets / "banepa", options.out / "banepa")
    for part, tile in (("train", "train_patches"), ("validation", "val_patches"), ("stack", "test_tiles")):
        lay_out_chesapeake(options.sets / "chesapeake" / f"test-{tile}", options.out / "chesapeake" / part)
    print(f"{options.out}: ready for smalti train recipes/world.toml --set data.root={options.out}")


def lay_out_banepa(source: Path, out: Path) -> None:
    """Chips with the place that their names give, `OAM-X-Y-ZOOM.tif`, and the polygons for all of them."""
    for chip in sorted((source / "train" / "oam").glob("*.tif")):
        column, row, zoom = map(int, chip.stem.split("-")[1:])
        side = 2 * EARTH / 2**zoom
        with rasterio.open(chip) as file:
            pixels = file.read()
        step = side / pixels.shape[2]
        place = Affine(step, 0, column * side - EARTH, 0, -step, EARTH - row * side)
        _write(out / "images" / chip.name, pixels, transform=place, crs="EPSG:3857")
    (out / "labels").mkdir()
    [polygons] = (source / "train" / "osm").glob("*.geojson")
    shutil.copyfile(polygons, out / "labels" / "buildings.geojson")


def lay_out_chesapeake(source: Path, out: Path) -> None:
    """Images and land cover of patches, or of the one tile that comes as GeoTIFFs, with its older image."""
    for name, pixels, cover in (*_patches(source), *_tiles(source)):
        _write(out / "images" / f"{name}.tif", pixels)
        _write(out / "masks" / f"{name}.tif", cover)


def _patches(source: Path) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.uint8]]]:
    for path in sorted(source.glob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            patch = file["arr_0"][0]  # channels, H, W
        yield path.stem, patch[:4].round().astype(np.uint8), patch[COVER : COVER + 1].astype(np.uint8)


def _tiles(source: Path) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.uint8]]]:
    for path in sorted(source.glob("*_naip-*.tif")):
        cover = path.with_name(f"{path.stem.rpartition('_')[0]}_lc.tif")
        with rasterio.open(path) as image, rasterio.open(cover) as labels:
            yield path.stem, image.read(), labels.read()


def _write(path: Path, pixels: NDArray[np.uint8], **place: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = pixels.shape
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", count=count, height=height, width=width, dtype="uint8", compress="deflate", **place
        ) as file:
            file.write(pixels)
        path.write_bytes(memory.read())


if __name__ == "__main__":
    main()
