#!/usr/bin/env python3
"""How fast a cluster of this machine maps many scenes, against a plain loop on the same cores.

Whole commands are timed in turn, in pairs, from their start to their end, and up to their first map. The loop's engine
has a thread per core, each worker its share of them. Prints one row per pair and the medians.

    python benchmarks/cluster_speed.py --scenes 200 --size 512 --workers 2 --pairs 3
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from cluster_kills import command, contents, draw_scenes


def timed(folder: Path, out: str, arguments: list[str]) -> tuple[float, float]:
    """Seconds until the first map is there, and until the end."""
    began, first = time.perf_counter(), 0.0
    with subprocess.Popen(arguments, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if not first and any((folder / out).glob("*.gpkg")):
                first = time.perf_counter() - began
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)}: exit code {process.returncode}")
    return first, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--size", type=int, default=512, help="rows and columns of a scene")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--model", default="landcover")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster_speed") as place:
        folder, rows = Path(place), []
        draw_scenes(folder / "scenes", asked.scenes, asked.size)
        print("| loop: first map, all | cluster: first map, all | loop / cluster | after the first map |")
        print("|---|---|---|---|", flush=True)
        for pair in range(asked.pairs):
            ways = {"loop": [], "cluster": ["--scheduler", f"local:{asked.workers}"]}
            turn = list(ways) if pair % 2 else list(ways)[::-1]
            seen = {
                way: timed(folder, f"{way}{pair}", command(f"{way}{pair}/", asked.model, *ways[way])) for way in turn
            }
            if contents(folder / f"loop{pair}") != contents(folder / f"cluster{pair}"):
                raise SystemExit("the outputs differ")
            (loop_first, loop), (first, cluster) = seen["loop"], seen["cluster"]
            rows.append((loop / cluster, (loop - loop_first) / (cluster - first)))
            times = f"{loop_first:.1f} s, {loop:.1f} s | {first:.1f} s, {cluster:.1f} s"
            print(f"| {times} | {rows[-1][0]:.2f} | {rows[-1][1]:.2f} |", flush=True)
        print(f"| | median | {median(r for r, _ in rows):.2f} | {median(r for _, r in rows):.2f} |")


if __name__ == "__main__":
    main()
