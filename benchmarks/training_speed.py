"""Seconds of a training step: by layout and number format, and beside an earlier version, in one run.

    python benchmarks/training_speed.py [RECIPE ...] [--set a.b=c] [--set NAME:a.b=c] [--old FOLDER] [--rounds 3]

Each case is a process of its own that trains the recipe, with its data, losses, updates and average of the weights, on
the same windows in the same order. All cases of a recipe take turns, a block of steps each; of each the fastest block
counts. `CPU s` is the time of all threads together: other work on the machine changes it least. `loss` is the mean of
the last block, after equally many steps from equal weights. Scenes that are kept in memory are read and drawn before.

`--set NAME:a.b=c` changes the recipe NAME.toml alone. `--old` is a checkout of an earlier version, `git worktree add
FOLDER COMMIT`, which trains in 32 bits with `channels_last`. `bf16-mixed` runs where the processor multiplies such
numbers. A recipe whose data are missing is skipped, with one line.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
from fast_path import ROOT

RECIPES = ("landcover", "dubai", "town", "landcover_fast", "multitask_drawn", "bestshot")
CASES = {
    "contiguous": ("train.channels_last=false", "train.precision=32-true"),
    "`channels_last`": ("train.channels_last=true", "train.precision=32-true"),
    "`channels_last`, `bf16-mixed`": ("train.channels_last=true", "train.precision=bf16-mixed"),
}
BEFORE = "before, `channels_last`"
AHEAD = 5
"""Batches that are made beyond those of a block."""


@dataclass
class Case:
    """A row of the table, and the process that trains it."""

    name: str
    command: list[str]
    source: Path = ROOT / "src"
    seconds: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    loss: float = 0.0

    def start(self) -> str:
        """Starts the process and waits until it is ready; why it cannot run, or nothing."""
        environment = os.environ | {"PYTHONPATH": str(self.source)}
        pipe = subprocess.PIPE
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (it lives as long as the process)
        self._child = subprocess.Popen(
            self.command, stdin=pipe, stdout=pipe, stderr=self._errors, text=True, env=environment
        )
        return "" if self._answer() is not None else self._why()

    def block(self) -> None:
        """Trains one block."""
        assert self._child.stdin is not None
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        answer = self._answer()
        if answer is None:
            sys.exit(f"{self.name}: {self._why()}")
        self.seconds.append(answer[0])
        self.busy.append(answer[1])
        self.loss = answer[2]

    def end(self) -> None:
        """Ends the process."""
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.close()
        self._child.wait()
        self._child.stdout.close()
        self._errors.close()

    def _answer(self) -> list[float] | None:
        """The next line of numbers; None at the process's end."""
        assert self._child.stdout is not None
        for line in self._child.stdout:
            if line.startswith("["):
                found: list[float] = json.loads(line)
                return found
        return None

    def _why(self) -> str:
        self._child.wait()
        self._errors.seek(0)
        return (self._errors.read().strip().splitlines() or ["ended without a word"])[-1]


def main() -> None:
    options = _options()
    if options.child:
        return train(options.recipes[0], options.changes, options.steps)
    print(
        f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}, load {psutil.getloadavg()[0]:.1f}; "
        f"{options.rounds} blocks of {options.steps} steps each\n"
    )
    print("| recipe | | s/step | CPU s | of the first | loss |\n|---|---|---:|---:|---:|---:|", flush=True)
    for recipe in options.recipes:
        for line in measure(recipe, options):
            print(line, flush=True)


def measure(recipe: Path, options: argparse.Namespace) -> Iterator[str]:
    """The rows of one recipe; the line that says why there are none."""
    cases = list(_cases(recipe, options))
    started: list[Case] = []
    try:
        for case in cases:
            started.append(case)
            if why := case.start():
                yield f"| `{recipe.stem}` | skipped: {why} | | | | |"
                return
        for _ in range(options.rounds):
            for case in cases:
                case.block()
    finally:
        for case in started:
            case.end()
    for case in cases:
        yield _line(recipe.stem, case, cases[0])


def _cases(recipe: Path, options: argparse.Namespace) -> Iterator[Case]:
    """The cases, the earlier version first."""
    changes = [*_own(options.changes, recipe.stem)]
    command = [sys.executable, __file__, str(recipe), "--child", "--steps", str(options.steps)]
    if options.old:
        as_written = [*changes, *CASES["`channels_last`"]]
        yield Case(BEFORE, [*command, *_flags(as_written)], options.old / "src")
    for name, of_case in CASES.items():
        if "bf16" not in name or multiplies_bf16():
            yield Case(name, [*command, *_flags([*changes, *of_case])])


def _own(changes: Sequence[str], name: str) -> Iterator[str]:
    """The changes for one recipe, without its name."""
    for change in changes:
        key, equals, value = change.partition("=")
        owner, colon, own = key.rpartition(":")
        if not colon or owner == name:
            yield own + equals + value


def _flags(changes: Sequence[str]) -> list[str]:
    return [part for change in changes for part in ("--set", change)]


def multiplies_bf16() -> bool:
    """Whether the processor has instructions for products of bfloat16; False where that is not known."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _line(recipe: str, case: Case, first: Case) -> str:
    share = min(case.busy) / min(first.busy)
    numbers = f"{min(case.seconds):.3f} | {min(case.busy):.3f} | {share:.2f} | {case.loss:.4f}"
    return f"| `{recipe}` | {case.name} | {numbers} |"


def train(path: Path, changes: Sequence[str], steps: int) -> None:
    """A block of steps for each line of the standard input; prints seconds, CPU seconds and loss of each, as a list."""
    from smalti.errors import SmaltiError
    from smalti.training.loop import begin
    from smalti.training.recipe import read_recipe

    try:
        recipe = read_recipe(path, changes)
        with tempfile.TemporaryDirectory() as folder:
            training = begin(recipe, recipe.make_card(path.name), Path(folder))
    except SmaltiError as error:
        sys.exit(f"{error}")
    with closing(training.work.batches(0)) as batches:
        for _ in islice(batches, steps + AHEAD):
            pass
    print([], flush=True)
    for _ in sys.stdin:
        print(_block(training, steps), flush=True)


def _block(training: Any, steps: int) -> list[float]:
    with closing(training.work.batches(0)) as batches:
        training.step(batches)  # the first one waits for its windows
        before = training.progress.losses["loss"]
        wall, busy = time.perf_counter(), time.process_time()
        for _ in range(steps):
            training.step(batches)
        wall, busy = time.perf_counter() - wall, time.process_time() - busy
    return [wall / steps, busy / steps, (training.progress.losses["loss"] - before) / steps]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = [ROOT / "recipes" / f"{name}.toml" for name in RECIPES]
    parser.add_argument("recipes", type=Path, nargs="*", default=default, help=f"default: {', '.join(RECIPES)}")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="[NAME:]A.B=C")
    parser.add_argument("--old", type=Path, help="a checkout of an earlier version")
    parser.add_argument("--steps", type=int, default=8, help="of a block")
    parser.add_argument("--rounds", type=int, default=3, help="blocks of each case")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
