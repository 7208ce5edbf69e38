"""Lets one process at a time make an output: the system drops the lock of a process that died.

OUT.tif.lock is held as long as the process lives; OUT.tif.holder names the process.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from smalti.errors import BusyError
from smalti.files import beside, check_local, guarded

if TYPE_CHECKING:
    from filelock import FileLock


@contextmanager
def hold(output: Path) -> Iterator[None]:
    """Locks an output for this process; BusyError if another holds it, OutputError if its folder cannot be written."""
    check_local(output)
    lock, holder = beside(output, "lock"), beside(output, "holder")
    with guarded(output):
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = _lock(lock, holder, output)
        try:
            holder.write_text(f"PID {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        except OSError:
            held.release()
            raise
    try:
        yield
    finally:
        holder.unlink(missing_ok=True)
        with suppress(OSError):  # Windows keeps an open file; filelock removes it there on release
            lock.unlink()  # before the release: afterwards it may be another process's
        held.release()


def _lock(lock: Path, holder: Path, output: Path) -> "FileLock":
    from filelock import FileLock, Timeout  # here: its import takes 50 ms

    held = FileLock(lock, thread_local=False)
    while True:
        try:
            held.acquire(timeout=0)
            return held
        except Timeout:
            if lock.exists():
                raise BusyError(
                    f"{output}: {_read_holder(holder)} is already making it; wait for it or choose another output"
                ) from None
            lock.touch()  # its holder has just removed it, or the system makes no file here and says why


def _read_holder(holder: Path) -> str:
    """The holder of an output, from a separate file: the lock's may be emptied by other processes, or be unreadable."""
    try:
        return holder.read_text(encoding="utf-8", errors="replace").strip() or "another process"
    except OSError:
        return "another process"
