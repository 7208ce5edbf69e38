"""The time from the start of the process to the finished map of a 1000 x 1000 photo.

    python benchmarks/cold_start.py [--model landcover] [--engine auto] [--runs 7] [--quick]

The first run reads files that are not in the system's cache; the median is of all runs. The target is at most 1.5 s.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import psutil
from PIL import Image

HEADS = ("what", "first, s", "median, s", "fastest, s")


def main() -> None:
    options = _options()
    print(f"{options.model}, {options.engine}: {platform.machine()}, {psutil.cpu_count()} cores, {date.today()}\n")
    print("| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        photo, out = Path(folder) / "photo.png", Path(folder) / "map.tif"
        _write_photo(photo, options.quick)
        command = ["map", str(photo), "-o", str(out), "--model", options.model, "--engine", options.engine]
        _row("smalti map, 1000 x 1000 PNG", command, options.runs, Path(folder), photo)
        _row("smalti --help", ["--help"], options.runs, Path(folder), photo)


def _write_photo(path: Path, noise: bool) -> None:
    import numpy as np

    from smalti.synth.scene import draw
    from smalti.tiling import Window

    if noise:
        pixels = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8)
    else:
        pixels = draw(Window(0, 0, 1000, 1000), seed=5).image.transpose(1, 2, 0)  # H,W,C
    Image.fromarray(pixels).save(path)


def _row(what: str, arguments: list[str], runs: int, folder: Path, keep: Path) -> None:
    times = []
    for _ in range(runs):
        for path in folder.iterdir():
            if path != keep:
                path.unlink()
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "smalti", *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    cells = (what, f"{times[0]:.2f}", f"{statistics.median(times):.2f}", f"{min(times):.2f}")
    print("| " + " | ".join(cells) + " |", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="landcover")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="two runs on noise instead of a drawn town")
    options = parser.parse_args()
    if options.quick:
        options.runs = 2
    return options


if __name__ == "__main__":
    main()
