"""A job killed at random moments: is anything lost, is the result identical, is anything left behind?"""

import os
import random
import shutil
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fault_fork import End, run
from fault_jobs import Job, files, fresh

GROWING = ("run/", "picks/.smalti-picks")
"""A training's own files; a list of copies with a line for each one that is complete."""


@dataclass(slots=True)
class Kills:
    """The results of killing one job."""

    job: str
    kills: int = 0
    late: int = 0
    """Runs that ended before they were killed: not counted as kills."""
    faults: Counter[str] = field(default_factory=Counter)

    def row(self) -> str:
        """One row of the table."""
        faults = "; ".join(f"{count} {fault}" for fault, count in self.faults.most_common()) or "none"
        return f"| {self.job} | {self.kills} | {faults} |"


def kill(job: Job, folder: Path, times: int, seed: int) -> Kills:
    """Kills a job `times` times, each in its own run at a random moment, and lets the same command resume it.

    Every third run is killed twice or three times. After each kill whatever has a final name must have its final bytes;
    after the final run, all files must be identical to those of an uninterrupted run, and there may be no others.
    """
    moments = random.Random(seed)
    source = in_child(job.prepare, folder / "inputs")
    work = fresh(folder / "work", source)
    whole = run(list(job.arguments), work)
    assert whole.code == 0, whole.err
    expected = files(work)
    result = Kills(job.name)
    while result.kills < times:
        fresh(work, source)
        for _ in range(moments.choice((1, 1, 2))):
            end = run(list(job.arguments), work, kill_after=moments.uniform(0, whole.seconds))
            result.kills += end.signal is not None
            result.late += end.signal is None
            result.faults.update(_half_written(files(work), expected))
        result.faults.update(_at_the_end(run(list(job.arguments), work), files(work), expected))
    shutil.rmtree(folder)
    return result


def in_child(prepare: Callable[[Path], None], folder: Path) -> Path:
    """A job's inputs, made in a child: what OpenCV's and torch's threads leave in a process does not survive a fork."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            prepare(folder)
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    return folder


def _half_written(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """Files under a final name with other bytes than the final ones, but for those that grow during the job."""
    stable = (name for name in found if name in expected and not name.startswith(GROWING))
    return [f"{name} half-written" for name in stable if found[name] != expected[name]]


def _at_the_end(end: End, found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    if end.code != 0:
        return [f"ends with {end.code or end.signal}: {end.err.strip()[-200:]}"]
    lost = [f"{name} missing" for name in expected.keys() - found.keys()]
    left = [f"{name} left behind" for name in found.keys() - expected.keys()]
    other = [f"{name} has other bytes" for name in expected.keys() & found.keys() if expected[name] != found[name]]
    return lost + left + other
