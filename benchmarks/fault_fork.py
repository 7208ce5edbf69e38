"""The program in a process of its own, quickly: a forked child of a parent that has imported everything."""

import importlib
import os
import resource
import select
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

UNCAUGHT = 70  # an exception that left the command line
PRELOADED = (
    "filelock",
    "pillow_heif",
    "platformdirs",
    "pyogrio.raw",
    "pyproj",
    "rasterio.warp",
    "lightning.fabric",
    "torch.utils.tensorboard",
    "smalti.cli.evaluate",
    "smalti.workflows.training_run",
    "smalti.photos.page",
    "smalti.photos.sidecars",
    "smalti.photos.tables",
    "smalti.polygons.vectorize",
    "smalti.raster.mosaic",
    "smalti.report.map_page",
    "smalti.workflows.evaluate",
    "smalti.workflows.map",
    "smalti.workflows.photos",
)


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended: its exit code, or the signal that ended it (SIGALRM, SIGXCPU: it ran past a limit)."""

    code: int | None
    signal: int | None
    seconds: float
    out: str
    err: str

    @property
    def fault(self) -> str | None:
        """A hang, a crash of the interpreter, or a traceback, which no input may cause; None if there is none."""
        if self.signal in (signal.SIGALRM, signal.SIGXCPU):
            return "hang"
        if self.signal is not None:
            return f"crash ({signal.Signals(self.signal).name})"
        if self.code == UNCAUGHT or "Traceback (most recent call last)" in self.err:
            return "traceback"
        return None


def preload() -> None:
    """Imports what the commands import when they are called, so that a child begins at once."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in PRELOADED:
        importlib.import_module(name)


def run(
    arguments: list[str],
    folder: Path,
    *,
    kill_after: float | None = None,
    limit: float = 600,
    processor: int | None = None,
    memory: int | None = None,
    output: Path | None = None,
) -> End:
    """Runs `smalti ARGUMENTS...` in `folder`; SIGKILL after `kill_after` seconds, SIGALRM after `limit`.

    `processor` bounds the seconds of the processor that the child may take, `memory` its own data in bytes
    (RLIMIT_DATA). Its cache lies in `folder/cache`. What it prints is kept in the folder `output` meanwhile, by
    default in `folder`.
    """
    out, err = (output or folder) / ".stdout", (output or folder) / ".stderr"
    for path in (out, err):
        path.touch()  # a child may be killed before it comes to it
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        _child(arguments, folder, out, err, memory, processor)
    with suppress(OSError):
        os.setpgid(pid, pid)  # whoever comes first: it may be killed at once, with all that it has started
    status = _wait(pid, kill_after, limit)
    seconds = time.monotonic() - start
    code = os.waitstatus_to_exitcode(status)
    texts = [path.read_text(errors="replace") for path in (out, err)]
    out.unlink()
    err.unlink()
    return End(code if code >= 0 else None, -code if code < 0 else None, seconds, *texts)


def _wait(pid: int, kill_after: float | None, limit: float) -> int:
    handle = os.pidfd_open(pid)
    try:
        for seconds, number in ((kill_after, signal.SIGKILL), (limit, signal.SIGALRM)):
            if seconds is not None and not select.select([handle], [], [], seconds)[0]:
                os.killpg(pid, number)
                break
        return os.waitpid(pid, 0)[1]
    finally:
        os.close(handle)


def _child(
    arguments: list[str], folder: Path, out: Path, err: Path, memory: int | None, processor: int | None
) -> NoReturn:
    code = UNCAUGHT
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        for path, number in ((out, 1), (err, 2)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.chdir(folder)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        if memory:
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        if processor:
            resource.setrlimit(resource.RLIMIT_CPU, (processor, processor + 5))
        code = _command(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _command(arguments: list[str]) -> int:
    from smalti.cli import main

    sys.argv = ["smalti", *arguments]
    try:
        main()
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 1
    return 0
