"""A process of the server: does jobs, has overviews built, or makes one file."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smalti.app.folders import Folders

_GRACE_S = 6.0
_NICE = {"jobs": 5, "overviews": 19}
"""The server answers first, then jobs get the cores, then overviews."""


def work(kind: str, folder: Path, names: tuple[str, ...]) -> None:
    """Works until the standard input is closed, or until the one file is made."""
    folders = Folders(folder)
    if kind == "result":
        from smalti.app.jobs.making import make_result

        make_result(folders, *names)
        return
    if kind == "overview":
        from smalti.app.viewing.overviews import build

        name, source, resampling = names
        build(Path(source), folders.overviews(name), resampling)
        return
    if hasattr(os, "nice"):
        os.nice(_NICE[kind])
    stop = watch_parent()
    with _alone(folder / f"{kind}.lock"):
        if kind == "jobs":
            from smalti.app.jobs.worker import work_through

            work_through(folders, stop)
        else:
            from smalti.app.viewing.overviews import build_all

            build_all(folders, stop)


def watch_parent() -> threading.Event:
    """Set when the standard input is closed; the process ends soon after, whatever it is at."""
    stop = threading.Event()

    def watch() -> None:
        while sys.stdin.buffer.read(1):
            pass
        stop.set()
        threading.Event().wait(_GRACE_S)
        os._exit(0)  # strips that are finished are on the disk; the rest is made again

    threading.Thread(target=watch, name="parent", daemon=True).start()
    return stop


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process of that kind works in the folder; the system drops the lock of a killed one."""
    from filelock import FileLock

    with FileLock(path):
        yield
