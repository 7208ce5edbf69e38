"""How many images per second the loader delivers, compared with the decoder alone.

    python benchmarks/images.py [--size 500x375] [--images 256] [--workers 2] [--seconds 5] [--quick]

Draws JPEGs of ImageNet's usual size, textured so that a file has about as many bytes as there. `decoder` decodes whole
files from memory; `loader` reads files, decodes, crops, resizes and flips to 224 pixels as in a training; the last row
adds the augmentation of the modern recipe. Run it on an otherwise idle machine.
"""

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import psutil

from smalti.ahead import AHEAD
from smalti.data.images.augment import ImageAugment
from smalti.data.images.labelled import Labelled
from smalti.data.images.stream import ImageStream, OpenCvCutter

SIDE, BATCH = 224, 64
MODERN = ImageAugment(operations=2, brightness=0.3, contrast=0.3, saturation=0.3, balance=0.1, mixup=0.1)


class Rate(NamedTuple):
    """Images per second by the clock, and CPU seconds per image."""

    images: float
    busy: float


def main() -> None:
    options = _options()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = draw(Path(folder), options.size, options.images)
        kilobytes = sum(Path(file).stat().st_size for file in files) / len(files) / 1000
        print(f"{platform.machine()}, {psutil.cpu_count()} cores, OpenCV {cv2.__version__}, {date.today()}")
        print(f"JPEGs of {options.size[0]}x{options.size[1]}, {kilobytes:.0f} kB, {options.workers} threads\n")
        print("| what | images/s | of the decoder | ms of one core per image |\n|---|---|---|---|")
        alone = decoder_rate(files, options.workers, options.seconds)
        show("decoder alone", alone, alone)
        for name, augment in (("loader, plain recipe", ImageAugment()), ("loader, modern recipe", MODERN)):
            show(name, loader_rate(files, augment, options.workers, options.seconds), alone)


def show(what: str, rate: Rate, alone: Rate) -> None:
    share = alone.busy / rate.busy  # by CPU time and not by the clock, so that other work on the machine does not count
    print(f"| {what} | {rate.images:.0f} | {share:.2f} | {1000 * rate.busy:.2f} |", flush=True)


def draw(folder: Path, size: tuple[int, int], count: int) -> list[str]:
    """Writes JPEGs of smooth shapes with some grain; returns their paths."""
    files = []
    for number in range(count):
        rng = np.random.default_rng(number)
        image = cv2.resize(rng.random((12, 16, 3), np.float32), size, interpolation=cv2.INTER_CUBIC)
        grain = cv2.GaussianBlur(rng.standard_normal((size[1], size[0], 3)).astype(np.float32), (0, 0), 1.0)
        path = folder / f"{number}.jpg"
        pixels = np.clip((image + 0.5 * grain) * 255, 0, 255).astype(np.uint8)
        path.write_bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
        files.append(str(path))
    return files


def decoder_rate(files: list[str], workers: int, seconds: float) -> Rate:
    """The decoder alone, whole images, from memory."""
    contents = [np.fromfile(file, np.uint8) for file in files]

    def decode(part: int) -> None:
        for at in range(part * BATCH, (part + 1) * BATCH):
            cv2.imdecode(contents[at % len(contents)], cv2.IMREAD_COLOR)

    with ThreadPoolExecutor(workers) as pool:
        return _rate(lambda: list(pool.map(decode, range(workers))), BATCH * workers, seconds)


def loader_rate(files: list[str], augment: ImageAugment, workers: int, seconds: float) -> Rate:
    """The stream that a training reads."""
    images = Labelled(files, {"class": np.zeros(len(files), np.int64)})
    stream = ImageStream(images, [1] * len(files), augment, OpenCvCutter(SIDE), 0)
    with closing(stream.batches(0, BATCH, workers)) as batches:
        for _ in range(max(AHEAD, workers) + 1):  # batches prepared before
            next(batches)
        return _rate(lambda: next(batches), BATCH, seconds)


def _rate(call: Callable[[], object], images: int, seconds: float) -> Rate:
    """The rate over at least three calls of `number` images each."""
    start, busy, calls = time.perf_counter(), time.process_time(), 0
    while (passed := time.perf_counter() - start) < seconds or calls < 3:
        call()
        calls += 1
    return Rate(images * calls / passed, (time.process_time() - busy) / images / calls)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=lambda text: tuple(map(int, text.split("x"))), default=(500, 375))
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--workers", type=int, default=psutil.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=5.0, help="of measurement per figure")
    parser.add_argument("--quick", action="store_true", help="half a second per figure")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.images = 0.5, 64
    return options


if __name__ == "__main__":
    main()
