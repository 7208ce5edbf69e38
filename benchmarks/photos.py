"""A folder of photos of 24 megapixels: photos per second, time for a thousand, and memory.

    python benchmarks/photos.py [--model bestshot] [--photos 48] [--folder DIR]

The photos are parts of a drawn town, enlarged, with grain: 24 different JPEGs, and beyond those the same ones with
other bytes after their end, so that each has to be processed. They are ranked as by `smalti photos`, in a process of
its own, from the listing to the result. The second table is the cost of one photo on one core, step by step. The target
on two cores: 1000 photos in 6 minutes, below 1 GB. Run it on an idle machine.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

HEIGHT, WIDTH = 4000, 6000
DIFFERENT = 24
STEPS = 6  # photos that the steps are measured on
HEADS = ("photos", "MB each", "seconds", "photos/s", "1000 photos, min", "peak MB")


def main() -> None:
    options = _options()
    if options.step:
        print(json.dumps(whole(options) if options.step == "whole" else steps(options)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        size = write_photos(Path(folder), options.photos) / 1e6
        measured, costs = _step(options, "whole", folder), _step(options, "steps", folder)
    print(f"{options.model}: {platform.machine()}, {psutil.cpu_count()} cores, {date.today()}\n")
    rate = options.photos / measured["seconds"]
    cells = (options.photos, f"{size:.1f}", f"{measured['seconds']:.1f}", f"{rate:.2f}", f"{1000 / rate / 60:.1f}",
             f"{measured['peak']:.0f}")  # fmt: skip
    print("| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS))
    print("| " + " | ".join(map(str, cells)) + " |\n")
    print("| ms of one core | " + " | ".join(costs) + " |\n|" + "---|" * (len(costs) + 1))
    print("| | " + " | ".join(f"{ms:.0f}" for ms in costs.values()) + " |")


def write_photos(folder: Path, number: int) -> float:
    """Writes the photos; returns their mean size in bytes."""
    from smalti.synth.scene import draw
    from smalti.tiling import Window

    town = np.ascontiguousarray(draw(Window(0, 0, 1024, 1024), seed=5).image.transpose(1, 2, 0)[..., ::-1])
    rng = np.random.default_rng(1)
    grain = rng.normal(0, 5, (HEIGHT, WIDTH + DIFFERENT, 1)).astype(np.int8).repeat(3, 2)
    total = 0
    for k in range(number):
        if k < DIFFERENT:
            row, col = rng.integers(0, 300, 2)
            part = town[row : row + 480, col : col + 720]
            large = cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
            noisy = cv2.add(large, grain[:, k : k + WIDTH], dtype=cv2.CV_8U)
            content = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
        else:
            content = (folder / f"{k % DIFFERENT:04}.jpg").read_bytes() + str(k).encode()
        (folder / f"{k:04}.jpg").write_bytes(content)
        total += len(content)
    return total / number


def whole(options: argparse.Namespace) -> dict[str, Any]:
    """Ranks the folder as the command does."""
    from smalti.photos.cues import CUES
    from smalti.photos.listing import list_photos
    from smalti.photos.run import rank_photos
    from smalti.runtime.ranker import open_ranker

    folder = Path(options.photos_folder)
    ranker = open_ranker(options.model, CUES, threads=1)
    start = time.perf_counter()
    result = rank_photos(folder, list_photos(folder), ranker=ranker)
    seconds = time.perf_counter() - start
    assert not result.unread
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "peak": peak / 1e6 if sys.platform == "darwin" else peak / 1e3}


def steps(options: argparse.Namespace) -> dict[str, float]:
    """The cost of one photo in one thread: milliseconds by step."""
    from smalti.photos.cues import CUES, cues
    from smalti.photos.listing import list_photos
    from smalti.photos.overview import overview
    from smalti.photos.read import open_photo, pixels
    from smalti.photos.run import dhash
    from smalti.runtime.ranker import open_ranker

    cv2.setNumThreads(1)
    ranker = open_ranker(options.model, CUES, threads=1)
    spent: dict[str, float] = {}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = step()
        spent[name] = spent.get(name, 0.0) + (time.process_time() - start) * 1000 / STEPS
        return result

    for shot in list_photos(Path(options.photos_folder))[:STEPS]:
        opened = timed("read and hash", lambda shot=shot: open_photo(shot))
        picture = timed("decode", lambda opened=opened: pixels(opened))
        measured = timed("cues", lambda picture=picture: cues(picture))
        small = timed("overview", lambda picture=picture: overview(picture))
        timed("difference hash", lambda picture=picture: dhash(picture))
        timed("network", lambda small=small, measured=measured: ranker(small[None], measured[None]))
    return spent | {"together": sum(spent.values())}


def _step(options: argparse.Namespace, step: str, folder: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--model", options.model, "--step", step, "--photos-folder", folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="bestshot")
    parser.add_argument("--photos", type=int, default=48)
    parser.add_argument("--folder", help="where the photos are written; 10 MB each")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--photos-folder", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
