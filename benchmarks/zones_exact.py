"""Areas per polygon of a mosaic against exactextract, which computes the same coverage of pixels.

    python benchmarks/zones_exact.py [--python PYTHON] [--size 4096] [--zones 300]

PYTHON is an interpreter with `exactextract`; by default this one. A mosaic of drawn classes in 16 tiles, with a virtual
raster of all, is measured with random polygons (stars, some with holes, some beyond the border): by `smalti.stats` on
the folder, tile by tile and with the virtual raster, and by exactextract on the whole in memory. The table has the
largest difference in pixels over all polygons and classes, and the times.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyogrio.raw
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

import smalti as sm
from smalti.card import Task
from smalti.errors import DataWarning
from smalti.mosaics.grid import Cell, MosaicGrid
from smalti.mosaics.vrt import write_vrt
from smalti.products import Product
from smalti.raster.write import write_raster

TILES = 4
LABELS = ("land", "water", "building", "vegetation", "road")
PLACE = "EPSG:32633"
FIRST = 8000, 80000  # the cell in the south-west
OTHER = """
import json, sys, time
import numpy as np
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
ids = np.load(sys.argv[1])
left, bottom, right, top = map(float, sys.argv[3:7])
wkt = sys.argv[7]
began = time.perf_counter()
source = NumPyRasterSource(ids, left, bottom, right, top, nodata=255, srs_wkt=wkt)
found = exact_extract(source, json.load(open(sys.argv[2])), ["unique", "frac", "count"])
sums = [dict(zip(map(int, p["unique"]), [float(f) * p["count"] for f in p["frac"]]))
        for p in (each["properties"] for each in found)]
print(json.dumps([time.perf_counter() - began, sums]))
"""


def main() -> None:
    options = _options()
    warnings.simplefilter("ignore", DataWarning)  # of the polygons that reach beyond the map
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}\n")
    print("| measured by | largest difference, pixels | of the largest polygon's | seconds |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ids, grid = _mosaic(folder, options.size // TILES)
        shapes = _shapes(grid, options.size, options.zones)
        pyogrio.raw.write(folder / "zones.gpkg", shapely.to_wkb(shapes), [], [], geometry_type="Polygon", crs=PLACE)
        seconds, expected = _other(options.python, folder, ids, grid, shapes)
        print(f"| exactextract, in memory | | | {seconds:.1f} |", flush=True)
        for name, what in (("the folder", folder / "town"), ("tile by tile", folder / "town" / "tiles")):
            began = time.perf_counter()
            found = sm.stats(what, folder / "zones.gpkg")
            seconds = time.perf_counter() - began
            ours = np.stack([found.columns[f"{label}_pixels"] for label in LABELS], axis=1).astype(float)
            difference = np.abs(ours - expected).max()
            print(
                f"| smalti, {name} | {difference:.2e} | {expected.sum(axis=1).max():,.0f} | {seconds:.1f} |", flush=True
            )


def _mosaic(folder: Path, side: int) -> tuple[NDArray[np.uint8], MosaicGrid]:
    """Writes a mosaic of patches with some nodata; returns it whole."""
    grid = MosaicGrid(CRS.from_string(PLACE), 0.5, side)
    patches = np.random.default_rng(7).choice(
        [0, 1, 2, 3, 4, 255], (side * TILES // 16,) * 2, p=[0.3, 0.1, 0.2, 0.2, 0.1, 0.1]
    )
    ids = np.kron(patches, np.ones((16, 16), int)).astype(np.uint8)
    product = Product(Task(name="landcover", labels=LABELS), "classes")
    (folder / "town" / "tiles").mkdir(parents=True)
    tiles = {}
    for row in range(TILES):
        for col in range(TILES):
            cell = Cell(FIRST[0] + col, FIRST[1] + TILES - 1 - row)
            part = ids[None, row * side : (row + 1) * side, col * side : (col + 1) * side]
            tiles[cell] = f"tiles/{cell.name}.tif"
            write_raster(
                folder / "town" / tiles[cell], grid.place(grid.window(cell)), product=product,
                rows=lambda begin, end, part=part: part[:, begin:end], scratch=folder, cog=True,
            )  # fmt: skip
    write_vrt(folder / "town" / "mosaic.vrt", grid, tiles, product)
    return ids, grid


def _shapes(grid: MosaicGrid, size: int, count: int) -> NDArray[Any]:
    """Stars of up to a fifth of the mosaic, every third one with a hole."""
    rng = np.random.default_rng(3)
    left, bottom = (value * grid.tile * grid.pixel for value in FIRST)
    found = []
    for k in range(count):
        centre, reach = rng.uniform(0, size, 2), rng.uniform(3, size / 5)
        outer = _star(rng, reach)
        hole = [0.3 * outer] if k % 3 == 0 else []
        at = np.array([left, bottom]) + centre * grid.pixel
        found.append(shapely.Polygon(at + outer * grid.pixel, [at + each * grid.pixel for each in hole]))
    return np.array(found, object)


def _star(rng: np.random.Generator, reach: float) -> NDArray[np.float64]:
    angles = np.sort(rng.uniform(0, 2 * np.pi, 24))
    radii = rng.uniform(0.4, 1, 24) * reach
    return np.column_stack((radii * np.cos(angles), radii * np.sin(angles)))


def _other(
    python: str, folder: Path, ids: NDArray[np.uint8], grid: MosaicGrid, shapes: NDArray[Any]
) -> tuple[float, NDArray[np.float64]]:
    """Seconds and pixels per zone and class by exactextract."""
    np.save(folder / "ids.npy", ids)
    features = [
        {"type": "Feature", "geometry": json.loads(shapely.to_geojson(each)), "properties": {}} for each in shapes
    ]
    (folder / "zones.json").write_text(json.dumps(features))
    side = grid.tile * grid.pixel
    bounds = (FIRST[0] * side, FIRST[1] * side, (FIRST[0] + TILES) * side, (FIRST[1] + TILES) * side)
    arguments = [str(folder / "ids.npy"), str(folder / "zones.json"), *map(str, bounds), grid.crs.to_wkt()]
    done = subprocess.run([python, "-c", OTHER, *arguments], check=True, capture_output=True, text=True)
    seconds, sums = json.loads(done.stdout)
    return seconds, np.array([[each.get(str(k), 0.0) for k in range(len(LABELS))] for each in sums])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="an interpreter with exactextract")
    parser.add_argument("--size", type=int, default=4096, help="side of the mosaic in pixels")
    parser.add_argument("--zones", type=int, default=300)
    return parser.parse_args()


if __name__ == "__main__":
    main()
