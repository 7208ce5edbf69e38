"""The turn of processes that fill the spool of one map with its strips, each strip in one process.

The process that holds the map begins a turn and names it to the others. Each of them locks its strip and then looks
whether the turn still lasts. Whoever holds the map next ends the turn and then looks for locked strips: so nobody is
left who fills the spool from an earlier turn, whichever process was killed.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from smalti.errors import BusyError
from smalti.lock import Check, hold
from smalti.mapping.spool import Spool

_NOTE = "turn"


def begin_turn(spool: Spool) -> str:
    """Begins the turn of processes that fill a spool; returns its name."""
    name = secrets.token_hex(16)
    spool.keep(_NOTE, name.encode())
    return name


def end_turn(folder: Path) -> None:
    """Ends the turn of a spool's folder, if there is one; BusyError while a strip of it is being made."""
    (folder / _NOTE).unlink(missing_ok=True)
    for strip in {path.with_suffix("") for path in folder.glob("strip_*") if path.suffix in (".lock", ".holder")}:
        with hold(strip):
            pass


@contextmanager
def hold_strip(folder: Path, row: int, turn: str) -> Iterator[Check]:
    """Locks the strip that begins at a row; BusyError if another process holds it, or the turn has ended."""
    _check(folder, turn)
    try:
        with hold(folder / f"strip_{row:08d}") as check:
            _check(folder, turn)
            yield check
    finally:
        with suppress(OSError):  # only if the spool was removed meanwhile, and locking has made its folder again
            folder.rmdir()


def _check(folder: Path, turn: str) -> None:
    note = folder / _NOTE
    if not note.is_file() or note.read_text(encoding="utf-8") != turn:
        raise BusyError(f"{folder}: the strips of this map are no longer asked for; run the command again")
