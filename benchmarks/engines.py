"""The speed of the engines for one model: milliseconds per tile, by engine, threads and tile side.

    python benchmarks/engines.py MODEL [--tiles 256 512 1024] [--threads 1 2] [--seconds 3]

MODEL is the name of an installed model or an `.onnx` file. Each row is measured in a process of its own, so that
`open s` is the cold start (import, check of the hash, session, first tile) and `peak MB` belongs to that engine alone.
`differs` is the largest difference of its predictions from the first engine's. Run it on an otherwise idle machine.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from datetime import date
from typing import Any

import numpy as np
import psutil

ENGINES = ("onnx", "openvino")
HEADS = ("engine", "threads", "tile", "open s", "ms per tile", "MPix/s", "peak MB", "differs")


def main() -> None:
    options = _options()
    if options.row:
        engine, threads, side = options.row
        print(json.dumps(measure(options.model, engine, int(threads), int(side), options.seconds)))
        return
    print(f"{options.model}: {platform.machine()}, {psutil.cpu_count()} cores, {date.today()}\n")
    print("| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS), flush=True)
    for side in options.tiles:
        for threads in options.threads:
            first = None
            for engine in ENGINES:
                row = _in_its_own_process(options, engine, threads, side)
                if row:
                    first = first or row
                    print(_line(row, first), flush=True)


def measure(model: str, engine: Any, threads: int, side: int, seconds: float) -> dict[str, Any]:
    """One row: opens the model, then runs the same tile for that many seconds."""
    start = time.perf_counter()
    from smalti.runtime.open import open_model

    predict = open_model(model, engine, threads)
    tile = _tile(predict.card.dtype, len(predict.card.bands), side)
    prediction = predict(tile)
    opened = time.perf_counter() - start
    times: list[float] = []
    while sum(times) < seconds or len(times) < 3:
        start = time.perf_counter()
        predict(tile)
        times.append(time.perf_counter() - start)
    milliseconds = statistics.median(times) * 1000
    sample = next(iter(prediction.values()))[0, :, :: side // 16, :: side // 16]
    return {
        "engine": engine, "threads": threads, "tile": side, "open": opened, "ms": milliseconds,
        "rate": side * side / milliseconds / 1e3, "peak": peak() / 1e6, "sample": sample.tolist(),
    }  # fmt: skip


def peak() -> float:
    """The peak memory of this process in bytes."""
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # Windows
        return float(memory.peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _tile(dtype: str, bands: int, side: int) -> np.ndarray:
    """Patches with edges and some noise: nets run on it as on an image, while constant zeros may run faster."""
    random = np.random.default_rng(0)
    patches = random.random((1, bands, -(-side // 16), -(-side // 16))).repeat(16, axis=2).repeat(16, axis=3)
    top = 1.0 if dtype == "float32" else float(np.iinfo(dtype).max)
    noisy = 0.9 * patches[:, :, :side, :side] + 0.1 * random.random((1, bands, side, side))
    return (noisy * top).astype(dtype)


def _in_its_own_process(options: argparse.Namespace, engine: str, threads: int, side: int) -> dict[str, Any] | None:
    command = [sys.executable, __file__, options.model, "--seconds", str(options.seconds)]
    row_of = ["--row", engine, str(threads), str(side)]
    done = subprocess.run([*command, *row_of], capture_output=True, text=True)
    if done.returncode:
        print(f"{engine}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _line(row: dict[str, Any], first: dict[str, Any]) -> str:
    differs = np.abs(np.array(row["sample"]) - np.array(first["sample"])).max()
    cells = (row["engine"], row["threads"], row["tile"], f"{row['open']:.2f}", f"{row['ms']:.1f}", f"{row['rate']:.2f}",
             f"{row['peak']:.0f}", f"{differs:.0e}")  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="an installed model or an .onnx file")
    parser.add_argument("--tiles", type=int, nargs="+", default=[256, 512, 1024], help="sides in pixels")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=3.0, help="of measurement per row")
    parser.add_argument("--row", nargs=3, metavar=("ENGINE", "THREADS", "TILE"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
