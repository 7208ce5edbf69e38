"""The packaged program: its size, and the time from its start until its page is served, and until a small map is there.

    python benchmarks/desktop.py [--program dist/smalti/smalti] [--runs 7]

`make desktop` builds it. The first run reads files that are not in the system's cache. The target is 2 s for the page.
"""

import argparse
import os
import platform
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from datetime import date
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "src/smalti/samples/santa_monica.jpg"


def main() -> None:
    options = _options()
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}\n")
    files = [path for path in options.program.parent.rglob("*") if path.is_file() and not path.is_symlink()]
    print(f"{sum(path.stat().st_size for path in files) / 1e6:.0f} MB in {len(files)} files")
    for archive in sorted(options.program.parents[1].glob("smalti-*.tar.xz")):
        print(f"{archive.name}: {archive.stat().st_size / 1e6:.1f} MB")
    print("\n| what | first, s | median, s | fastest, s |\n|---|---|---|---|")
    _row("smalti app, until the page is served", _page, options)
    _row("smalti map, a JPEG of 256 x 256", _map, options)
    _row("smalti --version", _version, options)


def _row(what: str, measure: Callable[[Path, Path], float], options: argparse.Namespace) -> None:
    times = []
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as folder:
            times.append(measure(options.program, Path(folder)))
    print(f"| {what} | {times[0]:.2f} | {statistics.median(times):.2f} | {min(times):.2f} |", flush=True)


def _page(program: Path, home: Path) -> float:
    start = time.perf_counter()
    command = [program, "app", "--no-window"]
    env = {**os.environ, "HOME": str(home)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        with urllib.request.urlopen(running.stdout.readline().strip()) as page:
            assert b"<html" in page.read()
        taken = time.perf_counter() - start
        running.terminate()
    return taken


def _map(program: Path, folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run([program, "map", PHOTO, "-o", folder / "map.tif"], check=True, capture_output=True)
    return time.perf_counter() - start


def _version(program: Path, _: Path) -> float:
    start = time.perf_counter()
    subprocess.run([program, "--version"], check=True, capture_output=True)
    return time.perf_counter() - start


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, default=ROOT / "dist/smalti/smalti")
    parser.add_argument("--runs", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
