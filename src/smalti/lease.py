"""A lease: a lock for places without locks of their own, such as object stores and some network file systems.

A lease is one small object that names its holder. It is created only if there is none, and its holder writes it again
every few seconds. One that was not written for `EXPIRY_S` belongs to a process that has died: another one may take it,
if it is still the version that was seen. So all that a place must offer is a conditional write, see `LeaseStore`.
Ages are those of the place's own clock: clocks of machines differ.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from smalti.errors import BusyError

EXPIRY_S = 60.0
"""Seconds after its last write from which on a lease may be taken."""
BEAT_S = 10.0
"""Seconds between two writes."""


@dataclass(frozen=True, slots=True)
class Found:
    """A lease as it lies in its place."""

    content: bytes
    version: str
    """Another one after each write: an ETag, or a digest."""
    age_s: float
    """Seconds since it was written, by the clock of its place."""


class LeaseStore(Protocol):
    """The place of one lease. Methods raise OSError where the place cannot be reached."""

    def read(self) -> Found | None:
        """The lease; None if there is none."""

    def put(self, content: bytes, over: str | None) -> str | None:
        """Writes the lease if its version is still `over`, or if there is none for None.

        Returns the new version, or None if another process was faster.
        """

    def remove(self, version: str) -> None:
        """Removes the lease if it is still of that version."""


class Lease:
    """A lease that this process holds; a thread writes it again and again."""

    def __init__(self, store: LeaseStore, what: str, who: str, version: str | None, expiry_s: float) -> None:
        """Takes the lease in place of `version`; BusyError if another process was faster."""
        self._store, self._what, self._expiry_s = store, what, expiry_s
        self._head = f"{who}\n{secrets.token_hex(16)}"
        taken = store.put(self._content(), version)
        if taken is None:
            raise BusyError(f"{what}: another process has just begun to make it; wait for it or choose another output")
        self._version = taken
        self._written, self._lost, self._end = time.monotonic(), False, threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def check(self) -> None:
        """BusyError if another process may have taken the lease: after a long sleep, or without a connection."""
        if self._lost or time.monotonic() - self._written > self._expiry_s:
            text = f"{self._what}: its lease has expired, as this process slept or lost its connection"
            raise BusyError(f"{text}; run again to resume")

    def _beat(self) -> None:
        while not self._lost and not self._end.wait(self._expiry_s * BEAT_S / EXPIRY_S):
            with suppress(OSError):  # no connection for now; `check` counts the time
                self._write()

    def _write(self) -> None:
        before = time.monotonic()
        version = self._store.put(self._content(), self._version)
        if version is not None:
            self._version, self._written = version, before
        elif (found := self._store.read()) and found.content.startswith(self._head.encode()):
            self._version = found.version  # the answer to an earlier write was lost
        else:
            self._lost = True

    def _content(self) -> bytes:
        """Unlike that of any other write, so that its digest is a version."""
        return f"{self._head}\n{secrets.token_hex(8)}\n".encode()

    def start(self) -> None:
        """Begins to write it again and again."""
        self._thread.start()

    def end(self) -> None:
        """Removes it, unless another process has taken it."""
        self._end.set()
        self._thread.join()
        if not self._lost:
            self._store.remove(self._version)


@contextmanager
def leased(
    store: LeaseStore,
    what: str,
    who: str,
    *,
    dead: Callable[[bytes], bool] = lambda _: False,
    expiry_s: float = EXPIRY_S,
) -> Iterator[Lease]:
    """Holds a lease on the output named `what`; BusyError if another process holds it.

    The first line of `who` names this process. `dead` is asked whether the process of a lease, whose content begins
    with its `who`, is known to have died.
    """
    lease = _take(store, what, who, dead, expiry_s)
    lease.start()
    try:
        yield lease
    finally:
        lease.end()


def _take(store: LeaseStore, what: str, who: str, dead: Callable[[bytes], bool], expiry_s: float) -> Lease:
    found = store.read()
    holder = holder_of(found.content) if found else ""
    if found and found.age_s <= expiry_s and not dead(found.content):
        left = f"(if it has died, the lease expires in {max(1, round(expiry_s - found.age_s))} s)"
        raise BusyError(f"{what}: {holder} is already making it {left}; wait for it or choose another output")
    return Lease(store, what, who, found.version if found else None, expiry_s)


def holder_of(content: bytes) -> str:
    """The holder that a lease names."""
    return content.decode(errors="replace").partition("\n")[0].strip() or "another process"
