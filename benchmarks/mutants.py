"""How many small changes to important modules do their tests detect? Mutation testing (DeMillo et al., 1978).

    python benchmarks/mutants.py [MODULE ...] [--sample N] [--seed S] [--jobs J] [--out FILE]

Each mutant runs in a copy of the tree, against the test files that guard its module, in a process of its own with a
time limit; one that exceeds it counts as noticed. Results are stored in FILE, a line per mutant, so that an interrupted
run resumes. Survivors are tried again when the tests have changed; a changed module starts from scratch.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Queue

from mutation import Mutant, mutants

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("src", "tests", "recipes", "docs", "benchmarks", "pyproject.toml", "README.md", "Makefile", "constraints.txt")
GUARDS = {
    # module in src/smalti: the tests that guard it
    "tiling": ("tests/test_tiling.py", "tests/test_blend.py"),
    "blend": ("tests/test_blend.py", "tests/test_scene.py"),
    "scene": ("tests/test_scene.py",),
    "metrics": ("tests/test_metrics.py",),
    "value_metrics": ("tests/test_value_metrics.py",),
    "files": ("tests/test_files.py",),
    "lock": ("tests/test_lock.py",),
    "mapping/spool": ("tests/mapping/test_spool.py",),
    "data/pixels/leakage": ("tests/data/pixels/test_leakage.py",),
    "training/loop": tuple(
        f"tests/training/test_{name}.py" for name in ("loop", "balanced", "distributed", "basis", "best")
    ),
    "training/ema": ("tests/training/test_ema.py",),
    "deploy/parity": ("tests/deploy/test_parity.py",),
    "raster/read": tuple(f"tests/raster/test_{name}.py" for name in ("read", "mirror", "damaged", "open_files")),
}
NEEDS_TORCH = ("data/", "training/", "deploy/")
Key = tuple[str, int, int, str, str]
LEAST = 20.0
"""Minimum time limit of a mutant in seconds; else five times that of the tests unchanged."""


@dataclass(frozen=True)
class Verdict:
    """The result of the tests for a mutant."""

    module: str
    line: int
    column: int
    change: str
    noticed: bool
    seconds: float
    source: str
    """A digest of the module's code, unchanged."""
    tests: str
    """A digest of its tests."""

    @property
    def key(self) -> Key:
        """Identifies a mutant."""
        return self.module, self.line, self.column, self.change, self.source


def path_of(module: str) -> str:
    """A module's file, from the root."""
    return f"src/smalti/{module}.py"


@dataclass(frozen=True)
class State:
    """A module and its tests as they were when the run began."""

    code: str
    source: str
    tests: str
    """Digests."""

    @classmethod
    def of(cls, module: str) -> "State":
        """As they are now."""
        code = (ROOT / path_of(module)).read_text(encoding="utf-8")
        tests = "".join((ROOT / path).read_text(encoding="utf-8") for path in GUARDS[module])
        return cls(code, _digest(code), _digest(tests))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def copied(folder: Path) -> Path:
    """A copy of the tree in which modules can be changed."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def _test(tree: Path, tests: tuple[str, ...]) -> None:
    """Runs the tests from the tree in the process of a mutant, printing nothing; exits with their code."""
    import pytest

    os.setsid()  # so that what the tests have started ends with them
    os.chdir(tree)
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    shared = ROOT.parent / "shared" / "data"
    os.environ |= {"PYTHONPATH": str(tree / "src"), "SMALTI_SHARED_DATA": str(shared)}
    sys.path[:0] = [str(tree / "src"), str(tree)]
    sys.dont_write_bytecode = True
    options = [
        "-x",
        "-q",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:random_order",
        f"--basetemp={tree / 'tmp'}",
    ]
    os._exit(int(pytest.main([*options, *tests])))


def passes(tree: Path, tests: tuple[str, ...], limit: float) -> bool:
    """Whether the tests pass in a tree within a time."""
    process = multiprocessing.get_context("fork").Process(target=_test, args=(tree, tests))
    process.start()
    process.join(limit)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()
    return process.exitcode == 0


def try_out(tree: Path, module: str, state: State, mutant: Mutant, limit: float) -> Verdict:
    """Puts a mutant into a tree, runs the tests, and takes it out again."""
    file, started = tree / path_of(module), time.perf_counter()
    unchanged = file.read_bytes()
    try:
        file.write_text(mutant.code, encoding="utf-8")
        noticed = not passes(tree, GUARDS[module], limit)
    finally:
        file.write_bytes(unchanged)
    seconds = round(time.perf_counter() - started, 2)
    return Verdict(module, mutant.line, mutant.column, mutant.change, noticed, seconds, state.source, state.tests)


def known(out: Path, module: str, state: State) -> dict[Key, Verdict]:
    """Results of earlier runs for a module that are still valid."""
    if not out.exists():
        return {}
    found = [Verdict(**json.loads(line)) for line in out.read_text(encoding="utf-8").splitlines()]
    own = [each for each in found if (each.module, each.source) == (module, state.source)]
    return {each.key: each for each in own if each.noticed or each.tests == state.tests}


def study(module: str, state: State, trees: "Queue[Path]", options: argparse.Namespace) -> list[Verdict]:
    """All verdicts on a module's mutants; new ones are written to the file as they come."""
    done = known(options.out, module, state)
    chosen = list(mutants(state.code))
    if options.sample and options.sample < len(chosen):
        chosen = random.Random(options.seed).sample(chosen, options.sample)
    keys = [(module, mutant.line, mutant.column, mutant.change, state.source) for mutant in chosen]
    missing = [mutant for mutant, key in zip(chosen, keys, strict=True) if key not in done]
    if missing:
        limit = _limit(module, trees)

        def judge(mutant: Mutant) -> Verdict:
            tree = trees.get()
            try:
                return try_out(tree, module, state, mutant, limit)
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(options.jobs) as pool, options.out.open("a", encoding="utf-8") as file:
            for verdict in pool.map(judge, missing):
                file.write(json.dumps(asdict(verdict)) + "\n")
                file.flush()
                done[verdict.key] = verdict
    return [done[key] for key in keys]


def _limit(module: str, trees: "Queue[Path]") -> float:
    tree, started = trees.get(), time.perf_counter()
    try:
        if not passes(tree, GUARDS[module], 600):
            sys.exit(f"{module}: its tests fail as it is: {' '.join(GUARDS[module])}")
    finally:
        trees.put(tree)
    return max(LEAST, 5 * (time.perf_counter() - started))


def _preload(modules: list[str]) -> None:
    """Imports what tests need before forking: most of a mutant's time would be spent there."""
    for name in ("numpy", "pydantic", "shapely", "rasterio", "PIL.Image", "pytest", "hypothesis", "click"):
        __import__(name)
    if any(module.startswith(NEEDS_TORCH) for module in modules):
        import torch

        torch.set_num_threads(1)


def main() -> None:
    """Prints a row per module, then the survivors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"default: all of {', '.join(GUARDS)}")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="N random mutants of each module")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("mutants.jsonl"))
    options = parser.parse_args()
    if unknown := set(options.modules) - set(GUARDS):
        parser.error(f"no module {', '.join(sorted(unknown))}; there are {', '.join(GUARDS)}")
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    modules = options.modules or list(GUARDS)
    _preload(modules)
    survivors: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix="mutants_") as scratch:
        states = {module: State.of(module) for module in modules}
        trees: Queue[Path] = Queue()
        for number in range(options.jobs):
            (Path(scratch) / str(number)).mkdir()
            trees.put(copied(Path(scratch) / str(number)))
        print("| module | mutants | noticed | share | s each |\n|---|---|---|---|---|", flush=True)
        for module in modules:
            found = study(module, states[module], trees, options)
            noticed = sum(each.noticed for each in found)
            mean = sum(each.seconds for each in found) / len(found)
            print(f"| {module} | {len(found)} | {noticed} | {noticed / len(found):.1%} | {mean:.1f} |", flush=True)
            survivors += [each for each in found if not each.noticed]
    for each in survivors:
        print(f"{path_of(each.module)}:{each.line}: {each.change}")


if __name__ == "__main__":
    main()
