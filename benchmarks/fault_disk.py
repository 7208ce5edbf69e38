"""Jobs on disks that are too small, and on disks that give read errors (Linux; needs root and strace)."""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fault_fork import End, run
from fault_jobs import Job, files, fresh
from fault_kills import in_child

STEPS = 24  # sizes of the disk between "nothing fits" and "all fits"
READS = 12  # places at which reading an input begins to fail
FULL, UNREADABLE = 4, 3


@dataclass(slots=True)
class Starved:
    """The results of one job on bad disks."""

    job: str
    runs: int = 0
    codes: Counter[int | None] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def row(self) -> str:
        """One row of the table."""
        faults = "; ".join(f"{count} {fault}" for fault, count in self.faults.most_common()) or "none"
        codes = ", ".join(f"{count} x exit {code}" for code, count in sorted(self.codes.items(), key=str))
        return f"| {self.job} | {self.runs} | {codes} | {faults} |"


def fill(job: Job, folder: Path) -> Starved:
    """Runs a job on disks of rising size; each run that fails is resumed on a disk that is large enough."""
    source = in_child(job.prepare, folder / "inputs")
    with _disk(folder / "disk", 1 << 30) as disk:  # at the same place: a job's mark knows the paths of its inputs
        whole = fresh(disk / "work", source)
        assert run(list(job.arguments), whole, output=folder).code == 0
        expected, inputs, all_of_it = files(whole), _size(source), _size(whole) * 3
    result = Starved(f"{job.name}, full disk")
    for step in range(1, STEPS + 1):
        size = inputs + (all_of_it - inputs) * step // STEPS
        with _disk(folder / "disk", size + 65536) as disk:
            work = fresh(disk / "work", source)
            end = run(list(job.arguments), work, limit=120, output=folder)
            result.runs += 1
            result.codes[end.code] += 1
            result.faults.update(_refusal(end, FULL))
            subprocess.run(["mount", "-o", f"remount,size={all_of_it * 4 + (64 << 20)}", disk], check=True)
            end = run(list(job.arguments), work, limit=120, output=folder)
            found = files(work)
            result.faults.update([f"not resumed: {end.err.strip()[-150:]}"] if end.code else [])
            differ = [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
            result.faults.update(f"{name} differs after resuming" for name in differ)
    shutil.rmtree(folder)
    return result


def misread(job: Job, folder: Path) -> Starved:
    """Runs a job while every read of one of its inputs fails from the n-th on."""
    source = in_child(job.prepare, folder / "inputs")
    whole = fresh(folder / "work", source)
    victims = [path for path in sorted(whole.rglob("*")) if path.is_file() and path.suffix != ".toml"]
    _traced(job, whole, victims, None)
    expected = files(whole)
    result = Starved(f"{job.name}, read errors")
    for number in range(READS):
        work = fresh(folder / "work", source)
        victim = victims[number % len(victims)]
        done = _traced(job, work, [victim], 1 + number // len(victims) * 2)
        result.runs += 1
        result.codes[done.code] += 1
        if done.code:
            result.faults.update(_refusal(done, UNREADABLE))
        elif job.name != "photos":
            found = files(work)
            result.faults.update(f"{name} differs" for name in expected if expected[name] != found.get(name))
    shutil.rmtree(folder)
    return result


def _refusal(end: End, code: int) -> list[str]:
    """What is wrong with a refusal: another exit code, more than one line, or worse."""
    if end.code == 0:
        return []
    if end.fault:
        return [end.fault]
    lines = [line for line in end.err.splitlines() if line.startswith("smalti: ")]
    wrong = [f"exit {end.code} instead of {code}: {end.err.strip()[-150:]}"] if end.code != code else []
    return wrong + ([] if lines else [f"no line of ours: {end.err.strip()[-150:]}"])


def _traced(job: Job, folder: Path, victims: list[Path], fail_from: int | None) -> End:
    command = [sys.executable, "-m", "smalti", *job.arguments]
    if fail_from is not None:
        places = [word for path in victims for word in ("-P", str(path))]
        calls = "read,pread64,readv,preadv"
        inject = f"inject={calls}:error=EIO:when={fail_from}+"
        command = ["strace", "-f", "-qq", "-o", "/dev/null", *places, "-e", f"trace={calls}", "-e", inject, *command]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    return End(done.returncode, None, 0, done.stdout, done.stderr)


@contextmanager
def _disk(place: Path, size: int) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def _size(folder: Path) -> int:
    """The size of the files below a folder on a disk with pages of 4096 bytes."""
    return sum((path.stat().st_size // 4096 + 1) * 4096 for path in folder.rglob("*"))
