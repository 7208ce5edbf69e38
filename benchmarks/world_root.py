"""Lays the image sets of recipes/landcover.toml out as the recipe expects them.

    python benchmarks/world_root.py SETS OUT

SETS holds the sets as they were published: `dubai`, `kampala`, `naip`, `places`, `banepa`, `chesapeake` and `weights`.
OUT is a new folder. In it `dubai`, `places` and `weights` are links; the others need work:

* banepa, kampala and the drone tiles of `places/fair-buildings` are small chips of larger scenes, which their names
  place: they are joined, so that a window shows the ground around and not mirrored chips; gaps are ignored;
* `banepa-more`: the chips around Banepa, which have no labels, joined as well; their masks are 0, which says no more
  than that no water is seen, and ignored where the scene is empty;
* chesapeake: its patches are NumPy archives: bands 1 to 4 (red, green, blue, near infrared) and the land cover become
  GeoTIFFs, in a folder for each of the two NAIP tiles; those to learn from with the images of the other year as well;
* naip: a folder of images for the recipe to find, which need no labels.
"""

import argparse
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

Bytes = NDArray[np.uint8]
LINKED = ("dubai", "places", "weights")
EARTH = 20037508.342789244
"""Metres from the middle of the web Mercator map to its border."""
NOTHING = 255
"""Label of ground without a chip."""
WHITE = 250
"""What the scene around Banepa has beyond its border, or more, for it was compressed as JPEG."""
COVER = 8
"""The channel of a patch that holds the land cover."""


def main() -> None:
    """Makes the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, help="the folder with the sets")
    parser.add_argument("out", type=Path, help="a new folder")
    options = parser.parse_args()
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    options.out.mkdir(parents=True)
    for name in LINKED:
        (options.out / name).symlink_to((options.sets / name).resolve())
    lay_out_banepa(options.sets / "banepa" / "train", options.out / "banepa")
    lay_out_around(options.sets / "banepa" / "more-unlabelled", options.out / "banepa-more")
    lay_out_kampala(options.sets / "kampala", options.out / "kampala")
    lay_out_fair(options.sets / "places" / "fair-buildings", options.out / "fair-buildings")
    for part, tile, years in (
        ("train", "train_patches", 2),
        ("validation", "val_patches", 1),
        ("stack", "test_tiles", 2),
    ):
        lay_out_chesapeake(options.sets / "chesapeake" / f"test-{tile}", options.out / "chesapeake" / part, years)
    (options.out / "naip").mkdir()
    (options.out / "naip" / "images").symlink_to((options.sets / "naip" / "naip").resolve())
    print(f"{options.out}: ready for smalti train recipes/landcover.toml --set data.root={options.out}")


def lay_out_banepa(source: Path, out: Path) -> None:
    """The chips, web map tiles `OAM-X-Y-ZOOM.tif` without a georeference, as one GeoTIFF, beside their polygons."""
    chips = {(x, y): _read(path) for path, x, y in _web_tiles(source / "oam", zoom=19)}
    left, top = (min(place[k] for place in chips) for k in (0, 1))
    metres = 2 * EARTH / 2**19
    step = metres / next(iter(chips.values())).shape[2]
    place = Affine(step, 0, left * metres - EARTH, 0, -step, EARTH - top * metres)
    _write(out / "images" / "banepa.tif", _joined(chips), transform=place, crs="EPSG:3857")
    (out / "labels").mkdir()
    [polygons] = (source / "osm").glob("*.geojson")
    shutil.copyfile(polygons, out / "labels" / "buildings.geojson")


def lay_out_around(source: Path, out: Path) -> None:
    """Chips without labels as one GeoTIFF, beside a mask of zeros where they show anything."""
    scene = _joined({(x, y): _read(path) for path, x, y in _web_tiles(source, zoom=19)})
    empty = (scene.max(axis=0) == 0) | (scene.min(axis=0) >= WHITE)
    _write(out / "images" / "banepa.tif", scene, nodata=0, tiled=True)
    _write(out / "masks" / "banepa.tif", np.where(empty, NOTHING, 0).astype(np.uint8)[None], tiled=True)


def lay_out_kampala(source: Path, out: Path) -> None:
    """The chips of the finest zoom as one image; overviews of the same ground stay out."""
    chips = list(_web_tiles(source / "chips", zoom=21))
    masks = {(x, y): _read(source / "binarymasks" / f"{path.stem}.mask.tif") for path, x, y in chips}
    _write(out / "images" / "kampala.tif", _joined({(x, y): _read(path) for path, x, y in chips}))
    _write(out / "masks" / "kampala.tif", _joined(masks, NOTHING))


def lay_out_fair(source: Path, out: Path) -> None:
    """The mosaics of 4 x 4 tiles, `BLOCK_X_Y.jpg` with offsets in tiles, as one image of each block of ground."""
    blocks: dict[str, list[Path]] = {}
    for path in sorted((source / "images").iterdir()):
        blocks.setdefault(path.stem.rsplit("_", 2)[0], []).append(path)
    for block, paths in blocks.items():
        places = {path: (int(x) // 4, int(y) // 4) for path in paths for x, y in [path.stem.rsplit("_", 2)[1:]]}
        masks = {place: _read(source / "masks" / f"{path.stem}.png") for path, place in places.items()}
        _write(out / "images" / f"{block}.tif", _joined({place: _read(path) for path, place in places.items()}))
        _write(out / "masks" / f"{block}.tif", _joined(masks, NOTHING))


def lay_out_chesapeake(source: Path, out: Path, years: int) -> None:
    """Images of one or both years and land cover of patches, or of the one tile that comes as GeoTIFFs."""
    for name, pixels, cover in (*_patches(source, years), *_tiles(source)):
        _write(out / "images" / f"{name}.tif", pixels)
        _write(out / "masks" / f"{name}.tif", cover)


def _web_tiles(folder: Path, zoom: int) -> Iterator[tuple[Path, int, int]]:
    """Chips of a zoom, with their column and row on the web map."""
    for path in sorted(folder.glob(f"*-{zoom}.tif")):
        x, y = path.stem.split("-")[1:3]
        yield path, int(x), int(y)


def _joined(tiles: Mapping[tuple[int, int], Bytes], nothing: int = 0) -> Bytes:
    """Tiles of one size (C, H, W) by column and row, joined; `nothing` where there is none."""
    columns, rows = ({place[k] for place in tiles} for k in (0, 1))
    bands, height, width = next(iter(tiles.values())).shape
    shape = (bands, (max(rows) - min(rows) + 1) * height, (max(columns) - min(columns) + 1) * width)
    joined = np.full(shape, nothing, np.uint8)
    for (column, row), tile in tiles.items():
        top, left = (row - min(rows)) * height, (column - min(columns)) * width
        joined[:, top : top + height, left : left + width] = tile
    return joined


def _patches(source: Path, years: int) -> Iterator[tuple[str, Bytes, Bytes]]:
    for path in sorted(source.glob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            patch = file["arr_0"][0]  # channels, H, W
        for year in range(years):
            pixels = patch[4 * year : 4 * year + 4].round().astype(np.uint8)
            yield f"{path.stem}{'_other' * year}", pixels, patch[COVER : COVER + 1].astype(np.uint8)


def _tiles(source: Path) -> Iterator[tuple[str, Bytes, Bytes]]:
    for path in sorted(source.glob("*_naip-*.tif")):
        yield path.stem, _read(path), _read(path.with_name(f"{path.stem.rpartition('_')[0]}_lc.tif"))


def _read(path: Path) -> Bytes:
    with rasterio.open(path) as file:
        return np.asarray(file.read(), np.uint8)


def _write(path: Path, pixels: Bytes, **place: object) -> None:
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
