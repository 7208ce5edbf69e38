#!/usr/bin/env python3
"""Maps one large scene as strips on clusters of this machine, with kills of workers, against a single run.

The map, its confidence and all side-cars must have the bytes of the single run. Prints one table.

    python benchmarks/cluster_strips.py --size 20000 --workers 2 4 --kills 3
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from cluster_kills import Cluster, contents, free_port, timed
from rasterio.windows import Window


def draw_scene(path: Path, size: int) -> None:
    """A tiled scene of coloured squares, compressed, written strip by strip."""
    shape = {"height": size, "width": size, "count": 3, "dtype": "uint8", "compress": "deflate", "tiled": True}
    place = {"crs": "EPSG:32633", "transform": Affine(0.3, 0, 5e5, 0, -0.3, 5e6)}
    with rasterio.open(path, "w", driver="GTiff", blockxsize=512, blockysize=512, **shape, **place) as file:
        for row in range(0, size, 512):
            rows = min(512, size - row)
            squares = np.random.default_rng(row).integers(1, 255, (3, -(-rows // 16), -(-size // 16)), np.uint8)
            pixels = squares.repeat(16, 1).repeat(16, 2)[:, :rows, :size]
            file.write(pixels, window=Window(0, row, size, rows))


def command(out: str, model: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "smalti", "map", "scene.tif", "-o", out, "--model", model, "--confidence", *more]


def in_strips(folder: Path, workers: int, asked: argparse.Namespace) -> float:
    """Maps on a cluster of which workers are killed now and then; returns the seconds."""
    cluster = Cluster(folder, workers, free_port(), even=True)
    began, kills, chance = time.perf_counter(), asked.kills, random.Random(workers)
    out, next_kill = f"strips{workers}/map.tif", began + asked.every
    try:
        cluster.keep_up()
        client = subprocess.Popen(
            command(out, asked.model, "--scheduler", cluster.address), cwd=folder, stdout=subprocess.DEVNULL
        )
        while client.poll() is None:
            cluster.keep_up()
            time.sleep(0.2)
            if kills and time.perf_counter() > next_kill and list((folder / out).parent.glob("*.partial/strip_*.lock")):
                cluster.kill(f"worker{chance.randrange(workers)}")
                kills, next_kill = kills - 1, time.perf_counter() + asked.every
        if client.returncode or kills:
            raise SystemExit(f"exit code {client.returncode}, {kills} kills left")
    finally:
        cluster.end()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--every", type=float, default=20.0, help="seconds between two kills, at least")
    parser.add_argument("--model", default="landcover")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster_strips") as place:
        folder = Path(place)
        draw_scene(folder / "scene.tif", asked.size)
        alone = timed(folder, command("alone/map.tif", asked.model))
        print(f"| {asked.size}² | kills | same files | left over | seconds |\n|---|---|---|---|---|")
        print(f"| a single run | 0 | | | {alone:.0f} |", flush=True)
        expected = contents(folder / "alone")
        for workers in asked.workers:
            seconds = in_strips(folder, workers, asked)
            found = contents(folder / f"strips{workers}")
            same = sum(found.get(name) == content for name, content in expected.items())
            left = len(list((folder / f"strips{workers}").iterdir())) - len(expected)
            figures = f"{asked.kills} | {same} of {len(expected)} | {left} | {seconds:.0f}"
            print(f"| {workers} workers | {figures} |", flush=True)
            if same != len(expected) or left:
                raise SystemExit("the outputs differ")


if __name__ == "__main__":
    main()
