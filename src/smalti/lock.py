"""Lets one process at a time make an output.

OUT.tif.lock is held as long as the process lives: the system drops the lock of a process that died. OUT.tif.holder
names the process. On a file system that other machines may share, whose locks may be missing or known to one machine
alone, the holder's file is a lease (see `smalti.lease`) and there is no other lock.
"""

import hashlib
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from smalti.errors import BusyError
from smalti.files import beside, check_local, guarded
from smalti.lease import EXPIRY_S, Found, holder_of, leased

if TYPE_CHECKING:
    from filelock import FileLock

Check = Callable[[], None]
"""Raises BusyError where the output may no longer be this process's; called before something is published."""
_LOCAL = (
    "apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs", "hfsplus", "jfs", "ntfs", "ntfs3",
    "overlay", "ramfs", "reiserfs", "tmpfs", "vfat", "xfs", "zfs",
)  # fmt: skip
"""File systems of one machine, whose locks all processes see."""


@contextmanager
def hold(output: Path) -> Iterator[Check]:
    """Locks an output for this process; BusyError if another holds it, OutputError if its folder cannot be written.

    Yields a function that raises BusyError if the output is no longer held, which happens to leases only.
    """
    check_local(output)
    lock, holder = beside(output, "lock"), beside(output, "holder")
    with ExitStack() as stack:
        with guarded(output):
            lock.parent.mkdir(parents=True, exist_ok=True)
            if is_local(lock.parent):
                stack.enter_context(_locked(lock, holder, output))
                stack.enter_context(_named(holder))
                check = _held
            else:
                check = stack.enter_context(leased(FileLease(holder), str(output), _this(), dead=_is_dead)).check
        yield check


def _held() -> None:
    """The system's lock is not lost while the process lives."""


def _this() -> str:
    """This process; its PID means something only within the second line."""
    return f"PID {os.getpid()} on {socket.gethostname()}\n{_pids()}"


def _pids() -> str:
    """The space that PIDs belong to: a container has its own. Empty if the system does not say."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _is_dead(lease: bytes) -> bool:
    """Whether the process of a lease is known to have died: only processes of this machine are known."""
    import psutil  # here: it is rarely needed

    who, pids = (*lease.decode(errors="replace").splitlines(), "", "")[:2]
    pid = who.removeprefix("PID ").partition(" ")[0]
    return bool(pids) and pids == _pids() and pid.isdecimal() and not psutil.pid_exists(int(pid))


@contextmanager
def _named(holder: Path) -> Iterator[None]:
    holder.write_text(f"{_this()}\n", encoding="utf-8")
    try:
        yield
    finally:
        holder.unlink(missing_ok=True)


@contextmanager
def _locked(lock: Path, holder: Path, output: Path) -> Iterator[None]:
    held = _lock(lock, holder, output)
    try:
        yield
    finally:
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
        return holder_of(holder.read_bytes())
    except OSError:
        return "another process"


def is_local(folder: Path) -> bool:
    """Whether a folder lies on a file system of this machine alone; so it is where the system does not say."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return True
    real = os.path.realpath(folder)
    mounts = ((line.split(" ")[4], line.partition(" - ")[2].split(" ")[0]) for line in lines)
    above = [(place, kind) for place, kind in mounts if Path(real).is_relative_to(place.replace("\\040", " "))]
    return not above or max(above, key=lambda found: len(found[0]))[1] in _LOCAL


class FileLease:
    """A lease in a file; see `smalti.lease.LeaseStore`."""

    def __init__(self, path: Path) -> None:
        self._path, self._turn = path, path.with_name(f"{path.name}.turn")

    def read(self) -> Found | None:
        """The lease; None if there is none."""
        try:
            content, written = self._path.read_bytes(), self._path.stat().st_mtime
        except FileNotFoundError:
            return None
        return Found(content, _version(content), self._now() - written)

    def put(self, content: bytes, over: str | None) -> str | None:
        """Writes it in one process's turn, which lasts as long as a file made by it alone."""
        with suppress(FileExistsError):
            if over is None:
                _create(self._path, content)
                return _version(content)
            _create(self._turn, b"")
            try:
                return self._replaced(content, over)
            finally:
                self._turn.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            if over is not None and self._now() - self._turn.stat().st_mtime > EXPIRY_S:  # killed in its turn
                self._turn.unlink()
        return None

    def remove(self, version: str) -> None:
        """Removes it if it is still of that version."""
        found = self.read()
        if found and found.version == version:
            self._path.unlink(missing_ok=True)

    def _replaced(self, content: bytes, over: str) -> str | None:
        found = self.read()
        if found is None or found.version != over:
            return None
        new = self._beside()
        new.write_bytes(content)
        new.replace(self._path)
        return _version(content)

    def _now(self) -> float:
        """The time by the clock of the file system."""
        probe = self._beside()
        _create(probe, b"")
        try:
            return probe.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)

    def _beside(self) -> Path:
        return self._path.with_name(f"{self._path.name}.{secrets.token_hex(6)}")


def _create(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
