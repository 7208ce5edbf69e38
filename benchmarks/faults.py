"""The behaviour of the program when it is killed, given damaged files, or short of disk.

    python benchmarks/faults.py kill [--times 200]
    python benchmarks/faults.py inputs [--times 1000]
    python benchmarks/faults.py disk

`kill`: SIGKILL at random moments of four jobs; each is then resumed, and compared with an uninterrupted run.
`inputs`: files of twelve kinds with flipped bytes, cut or with edited fields, each given to the command that reads it.
`disk` (root, Linux): each job on disks of every size below the one that it needs, and with read errors at every read.

Linux only: children are forked from a process that has imported everything. `--only NAME` takes one job or kind;
`--seed` makes another series. Each table comes with the number of faults, which should be 0.
"""

import argparse
import os
import platform
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import TypeVar

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for the tests' tiny model
from fault_fork import preload
from fault_jobs import JOBS

T = TypeVar("T")


def main() -> None:
    options = _options()
    os.environ["OGR_CURRENT_DATE"] = "2026-01-01T00:00:00Z"  # a GeoPackage stores when it was written
    preload()
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, {date.today()}, seed {options.seed}\n", flush=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        {"kill": _kill, "inputs": _inputs, "disk": _disk}[options.what](options, Path(folder))


def _kill(options: argparse.Namespace, folder: Path) -> None:
    from fault_kills import kill

    print("| job | kills | faults |\n|---|---|---|", flush=True)
    for job in _chosen(JOBS, options.only):
        print(kill(job, folder / "job", options.times or 200, options.seed).row(), flush=True)


def _inputs(options: argparse.Namespace, folder: Path) -> None:
    from fault_inputs import damage_all
    from fault_kinds import KINDS

    print("| files | damaged | used | refused | faults |\n|---|---|---|---|---|", flush=True)
    for kind in _chosen(KINDS, options.only):
        result = damage_all(kind, folder / "kind", options.times or 1000, options.seed, options.keep)
        print(result.row(), flush=True)


def _disk(options: argparse.Namespace, folder: Path) -> None:
    from fault_disk import fill, misread

    print("| job | runs | ended with | faults |\n|---|---|---|---|", flush=True)
    for job in _chosen(JOBS, options.only):
        print(fill(job, folder / "job").row(), flush=True)
        print(misread(job, folder / "job").row(), flush=True)


def _chosen(things: dict[str, T], only: str | None) -> list[T]:
    """All of them, or the given one."""
    if only not in (None, *things):
        raise SystemExit(f"--only {only}: there are {', '.join(things)}")
    return [thing for name, thing in things.items() if only in (None, name)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("kill", "inputs", "disk"))
    parser.add_argument("--times", type=int, help="kills of each job (200), or damaged files of each kind (1000)")
    parser.add_argument("--only", metavar="NAME", help="one job, or one kind of file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the damaged inputs that show a fault")
    parser.add_argument("--folder", help="where the work is done")
    return parser.parse_args()


if __name__ == "__main__":
    main()
