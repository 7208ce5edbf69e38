"""Small documents of one place, written only if no one else has written them meanwhile: of a prefix, or of a folder."""

import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from smalti.errors import BusyError
from smalti.files import guarded, write_whole
from smalti.lock import hold
from smalti.remote.address import Address
from smalti.remote.store import Store

_ATTEMPTS = 30
_LONGEST_PAUSE_S = 2.0


class Shelf(Protocol):
    """A place of documents."""

    def get(self, name: str) -> tuple[bytes, str] | None:
        """A document and its version; None if there is none."""

    def put_if(self, name: str, content: bytes, version: str | None) -> str | None:
        """Writes a document that still has that version, or with None does not exist; None if it is not so."""

    def where(self, name: str) -> str:
        """The address of a document."""


class StoreShelf:
    """The documents below a prefix of a store."""

    def __init__(self, store: Store, prefix: Address) -> None:
        self._store, self._prefix = store, prefix

    def get(self, name: str) -> tuple[bytes, str] | None:
        """See `Shelf`."""
        return self._store.get(self._prefix.at(name))

    def put_if(self, name: str, content: bytes, version: str | None) -> str | None:
        """See `Shelf`."""
        return self._store.put_if(self._prefix.at(name), content, version)

    def where(self, name: str) -> str:
        """See `Shelf`."""
        return str(self._prefix.at(name))


class FolderShelf:
    """The documents of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> tuple[bytes, str] | None:
        """See `Shelf`."""
        path = self._folder / name
        with guarded(path):
            if not path.exists():
                return None
            content = path.read_bytes()
        return content, hashlib.sha256(content).hexdigest()

    def put_if(self, name: str, content: bytes, version: str | None) -> str | None:
        """See `Shelf`."""
        path = self._folder / name
        try:
            with hold(path):
                found = self.get(name)
                if (found and found[1]) != version:
                    return None
                write_whole(path, content)
        except BusyError:  # another process writes it just now
            return None
        return hashlib.sha256(content).hexdigest()

    def where(self, name: str) -> str:
        """See `Shelf`."""
        return str(self._folder / name)


def merge(shelf: Shelf, name: str, change: Callable[[bytes | None], bytes]) -> None:
    """Replaces a document by what `change` makes of it, again if another process was faster; BusyError at last."""
    for attempt in range(_ATTEMPTS):
        found = shelf.get(name)
        content = change(found and found[0])
        if found is not None and content == found[0]:
            return
        if shelf.put_if(name, content, found and found[1]) is not None:
            return
        time.sleep(random.uniform(0, min(_LONGEST_PAUSE_S, 0.05 * 2**attempt)))
    raise BusyError(f"{shelf.where(name)}: other processes write it all the time; run again later")
