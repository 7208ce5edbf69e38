"""Atomic files, which get their final name only when complete; checks of output paths; the user's folders."""

import errno
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Literal

from smalti.errors import OutputError

_WINDOWS = os.name == "nt"
_UNFINISHED = re.compile(r"(.+?)\.(?:([A-Za-z0-9_-]+)-)?(\d+)(?:\.\d+)?\.unfinished(?:\.\w+)?(?:-journal|-wal|-shm)?")
"""OUT.HOST-PID.THREAD.unfinished, optionally with an ending and a suffix of SQLite's files; earlier versions omitted
the host or the thread."""
_SCHEME = re.compile(r"(?:file|zip|tar|gzip|https?|ftp|s3|gs|az|oss)(?:\+\w+)*:", re.IGNORECASE)
"""What rasterio treats as the beginning of a URL, with or without slashes."""
_OF_SQLITE = ("-journal", "-wal", "-shm")
_ABANDONED_S = 3600
"""An unfinished file of another machine that was not written to for so long is abandoned."""


def beside(output: Path, kind: str) -> Path:
    """The path of a temporary file or folder of an output: next to it, or to the file that it links to."""
    real = through(output)
    return real.with_name(f"{real.name}.{kind}")


def through(output: Path) -> Path:
    """The file to write for an output: the target of a link, so that the link itself is kept."""
    return Path(os.path.realpath(output)) if output.is_symlink() else output


def check_local(output: Path | str) -> None:
    """OutputError if an output is a URL or a path of one of GDAL's virtual file systems, which are not written."""
    text = output if isinstance(output, str) else output.as_posix()
    if match := re.match(r"([a-zA-Z][a-zA-Z0-9+.-]+):/+", text):  # Path removes one of the slashes
        text = f"{match[1]}://{text[match.end() :]}"
    elif not text.startswith("/vsi") and not _SCHEME.match(text):
        return
    raise OutputError(f"{text}: only local files are written; expected a path: write it here and copy it there")


def user_cache() -> Path | None:
    """The user's cache folder, which need not exist; None for a user without a home."""
    return _user_folder("cache")


def user_data() -> Path | None:
    """The user's data folder, for models, which need not exist; None for a user without a home."""
    return _user_folder("data")


def _user_folder(kind: Literal["cache", "data"]) -> Path | None:
    import platformdirs  # here: few commands need it

    try:
        folders = platformdirs.PlatformDirs("smalti", appauthor=False)
        path = folders.user_cache_path if kind == "cache" else folders.user_data_path
    except (RuntimeError, KeyError):
        return None
    return path if path.is_absolute() else None  # older versions leave the tilde


def check_place(output: Path, parents: bool = False) -> None:
    """OutputError if a file of that name cannot be written; writes nothing.

    Its folder must exist, or with `parents` can be made.
    """
    check_local(output)
    _check_name(output)
    real = through(output)
    with guarded(output):
        longest = _unfinished(output, f"{real.suffix}-journal")
        with suppress(FileNotFoundError):
            longest.lstat()  # finds a name that is too long
        if real.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    folder = next((above for above in real.parents if above.exists()), real.parent) if parents else real.parent
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{output}: cannot be written: {folder} is a file, not a folder")
    if not folder.is_dir():
        raise OutputError(f"{output}: {folder}: there is no such folder; make it first, or choose another output")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{output}: permission denied in {folder}: it cannot be written to; choose another output")


def _check_name(output: Path) -> None:
    """OutputError for a name that libraries cannot write, or write otherwise: line breaks, bytes that are not UTF-8."""
    if not output.name.isprintable():
        raise OutputError(f"{str(output)!a}: this name has characters that cannot be printed; choose another one")


@contextmanager
def guarded(output: Path) -> Iterator[None]:
    """Turns errors of the file system into OutputError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{output}: cannot be written: {reason[:1].lower()}{reason[1:]}") from None


def sync(path: Path) -> None:
    """Waits until a file, or a folder's entries, are on the disk."""
    if _WINDOWS and path.is_dir():  # there is no such call
        return
    handle = os.open(path, os.O_RDWR if _WINDOWS else os.O_RDONLY)  # it syncs only what it may write
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish(finished: Path, output: Path) -> None:
    """Renames a finished file to its final name, or that of the file it links to; on the disk when this returns."""
    real = through(output)
    sync(finished)
    finished.replace(real)
    sync(real.parent)


@contextmanager
def appearing(output: Path, ending: str = "") -> Iterator[Path]:
    """A path to write a file to, which becomes `output` if the block succeeds and is removed otherwise; OutputError.

    `ending` is appended where a library needs one.
    """
    check_local(output)
    sweep(output)
    unfinished = _unfinished(output, ending)
    with guarded(output):
        try:
            yield unfinished
            publish(unfinished, output)
        finally:
            for left in (unfinished, *(unfinished.with_name(unfinished.name + more) for more in _OF_SQLITE)):
                with suppress(OSError):
                    left.unlink()


def _unfinished(output: Path, ending: str) -> Path:
    """Of this thread alone: two that write one output must not write one temporary file."""
    return beside(output, f"{_host()}-{os.getpid()}.{threading.get_ident()}.unfinished{ending}")


def sweep(output: Path) -> None:
    """Removes temporary files that killed processes left of an output. Searches each folder once per process."""
    real = through(output)
    for path, name, host, pid in _leftovers(real.parent):
        with suppress(OSError):
            if name == real.name and _is_dead(path, host, int(pid)):
                path.unlink()


@cache
def _leftovers(folder: Path) -> list[tuple[Path, str, str, str]]:
    """Unfinished files in a folder: path, name of the output, host and PID of the process that wrote it."""
    with suppress(OSError):
        found = [(entry, _UNFINISHED.fullmatch(entry.name)) for entry in folder.iterdir()]
        return [(entry, match[1], match[2] or "", match[3]) for entry, match in found if match]
    return []


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "_", socket.gethostname())


def _is_dead(path: Path, host: str, pid: int) -> bool:
    """Whether the process that wrote an unfinished file has ended; on another machine, by its age. Raises OSError."""
    import psutil  # here: it is rarely needed

    if host in ("", _host()):
        return not psutil.pid_exists(pid)
    return time.time() - path.stat().st_mtime > _ABANDONED_S


def write_whole(output: Path, content: bytes) -> None:
    """Writes a file atomically, with the permissions of the file that it replaces."""
    with appearing(output) as unfinished:
        unfinished.write_bytes(content)
        if output.exists():
            shutil.copymode(output, unfinished)


def deliver(output: Path, content: bytes) -> None:
    """The same for a requested output: its folder is created if it is missing."""
    check_local(output)
    with guarded(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, content)
