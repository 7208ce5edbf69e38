"""What many scenes of a mosaic cost before its first tile: to look at them, to plan, and memory.

    python benchmarks/mosaic_sources.py [--scenes 200 1000] [--side 10000]

Scenes are sparse files on a square grid, each sharing a tenth of its side with its neighbours. `looked` opens each of
them, `known` reads what scenes.json keeps, `planned` finds tiles and writes that file, `tasks` finds the scenes of
each tile. Peak memory is that of a process of its own.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import rasterio
from affine import Affine

from smalti.workflows.models import open_model
from smalti.workflows.mosaic_home import FolderHome
from smalti.workflows.mosaic_options import MosaicOptions
from smalti.workflows.mosaic_run import MosaicRun

HEADS = ("scenes", "tiles", "looked, s", "known, s", "planned, s", "tasks, s", "scenes.json, MB", "peak memory, MB")
PIXEL = 0.5


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--side", type=int, default=10000)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measured(Path(options.measure))))
        return
    print(f"| {' | '.join(HEADS)} |\n|{'--:|' * len(HEADS)}")
    for count in options.scenes:
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), count, options.side)
            command = [sys.executable, __file__, "--measure", folder]
            row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"| {count} | {' | '.join(map(str, row))} |", flush=True)


def _write(folder: Path, count: int, side: int) -> None:
    across, step = math.isqrt(count - 1) + 1, round(side * 0.9) * PIXEL
    profile = {"driver": "GTiff", "height": side, "width": side, "count": 3, "dtype": "uint8", "crs": "EPSG:32633"}
    layout = {"sparse_ok": True, "tiled": True, "blockxsize": 2048, "blockysize": 2048, "compress": "deflate"}
    for k in range(count):
        place = Affine(PIXEL, 0, 300000 + k % across * step, 0, -PIXEL, 5500000 - k // across * step)
        with rasterio.open(folder / f"s{k}.tif", "w", **profile, **layout, transform=place):
            pass


def _measured(folder: Path) -> list[float]:
    model, options = open_model("landcover"), MosaicOptions()
    home, names = FolderHome(folder / "out"), [str(folder / "*.tif")]
    begin = time.perf_counter()
    run = MosaicRun(home, model, options, None)
    looks, failed = run.look_at(names)
    looked = time.perf_counter()
    plan = run.planned(looks)
    planned = time.perf_counter()
    tasks = [run.task(plan, cell) for cell in plan.cells]
    end = time.perf_counter()
    MosaicRun(home, model, options, None).look_at(names)
    known = time.perf_counter() - end
    assert not failed and all(task.sources for task in tasks)
    seconds = [round(value, 2) for value in (looked - begin, known, planned - looked, end - planned)]
    size = (folder / "out" / "scenes.json").stat().st_size / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [len(plan.cells), *seconds, round(size, 1), round(peak)]


if __name__ == "__main__":
    main()
