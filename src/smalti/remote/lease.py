"""The lease of an output in an object store: an object beside it, OUT.tif.lock; see `smalti.lease`."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from smalti.lease import Found, Lease, holder_of, leased
from smalti.remote.address import Address
from smalti.remote.store import Store, StoreError


@contextmanager
def leased_object(store: Store, output: Address, ahead: timedelta = timedelta()) -> Iterator[Lease]:
    """Holds the lease of an output; BusyError if another process has it, StoreError if the store refuses.

    `ahead` is how much the store's clock is ahead of this machine's.
    """
    place = ObjectLease(store, output.above.at(f"{output.name}.lock"), ahead)
    try:
        with leased(place, str(output), f"PID {os.getpid()} on {socket.gethostname()}", dead=_died_here) as lease:
            yield lease
    except _UnreachedError as error:
        raise StoreError(str(error)) from None


class _UnreachedError(OSError):
    """The store refuses or does not answer."""


class ObjectLease:
    """An object that holds a lease; see `smalti.lease.LeaseStore`."""

    def __init__(self, store: Store, address: Address, ahead: timedelta) -> None:
        self._store, self._address, self._ahead = store, address, ahead

    def read(self) -> Found | None:
        """The lease; None if there is none."""
        with _unreached():
            found = self._store.get(self._address)  # its refusals say more than those of a HEAD
            blob = self._store.head(self._address) if found is not None else None
        if blob is None or found is None:
            return None
        age = datetime.now(UTC) + self._ahead - blob.modified
        return Found(found[0], found[1], age.total_seconds())

    def put(self, content: bytes, over: str | None) -> str | None:
        """Writes it conditionally; None if another process was faster."""
        with _unreached():
            return self._store.put_if(self._address, content, over)

    def remove(self, version: str) -> None:
        """Removes it if it is still of that version."""
        with _unreached():
            found = self._store.get(self._address)
            if found is not None and found[1] == version:
                self._store.remove(self._address)


@contextmanager
def _unreached() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise _UnreachedError(str(error)) from None


def _died_here(lease: bytes) -> bool:
    """Whether the holder was a process of this machine that has ended."""
    import psutil  # here: it is rarely needed

    pid, _, host = holder_of(lease).removeprefix("PID ").partition(" on ")
    return host == socket.gethostname() and pid.isdecimal() and not psutil.pid_exists(int(pid))
