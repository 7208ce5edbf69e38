"""The effect of the switches of a training on this machine: seconds per step, and peak memory.

    python benchmarks/switches.py [--set A.B=C ...]

Trains the net of recipes/networks.toml on prepared windows of a drawn scene, plain and with each switch, in separate
processes. The first step includes one-time work: torch.compile compiles there. `pays off after` is the number of steps
after which a switch has made up for its longer first step. Run it on an otherwise idle machine.
"""

import argparse
import itertools
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import date
from pathlib import Path

import psutil

from smalti.runtime.measure import peak_memory

RECIPE = Path(__file__).resolve().parent.parent / "recipes" / "networks.toml"
DRAWN = (
    'data.train=[{ kind = "drawn", seeds = [1], size = 512 }]',
    'data.validation=[{ kind = "drawn", seeds = [2], size = 64 }]',
    "train.crop=256",
    "train.threads=2",
)
SWITCHES = {
    "none": ("train.channels_last=false",),
    "channels_last": ("train.channels_last=true",),
    "compile": ("train.channels_last=false", "train.compile=true"),
    "recompute": ("train.channels_last=false", "train.recompute=true"),
    "bf16-mixed": ("train.channels_last=false", 'train.precision="bf16-mixed"'),
}
STEPS = 8


def main() -> None:
    options = _options()
    if options.child:
        print(json.dumps(measure([*DRAWN, *options.changes, *SWITCHES[options.child]])))
        return
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}\n")
    print("| switch | first step, s | step, s | pays off after | peak MB |\n|---|---|---|---|---|", flush=True)
    plain: dict[str, float] = {}
    for name in SWITCHES:
        command = [sys.executable, __file__, "--child", name]
        command += [part for change in options.changes for part in ("--set", change)]
        row = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])
        plain = plain or row
        gain = plain["step"] - row["step"]
        pays = (
            "" if row is plain else f"{max(0, row['first'] - plain['first']) / gain:.0f} steps" if gain > 0 else "never"
        )
        print(f"| {name} | {row['first']:.1f} | {row['step']:.2f} | {pays} | {row['peak']:.0f} |", flush=True)


def measure(changes: list[str]) -> dict[str, float]:
    """Seconds of the first step and of the median one of the others, and MB."""
    from smalti.training.loop import begin
    from smalti.training.recipe import read_recipe

    recipe = read_recipe(RECIPE, changes)
    times = []
    with tempfile.TemporaryDirectory() as folder:
        run = begin(recipe, recipe.make_card(RECIPE.name), Path(folder), fresh=True)
        with closing(run.work.batches(0)) as batches:
            batch = itertools.repeat(next(batches))
        for _ in range(1 + STEPS):
            start = time.perf_counter()
            run.step(batch)
            times.append(time.perf_counter() - start)
    return {"first": times[0], "step": statistics.median(times[1:]), "peak": peak_memory() / 1e6}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="A.B=C", help="change the recipe")
    parser.add_argument("--child", choices=SWITCHES, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
