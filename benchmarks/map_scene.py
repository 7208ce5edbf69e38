"""The speed of mapping whole scenes compared with the engine alone, and the memory it needs.

    python benchmarks/map_scene.py [--model landcover] [--engine auto] [--threads N] [--sizes 2000 5000] [--quick]

Each scene is a drawn town repeated to N x N pixels, a tiled and deflated GeoTIFF. It is mapped in a process of its own
from opening it to the finished file. `engine alone` runs only the same engine on tiles of that scene, two at a time as
maps do, right before and after, each time in a process of its own; multiplied by the number of tiles it is the limit
for any reader and writer: `reached` is the speed of the whole scene relative to that limit, with a target of at least
0.9. `peak MB` is the peak resident memory of the mapping process: at 20000 at most 1.25 times that at 5000, and below
600. Run it on an idle machine.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psutil

HEADS = ("scene", "tiles", "seconds", "MPix/s", "engine alone, ms per tile", "reached", "peak MB")
BLOCK = 2048
ALONE = 40  # tiles on which the engine alone is measured


def main() -> None:
    options = _options()
    if options.step:
        step, scene, out = options.step
        print(json.dumps(whole(options, scene, Path(out)) if step == "whole" else alone(options, scene)))
        return
    print(f"{options.model}, {options.engine}: {platform.machine()}, {psutil.cpu_count()} cores, {date.today()}\n")
    print("| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS), flush=True)
    for size in options.sizes:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            scene = write_scene(Path(folder) / "scene.tif", size)
            before = _step(options, "alone", scene, folder)
            mapped = _step(options, "whole", scene, folder)
            after = _step(options, "alone", scene, folder)
        print(_line(size, mapped, (before["ms"] + after["ms"]) / 2), flush=True)


def write_scene(path: Path, size: int) -> Path:
    """A drawn town, repeated."""
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.windows import Window as Place

    from smalti.synth.scene import draw
    from smalti.tiling import Window

    town = draw(Window(0, 0, BLOCK, BLOCK), seed=5).image
    profile = {"driver": "GTiff", "height": size, "width": size, "count": 3, "dtype": "uint8", "crs": "EPSG:32633",
               "transform": from_origin(5e5, 5e6, 0.3, 0.3), "tiled": True, "blockxsize": 512, "blockysize": 512,
               "compress": "deflate", "interleave": "pixel", "bigtiff": "if_safer"}  # fmt: skip
    with rasterio.Env(GDAL_CACHEMAX=64), rasterio.open(path, "w", **profile) as file:
        for row in range(0, size, BLOCK):
            for col in range(0, size, BLOCK):
                height, width = min(BLOCK, size - row), min(BLOCK, size - col)
                file.write(town[:, :height, :width], window=Place(col, row, width, height))
    return path


def whole(options: argparse.Namespace, scene: str, folder: Path) -> dict[str, Any]:
    """Maps the scene as the command does."""
    from smalti.mapping.run import map_scene
    from smalti.raster.read import open_raster
    from smalti.runtime.open import open_model

    predict = open_model(options.model, options.engine, options.threads)
    predict(np.zeros((1, len(predict.card.bands), predict.card.tile, predict.card.tile), np.uint8))  # warm
    start = time.perf_counter()
    with open_raster(scene) as reader:
        summary = map_scene(reader, predict, folder / "map.tif", {})
    assert summary is not None
    return {"seconds": time.perf_counter() - start, "tiles": summary.tiles, "peak": _peak_mb()}


def alone(options: argparse.Namespace, scene: str) -> dict[str, Any]:
    """The engine on the scene's first tiles, held in memory, in the form that maps are made with."""
    from smalti.raster.read import open_raster
    from smalti.runtime.open import open_model
    from smalti.scene import AT_A_TIME, coarse_of
    from smalti.tiling import plan_tiles

    predict = open_model(options.model, options.engine, options.threads)
    card = predict.card
    with open_raster(scene) as reader:
        plan = plan_tiles(reader.grid.height, reader.grid.width, card.tile, card.overlap, card.stride)
        tiles = [reader.read(tile.read)[0][None] for tile, _ in zip(plan, range(ALONE), strict=False)]
    ask = coarse_of(predict) or predict
    ask(tiles[0])  # warm
    start = time.perf_counter()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        deque(pool.map(ask, tiles), maxlen=0)  # each answer is dropped at once
    return {"ms": (time.perf_counter() - start) / len(tiles) * 1000}


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _step(options: argparse.Namespace, step: str, scene: Path, folder: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--model", options.model, "--engine", options.engine]
    if options.threads:
        command += ["--threads", str(options.threads)]
    done = subprocess.run([*command, "--step", step, str(scene), folder], stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _line(size: int, mapped: dict[str, Any], ms: float) -> str:
    reached = mapped["tiles"] * ms / 1000 / mapped["seconds"]
    speed = size * size / mapped["seconds"] / 1e6
    cells = (f"{size} x {size}", mapped["tiles"], f"{mapped['seconds']:.1f}", f"{speed:.2f}", f"{ms:.1f}",
             f"{reached:.3f}", f"{mapped['peak']:.0f}")  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="landcover")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2000, 5000, 10000, 20000])
    parser.add_argument("--quick", action="store_true", help="only 1000 and 2000")
    parser.add_argument("--folder", help="where scenes and maps are written; 1 GB at 20000")
    parser.add_argument("--step", nargs=3, metavar=("STEP", "SCENE", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.sizes = [1000, 2000]
    return options


if __name__ == "__main__":
    main()
