"""Runs the tests under different instruction sets and numbers of threads of torch.

    python tools/check_cpus.py [--all] [TESTS ...]

Prints one row of a Markdown table per setting; each runs in random order. The exit code is 1 if any test fails. By
default every value of each setting is run once, with `--all` every combination. The last line names the folder of logs.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ATEN = ("default", "avx2", "avx512")
ONEDNN = ("SSE41", "AVX2", "DEFAULT")
THREADS = (1, 4)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PAIRED = (("default", "SSE41", 1), ("avx2", "AVX2", 4), ("avx512", "DEFAULT", 1), ("default", "DEFAULT", 4))
HEAD = "| ATen (used) | oneDNN | threads | order | passed | failed | skipped | s |\n|---|---|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Setting:
    """Settings of torch for a run of the tests; ATen's `default` means no vector instructions."""

    aten: str
    onednn: str
    threads: int

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the setting."""
        own = {"ATEN_CPU_CAPABILITY": self.aten, "ONEDNN_MAX_CPU_ISA": self.onednn}
        return os.environ | own | dict.fromkeys(THREAD_VARIABLES, str(self.threads))

    @property
    def taken(self) -> str:
        """The instruction set that torch then uses: a smaller one if the processor lacks the requested one."""
        code = "import torch; print(torch.backends.cpu.get_cpu_capability())"
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout.strip()


def settings(every: bool) -> list[Setting]:
    """The settings to run under."""
    return [Setting(*values) for values in (itertools.product(ATEN, ONEDNN, THREADS) if every else PAIRED)]


def run(setting: Setting, seed: int, options: argparse.Namespace, folder: Path) -> tuple[str, list[str]]:
    """Runs the tests; returns the row of the table and the names of the tests that failed."""
    name = f"{setting.aten}_{setting.onednn}_{setting.threads}".lower()
    report = folder / f"{name}.xml"
    command = [sys.executable, "-m", "pytest", "-n", options.jobs, "--dist", "loadscope", f"--junitxml={report}"]
    command += ["--random-order", f"--random-order-seed={seed}", *options.tests]
    started = time.perf_counter()
    with (folder / f"{name}.log").open("w", encoding="utf-8") as log:
        subprocess.run(command, cwd=ROOT, env=setting.environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    seconds = time.perf_counter() - started
    passed, failed, skipped = results(report)
    cells = (f"{setting.aten} ({setting.taken})", setting.onednn, setting.threads, seed, passed, len(failed), skipped)
    return f"| {' | '.join(map(str, cells))} | {seconds:.0f} |", failed


def results(report: Path) -> tuple[int, list[str], int]:
    """How many tests passed, which failed, and how many were skipped."""
    if not report.exists():
        return 0, ["pytest did not come to its end"], 0
    cases = list(ET.parse(report).getroot().iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = sum(case.find("skipped") is not None for case in cases)
    names = sorted({f"{case.get('classname')}::{case.get('name')}" for case in failed})
    return len(cases) - len(failed) - skipped, names, skipped


def main() -> None:
    """Runs the tests under one setting after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*", help="tests, folders of tests, or options of pytest (after --)")
    parser.add_argument("--all", action="store_true", help="every combination instead of every value once")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first order; each run uses the next one")
    parser.add_argument("--jobs", default="logical", help="processes at a time (default: one per core)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="check_cpus_"))
    print(HEAD, flush=True)
    broken = False
    for seed, setting in enumerate(settings(options.all), start=options.seed):
        row, failed = run(setting, seed, options, folder)
        print(row, flush=True)
        for name in failed:
            print(f"  failed: {name}", file=sys.stderr, flush=True)
        broken = broken or bool(failed)
    print(f"logs: {folder}", file=sys.stderr)
    sys.exit(broken)


if __name__ == "__main__":
    main()
