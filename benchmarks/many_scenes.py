"""Whether one process can map any number of scenes: its memory and open files, scene after scene.

    python benchmarks/many_scenes.py [--scenes 1000] [--size 128] [--engine onnx] [--model landcover]

Windows of a drawn town are mapped as by `smalti map`, with polygons above a minimum area and a page; formats and CRSs
alternate. Memory is the resident set after each scene, as a mean over a hundred scenes: the last hundred must lie
within 2 % of the second, and the number of open files must be the same after every scene of both.
"""

import argparse
import contextlib
import io
import platform
import tempfile
from datetime import date
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil
import rasterio
from affine import Affine

from smalti.synth.scene import draw
from smalti.tiling import Window
from smalti.workflows.map import map_many
from smalti.workflows.map_options import MapOptions
from smalti.workflows.map_result import MapResult
from smalti.workflows.models import open_model

FORMATS = (".gpkg", ".geojson", ".fgb", ".parquet")
PLACES = (
    ("EPSG:32633", Affine(0.3, 0, 500000, 0, -0.3, 5000000)),
    ("EPSG:4326", Affine(3e-6, 0, 15, 0, -3e-6, 45)),
    ("EPSG:3857", Affine(0.42, 0, 1669000, 0, -0.42, 5621000)),
    ("EPSG:9311", Affine(0.3, 0, -1000000, 0, -0.3, -500000)),
)
LIMIT = 1.02
"""Maximum ratio of the memory at the end to that at the beginning."""
TOWN = 1024


class Measured:
    """Memory and open files after each scene."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.memory: list[float] = []
        self.files: list[int] = []

    def take(self) -> None:
        """After a scene."""
        self.memory.append(self.process.memory_info().rss / 2**20)
        self.files.append(self.process.num_fds())

    def hundred(self, last: bool) -> tuple[float, set[int]]:
        """Mean megabytes, and the numbers of open files, of the last hundred scenes or of the second."""
        part = slice(-100, None) if last else slice(100, 200)
        return float(np.mean(self.memory[part])), set(self.files[part])


def write_scenes(folder: Path, count: int, size: int) -> list[str]:
    """Windows of one town, each in a file of its own."""
    town = draw(Window(0, 0, TOWN, TOWN), seed=5).image
    rng = np.random.default_rng(0)
    paths = []
    for k in range(count):
        row, col = rng.integers(0, TOWN - size, 2).tolist()
        crs, place = PLACES[k % len(PLACES)]
        profile = {"driver": "GTiff", "height": size, "width": size, "count": 3, "dtype": "uint8", "photometric": "RGB"}
        paths.append(str(folder / f"s{k:05}.tif"))
        with rasterio.open(paths[-1], "w", crs=crs, transform=place, **profile) as file:
            file.write(town[:, row : row + size, col : col + size])
    return paths


def map_all(paths: list[str], folder: Path, asked: argparse.Namespace) -> Measured:
    """Maps them as the command line does, a quarter of each hundred in each format."""
    measured, model = Measured(), open_model(asked.model, asked.engine)
    for begin in range(0, len(paths), 25):
        polygons = FORMATS[begin // 25 % len(FORMATS)]
        options = MapOptions(polygons=polygons, confidence=True, min_area=20.0, report=True)
        for found in map_many(paths[begin : begin + 25], f"{folder}/maps/", model=model, options=options):
            assert isinstance(found, MapResult), found
            measured.take()
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=1000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--engine", default="onnx")
    parser.add_argument("--model", default="landcover")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        paths = write_scenes(Path(name), asked.scenes, asked.size)
        begin = perf_counter()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            measured = map_all(paths, Path(name), asked)
        seconds = perf_counter() - begin
    (early, files), (late, files_late) = measured.hundred(last=False), measured.hundred(last=True)
    print(f"{date.today()}, {platform.processor() or platform.machine()}, {asked.engine}, {seconds:.0f} s\n")
    print("| scenes | MB, second hundred | MB, last hundred | ratio | open files |")
    print("|---|---|---|---|---|")
    count = ", ".join(map(str, sorted(files | files_late)))
    print(f"| {asked.scenes:,} | {early:.1f} | {late:.1f} | {late / early:.4f} | {count} |")
    if late / early > LIMIT or len(files | files_late) > 1:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
