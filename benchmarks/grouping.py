"""Time and memory of grouping photos into series: alike and unlike ones, with and without a time.

    python benchmarks/grouping.py [--photos 2000 10000]

Looks are synthetic, so that only `smalti.photos.group` is measured. The target on two cores: 10,000 in 30 seconds.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SIZE = 256  # of an embedding
CASES = ("all alike, every 2 s", "all alike, no time", "all unlike, every 2 s", "groups of 20, every 2 s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, nargs="+", default=[2000, 10_000])
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case, options.photos[0])))
        return
    print("| photos | which | series | seconds | of all cores | peak MB |\n|---|---|---|---|---|---|")
    for number in options.photos:
        for case in CASES:
            command = [sys.executable, __file__, "--case", case, "--photos", str(number)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            series, seconds, busy, peak = json.loads(done.stdout)
            print(f"| {number:,} | {case} | {series:,} | {seconds:.1f} | {busy:.1f} | {peak:.0f} |", flush=True)


def measure(case: str, number: int) -> tuple[int, float, float, float]:
    """Series, seconds, seconds of all cores together, and peak memory in MB."""
    from smalti.photos.group import group
    from smalti.photos.photo import Look, Photo

    rng = np.random.default_rng(0)
    subjects = {"all alike": 1, "all unlike": number}.get(case.partition(",")[0], number // 20)
    of = rng.normal(size=(subjects, SIZE))
    hashes = rng.integers(0, 2**63, subjects)
    photos, looks = [], []
    for k in range(number):
        subject = k * subjects // number
        embedding = of[subject] + rng.normal(0, 0.1, SIZE)
        clock = None if "no time" in case else 2.0 * k
        path = Path(f"{k:06}.jpg")
        photos.append(Photo(path, (path,), clock, "one", "", 60, 40, str(k), str(k), clock))
        unit = (embedding / np.linalg.norm(embedding)).astype(np.float32)
        looks.append(Look(np.zeros(1, np.float32), unit, int(hashes[subject]) ^ 1 << int(rng.integers(64)), 0.0))
    start, busy = time.perf_counter(), time.process_time()
    series = len(group(photos, looks))
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return series, seconds, busy, peak / 1e6 if sys.platform == "darwin" else peak / 1e3


if __name__ == "__main__":
    main()
