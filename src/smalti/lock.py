"""One process at a time makes an output: the system drops the lock of a process that died.

OUT.tif.lock is held as long as the process lives; OUT.tif.holder says which process that is.
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
    """Holds an output for this process; BusyError if another does, OutputError if its folder cannot be written."""
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
        with suppress(OSError):  # Windows keeps an open file; filelock removes it there when it lets go
            lock.unlink()  # before letting go: afterwards it may be another process's
        held.release()


def _lock(lock: Path, holder: Path, output: Path) -> "FileLock":
    from filelock import FileLock, Timeout  # here: it takes a twentieth of a second to import

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
    """Who holds an output. In a file of its own: the lock's may be emptied by who asks for it, or not be readable."""
    try:
        return holder.read_text(encoding="utf-8", errors="replace").strip() or "another process"
    except OSError:
        return "another process"
