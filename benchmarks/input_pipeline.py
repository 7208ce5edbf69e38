"""Whether the net ever waits for its windows: the input pipeline alone compared with the training step.

    python benchmarks/input_pipeline.py [--crops 256 512] [--recipe RECIPE.toml] [--set a.b=c] [--quick]

The pipeline makes batches as in a training (read, augment, stack, in `train.workers` threads) and discards them; the
step trains repeatedly on one prepared batch (forward, loss, backward, update of the weights and of their average). The
target of `ratio` is at least 3. Scenes in memory are loaded before the clock starts. Without a recipe: scenes drawn on
the fly, UED on GhostNet, batches of 8. Run it on an otherwise idle machine.
"""

import argparse
import itertools
import platform
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import psutil
import torch

from smalti.ahead import AHEAD
from smalti.data.pixels.sample import Sample
from smalti.data.pixels.stream import Stream
from smalti.errors import SmaltiError
from smalti.tiling import Window
from smalti.training.kinds.pixels.work import PixelWork
from smalti.training.loop import Training, begin
from smalti.training.recipe import read_pixels

DRAWN = """
[card]
name = "drawn"
[[card.tasks]]
labels = ["land", "water", "building", "vegetation", "road"]
[[data.train]]
kind = "drawn"
seeds = [1, 2]
[[data.validation]]
kind = "drawn"
seeds = [3]
[augment]
rotate = 0.5
[train]
"""
HEADS = ("data", "crop", "batch", "threads that make windows", "threads of the net", "pipeline, windows/s",
         "step, windows/s", "ratio")  # fmt: skip


def main() -> None:
    options = _options()
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, torch {torch.__version__}, {date.today()}\n")
    print("| " + " | ".join(HEADS) + " |\n|" + "---|" * len(HEADS), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "drawn scenes.toml"
        drawn.write_text(DRAWN)
        for path in filter(None, (drawn, options.recipe)):
            changes = options.changes if path == options.recipe else []
            for crop in options.crops or ([512] if path == drawn else [None]):
                row = measure(path, changes, crop, options.seconds, Path(folder) / "run")
                print("| " + " | ".join(row) + " |", flush=True)


def measure(path: Path, changes: list[str], crop: int | None, seconds: float, folder: Path) -> tuple[str, ...]:
    """One row; `crop` None uses the recipe's."""
    recipe = read_pixels(path, [*changes, *([f"train.crop={crop}"] if crop else [])])
    training = begin(recipe, recipe.make_card(path.name), folder)
    work = training.work
    assert isinstance(work, PixelWork)
    for scene in itertools.chain.from_iterable(work.split.train):
        scene.read(Window(0, 0, 1, 1))
    t = recipe.train
    pipeline = pipeline_rate(work.stream, t.batch, t.workers, seconds)
    step = step_rate(training, work.stream.batch(0, t.batch), t.batch, seconds)
    return (path.stem, str(t.crop), str(t.batch), str(t.workers), str(torch.get_num_threads()), f"{pipeline:.1f}",
            f"{step:.2f}", f"{pipeline / step:.1f}")  # fmt: skip


def pipeline_rate(stream: Stream, batch: int, workers: int, seconds: float) -> float:
    """Windows per second of the pipeline alone."""
    with closing(stream.batches(0, batch, workers)) as batches:
        for _ in range(AHEAD + 1):  # batches prepared before
            next(batches)
        return _rate(lambda: next(batches), seconds) * batch


def step_rate(training: Training, sample: Sample, batch: int, seconds: float) -> float:
    """Windows per second of the training step alone."""
    ready = itertools.repeat(sample)

    def step() -> None:
        training.progress.step = 0  # recipes of a few steps end
        training.step(ready)

    step()  # warm
    return _rate(step, seconds) * batch * training.recipe.train.accumulate


def _rate(call: Callable[[], object], seconds: float) -> float:
    """Calls per second, over at least three of them."""
    start, calls = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < seconds or calls < 3:
        call()
        calls += 1
    return calls / passed


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", type=int, nargs="+", help="sides in pixels (default: 512, and the recipe's own)")
    parser.add_argument("--recipe", type=Path, help="a recipe to measure beside the drawn scenes")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C", help="change the recipe")
    parser.add_argument("--seconds", type=float, default=20.0, help="of measurement per figure")
    parser.add_argument("--quick", action="store_true", help="two seconds per figure, and small windows")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.crops = 2.0, options.crops or [128]
    return options


if __name__ == "__main__":
    try:
        main()
    except SmaltiError as error:
        raise SystemExit(f"{error}") from None
